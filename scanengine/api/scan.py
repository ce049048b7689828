"""A scan that can be run: a definition with its responses and its likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scanengine import definition as definitions
from scanengine.api.origin import InMemory
from scanengine.api.result import Result, from_stored
from scanengine.chi2.direct import DirectEvaluator, differential_cross_section
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.definition import Definition, chosen
from scanengine.errors import InputError
from scanengine.grid.arguments import confidence_levels, number, numbers, path, whole
from scanengine.grid.axes import FloatArray
from scanengine.grid.calibration import Calibration
from scanengine.grid.profiles import Fit
from scanengine.inference.calibration import MOST_PSEUDO_EXPERIMENTS, calibrate
from scanengine.inference.contours import MOST_ROUNDING
from scanengine.inference.fitting import Minimum, find_minima
from scanengine.inference.joint import JointFit, joint_fit
from scanengine.inference.proving import PROVEN_DELTA_CHI2, Proof, prove
from scanengine.inference.spectra import Spectrum, spectra
from scanengine.inputs.detectors import Bin
from scanengine.inputs.parameters import FLAVOURS, PARAMETERS
from scanengine.likelihood.profiled import Likelihood
from scanengine.response.integrals import Response
from scanengine.scan.estimate import Estimate, estimate
from scanengine.scan.how import MEMORY_BYTES, WORKER_TIMEOUT_S, how_to_run
from scanengine.scan.in_memory import run_in_memory
from scanengine.scan.problem import Problem, default_threads
from scanengine.scan.to_file import run_shard, run_to_file
from scanengine_kernels.direct import CrossSection

if TYPE_CHECKING:
    from scanengine.export import PublishedLikelihood


_HALF_A_DIGIT = {"float64": 2.0**-53, "float32": 2.0**-24}


_MOST_PROOFS = 4
"""So many times at most, places that a proof has found are added to the fit."""

_ROUNDING_OF_SUMS = 1e-13
"""How far a sum of many squares is rounded, relative to itself."""


class Events(NamedTuple):
    """Expected counts of one flavour in one bin of one channel.

    `units` are those of the bin's energies, whose upper end may be infinite.
    """

    experiment: str
    channel: str
    flavour: str
    bin: Bin
    units: str
    counts: float


def load(
    path_or_name: str | Path,
    overrides: str | Sequence[str] | Mapping[str, object] = (),
    *,
    cross_section: CrossSection | None = None,
    data: str | Path | None = None,
) -> Scan:
    """Load a scan file by its path, or a bundled scan by its name, as "large/nsi-5d".

    overrides are values by dotted keys of the scan file, as {"fixed.mu_nu": 10}, or texts KEY=VALUE, as `--set` takes
    them. cross_section, compiled with numba.njit, takes the place of the standard one at every grid point
    (`scanengine_kernels.direct` says how it is called). Files written as {data}/... are in the folder data, by default
    that of the environment variable SCANENGINE_DATA. Raises InputError with all faults of the file.
    """
    own_axes = cross_section is not None
    items = [overrides] if isinstance(overrides, str) else overrides
    path(path_or_name, "a scan file")
    if not isinstance(items, Mapping) and not all(isinstance(item, str) for item in items):
        raise InputError(f"overrides are texts KEY=VALUE, as 'fixed.mu_nu=10': found {items!r}")
    definition = definitions.read(path_or_name, items, require_axes=False, own_axes=own_axes, data=data)
    return Scan(definition, cross_section)


class Scan:
    """A scan file's definition, ready to be counted, evaluated and run.

    `problem` is what is evaluated on the grid, and how. To another process a scan goes as its definition, with all
    that was read from data files; what follows from it is worked out again there, to the same chi2.
    """

    def __init__(self, definition: Definition, cross_section: CrossSection | None = None) -> None:
        self.problem = Problem(definition, cross_section)

    @property
    def definition(self) -> Definition:
        """What the scan file says."""
        return self.problem.definition

    @property
    def cross_section(self) -> CrossSection | None:
        """The cross-section in place of the standard one, if one was given."""
        return self.problem.cross_section

    @property
    def responses(self) -> tuple[Response, ...]:
        """The integrals of every experiment, channel and flavour."""
        return self.problem.responses

    @property
    def likelihood(self) -> Likelihood:
        """The likelihood as a function of all parameters."""
        return self.problem.likelihood

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis."""
        return self.problem.shape

    @property
    def statistic(self) -> str:
        """The statistic of all experiments, or "mixed"."""
        return self.problem.statistic

    def __repr__(self) -> str:
        axes = ", ".join(f"{axis.name} ({axis.values.size})" for axis in self.definition.axes) or "none"
        experiments = ", ".join(experiment.name for experiment in self.definition.experiments)
        return f"Scan({self.definition.title!r}; experiments: {experiments}; axes: {axes})"

    def theta(self, **axis_values: float) -> FloatArray:
        """Return all physical parameters at these values of the axes; axes not named stay at the Standard Model."""
        return self.definition.parameters.values(self._point(axis_values))

    def _point(self, axis_values: Mapping[str, float]) -> FloatArray:
        unknown = set(axis_values) - {axis.name for axis in self.definition.axes}
        if unknown:
            raise InputError(f"{min(unknown)!r} is not an axis of this scan")
        values = {name: number(value, name) for name, value in axis_values.items()}
        at = [values.get(axis.name, self._standard_model(axis.name)) for axis in self.definition.axes]
        return np.array(at, dtype=np.float64)

    def chi2(self, **axis_values: float) -> float:
        """Return chi2 at one point, from the counts themselves; axes not named stay at the Standard Model."""
        if self.problem.is_direct:
            assert isinstance(self.problem.evaluator, DirectEvaluator)
            return self.problem.evaluator.chi2(self._point(axis_values))
        return float(self.likelihood.chi2(self.theta(**axis_values)))

    def fit_at(self, **axis_values: float) -> Fit:
        """Return the nuisances at one point, and how many degrees of freedom chi2 has if that is the best fit.

        Axes not named stay at the Standard Model.
        """
        return self.problem.fit_at(self.theta(**axis_values))

    def fit(self, *starts: Mapping[str, float]) -> list[Minimum]:
        """Return the minima of chi2 within the axes, between the grid's points, the lowest first.

        None of the starts, as a result's `best_fit`, is lower than the first; axes not named in one are at the Standard
        Model. Raises InputError if there are no axes, for a scan with a cross-section of its own, and where chi2 is
        lost in rounding.
        """
        likelihood = self.polynomial_likelihood("a fit")
        known = np.array([self._point(start) for start in starts]).reshape(-1, len(self.shape))
        minima = find_minima(likelihood, self.problem.evaluator, self.definition, known)
        _check_rounding(f"a fit with chi2 = {minima[0].chi2:.4g}", _ROUNDING_OF_SUMS * minima[0].chi2)
        return minima

    def prove(self, minima: Sequence[Minimum], *, delta_chi2: float = PROVEN_DELTA_CHI2) -> Proof:
        """Return what is proven of minima that `fit` has returned: chi2 is bounded from below everywhere in the axes.

        Whether they are all that lie within delta_chi2 of the lowest, and between which numbers that one lies. Raises
        InputError where chi2 is no sum of squared quadratics: of Poisson counts, of nuisances that change a signal, of
        errors with two sides, and of a cross-section of one's own.
        """
        delta_chi2 = number(delta_chi2, "delta_chi2")
        if not delta_chi2 > 0.0:
            raise InputError(f"delta_chi2 must be above zero: found {delta_chi2:g}")
        evaluator = self.problem.evaluator
        if not isinstance(evaluator, ChiSquaredPolynomial):
            raise InputError(
                "a proof needs a chi2 that is a sum of squared quadratics in the axes: with Poisson counts, nuisances "
                "that change a signal, errors of two sides or a given cross-section minima are found, not proven"
            )
        places = np.array([list(each.place.values()) for each in minima]).reshape(-1, len(self.shape))
        if not len(places):
            raise InputError("there are no minima to prove: give those that fit returns")
        return prove(evaluator, self.definition.axes, places, delta_chi2)

    def fit_and_prove(self, *starts: Mapping[str, float]) -> tuple[list[Minimum], Proof | None]:
        """Return the minima as `fit` does, and what is proven of them: None where `prove` cannot prove anything.

        Minima that the proof finds to be missing are added. Raises InputError as `fit` does.
        """
        names = [axis.name for axis in self.definition.axes]
        minima, proof = self.fit(*starts), None
        if not self.problem.exact_possible:
            return minima, None
        known = list(starts)
        for _ in range(_MOST_PROOFS):
            proof = self.prove(minima)
            if not len(proof.missed):
                break
            known += [dict(zip(names, place, strict=True)) for place in proof.missed.tolist()]
            minima = self.fit(*known)
        return minima, proof

    def calibrate(
        self,
        cl: float | Sequence[float] = 0.90,
        *,
        pseudo_experiments: int = 1000,
        seed: int = 1,
        threads: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Calibration:
        """Return critical values of Delta chi2 over one axis or two after Feldman and Cousins: of a few Poisson counts
        without nuisances by an exact sum over all outcomes, otherwise by pseudo-experiments.

        progress is called with the pseudo-experiments done and their number. Raises InputError for another number of
        axes, a level that is none, and where no pseudo-experiments can be made.
        """
        pseudo_experiments = whole(pseudo_experiments, "the number of pseudo-experiments")
        if pseudo_experiments < 1:
            raise InputError(f"a calibration needs at least one pseudo-experiment: found {pseudo_experiments}")
        seed = whole(seed, "the seed", 0)
        if pseudo_experiments > MOST_PSEUDO_EXPERIMENTS:
            raise InputError(
                f"a calibration takes up to {MOST_PSEUDO_EXPERIMENTS:.0e} pseudo-experiments at each point: "
                f"found {pseudo_experiments}"
            )
        levels = sorted(set(confidence_levels(cl)))
        threads = default_threads() if threads is None else max(1, whole(threads, "the number of threads"))
        likelihood = self.polynomial_likelihood("a calibration")
        return calibrate(likelihood, self.definition, levels, pseudo_experiments, seed, threads, progress)

    def export(self, output: str | Path, *starts: Mapping[str, float], overwrite: bool = False) -> PublishedLikelihood:
        """Write chi2 as a function of the axes to a JSON file that is evaluated without this package, and return it.

        The file has the best fit too; starts are as for `fit`. docs/likelihood-files.md says what is in it. Raises
        InputError as `fit` does, and where the file cannot be written.
        """
        from scanengine.api.exporting import export_scan

        return export_scan(self, path(output, "the output"), starts, overwrite=overwrite)

    def explore(self, output: str | Path, *starts: Mapping[str, float], overwrite: bool = False) -> Path:
        """Write a page, OUT.html, that draws chi2 over any plane of the axes in a browser, without a network.

        starts are as for `fit`. Raises InputError as `fit` does, and where the file cannot be written.
        """
        from scanengine.api.exporting import explore_scan

        return explore_scan(self, path(output, "the output"), starts, overwrite=overwrite)

    def spectra(self, **axis_values: float) -> list[Spectrum]:
        """Return data, signal and backgrounds of each channel in bins of energy, with nuisances fitted at one point.

        Axes not named stay at the Standard Model. Raises InputError for a scan with a cross-section of its own.
        """
        likelihood = self.polynomial_likelihood("a spectrum")
        return spectra(likelihood, self.definition, self.theta(**axis_values))

    def joint_fit(self, *starts: Mapping[str, float]) -> JointFit:
        """Return the best fit with parameters and nuisances, their errors and correlations.

        starts are as for `fit`, which finds the minimum. Raises InputError as `fit` does.
        """
        likelihood = self.polynomial_likelihood("a fit")
        return joint_fit(likelihood, self.definition, self.fit(*starts)[0])

    def polynomial_likelihood(self, what: str) -> Likelihood:
        """The likelihood, where its polynomials are at hand and chi2 is not lost in rounding.

        Raises InputError, naming what needs it, where they are not.
        """
        definition = self.problem.check()
        if self.problem.is_direct:
            raise InputError(f"{what} needs the polynomial: a user-supplied cross-section can only be scanned")
        likelihood = self.likelihood
        likelihood.excess_polynomials(definition.axes, definition.parameters)  # may find that counts are lost
        _check_rounding(what, (2.0 + self.problem.rounding) * self.problem.rounding)
        return likelihood

    def events(self, **axis_values: float) -> list[Events]:
        """Return the expected counts at the fixed and tied values; axes not named stay at the Standard Model.

        Raises InputError for a scan with a cross-section of its own, whose counts are not kept apart by flavour.
        """
        if self.cross_section is not None:
            raise InputError("events need the standard cross-section: load the scan without cross_section")
        theta = self.theta(**axis_values)
        couplings = self.definition.physics.couplings
        return [
            Events(response.experiment, response.channel, response.flavour, each, response.binning.units, float(counts))
            for response in self.responses
            for each, counts in zip(response.binning, response.counts(theta, couplings), strict=True)
        ]

    def cross_section_cm2_per_keV(
        self, experiment: str, flavour: str, E_MeV: float, T_keV: FloatArray, **axis_values: float
    ) -> FloatArray:
        """Return dsigma/dT at recoil energies (n,), per atom of an experiment's target, averaged over its isotopes.

        At the fixed and tied values; axes not named stay at the Standard Model. Zero beyond the largest recoil energy.
        Raises InputError if there is no such experiment or flavour, or an energy is not above zero.
        """
        (counted,) = chosen((experiment,), self.definition.experiments, lambda e: e.name, "experiment")
        chosen((flavour,), FLAVOURS, str, "flavour")
        E_MeV, T_keV = number(E_MeV, "E_MeV"), numbers(T_keV, "T_keV")
        lowest = min(E_MeV, float(T_keV.min(initial=E_MeV)))
        if not lowest > 0.0:
            raise InputError(f"a cross-section needs energies above zero: found {lowest:g}")
        per_MeV = differential_cross_section(
            self.definition, counted, flavour, self._point(axis_values), E_MeV, 1e-3 * T_keV, self.cross_section
        )
        return 1e-3 * per_MeV

    def at(self, changes: Mapping[str, object] | None = None, /, **keys: object) -> Scan:
        """Return the same scan with other values of keys of its scan file, as {"experiments.Xe.mass_kg": 1000}.

        As `Definition.at`: keys are those that `--set` takes, and values are checked in the same way, without reading
        the file again. Raises InputError with all faults.
        """
        return Scan(self.definition.at(changes, **keys), self.cross_section)

    def only(self, *experiments: str, channels: Sequence[str] = ()) -> Scan:
        """Return the same scan with these experiments alone, and of their channels these alone; all without names.

        Raises InputError if an experiment or a channel is not there.
        """
        scan = Scan(self.definition.only(experiments, channels), self.cross_section)
        if "responses" in self.problem.__dict__:  # integrated already
            kept = {(e.name, channel) for e in scan.definition.experiments for channel in e.channels}
            scan.problem.responses = tuple(r for r in self.responses if (r.experiment, r.channel) in kept)
        return scan

    def run_each(self) -> dict[str, Result]:
        """Scan the same axes for each experiment alone, in memory, keeping profiles."""
        lean = Scan(
            replace(self.definition, output=replace(self.definition.output, keep="profiles")), self.cross_section
        )
        return {experiment.name: lean.only(experiment.name).run() for experiment in self.definition.experiments}

    def run(
        self,
        output: str | Path | None = None,
        *,
        overwrite: bool = False,
        fresh: bool = False,
        threads: int | None = None,
        executor: str = "threads",
        worker_timeout_s: float = WORKER_TIMEOUT_S,
        memory_bytes: int = MEMORY_BYTES,
        progress: Callable[[int, int], None] | None = None,
    ) -> Result:
        """Scan the grid, write it to a file or keep it in memory, and return the result.

        An unfinished file of the same scan is resumed, unless `fresh`. threads defaults to the cores that
        this process may use; executor may be another, as `scanengine.driver.executors` reads it, for a scan to
        a file: what one of its workers has begun others do after worker_timeout_s without a tile. progress is
        called with the points done and their total. Raises InputError if there are no axes, more memory would
        be needed than memory_bytes, or the file cannot be written, Interrupted on Ctrl-C, saying what was
        kept.
        """
        how = how_to_run(self.problem, threads, executor, memory_bytes, progress, overwrite=overwrite, fresh=fresh)
        how = replace(how, worker_timeout_s=number(worker_timeout_s, "worker_timeout_s"))
        if not how.worker_timeout_s > 0.0:
            raise InputError(f"worker_timeout_s must be above zero: found {worker_timeout_s:g}")
        if output is not None:
            from scanengine import store  # HDF5 waits until there is a file

            target = path(output, "the output")
            run_to_file(self.problem, target, how)
            return from_stored(store.open_result(target, just_written=True))
        if executor != "threads":
            raise InputError(f"a scan without a file runs in threads of this process: found the executor {executor!r}")
        definition, found = self.definition, run_in_memory(self.problem, how, memory_bytes)
        return Result(
            definition.title,
            definition.axes,
            found.profiles,
            statistic=self.problem.statistic,
            exact=found.exact,
            fit=found.fit,
            targets=definition.targets,
            delta_chi2_max=definition.output.delta_chi2_max or math.inf,
            rounding=self.problem.rounding,
            grid_errors=self.problem.grid_errors(found.profiles),
            exact_possible=self.problem.exact_possible,
            grid_rounding=_HALF_A_DIGIT[definition.output.precision],
            origin=InMemory(definition, found.chi2, self.cross_section is not None),
        )

    def run_shard(
        self,
        output: str | Path,
        number: int,
        of: int,
        *,
        overwrite: bool = False,
        fresh: bool = False,
        threads: int | None = None,
        memory_bytes: int = MEMORY_BYTES,
        progress: Callable[[int, int], None] | None = None,
    ) -> Path:
        """Scan part `number` (from 1 on) of `of` parts of the grid, and return its file, OUT.shard-I-of-N.h5.

        `merge` makes a result of all of them. Raises as `run` does, and InputError if there is no such part.
        """
        how = how_to_run(self.problem, threads, "threads", memory_bytes, progress, overwrite=overwrite, fresh=fresh)
        which = whole(number, "the number of a shard"), whole(of, "the number of shards")
        return run_shard(self.problem, path(output, "the output"), *which, how)

    def estimate(self, threads: int | None = None) -> Estimate:
        """Return what a run would take, from tiles that are filled, reduced and compressed but not written."""
        self.problem.check()
        wanted = default_threads() if threads is None else max(1, whole(threads, "the number of threads"))
        return estimate(self.problem, wanted)

    def _standard_model(self, name: str) -> float:
        return self.definition.physics.sin2_theta_w if name == "sin2_theta_w" else 0.0

    @property
    def standard_model(self) -> dict[str, float]:
        """Where the Standard Model lies on the axes, for those that are physical parameters."""
        return {axis.name: self._standard_model(axis.name) for axis in self.definition.axes if axis.name in PARAMETERS}


def _check_rounding(what: str, error: float) -> None:
    """Raise InputError where the rounding error of chi2 is too large beside one, a standard deviation."""
    if not error <= MOST_ROUNDING:
        raise InputError(
            f"{what} needs chi2 to better than {MOST_ROUNDING:g}, but double precision gives it only to +-{error:.2g}: "
            "reduce the exposure, or increase the errors of the data"
        )
