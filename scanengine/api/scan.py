"""A scan that can be run: a definition with its responses and its likelihood."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanengine import definition as definitions
from scanengine.api.finished import from_memory, from_stored
from scanengine.api.result import Result
from scanengine.definition import Definition
from scanengine.errors import InputError
from scanengine.grid.arguments import number as number_of
from scanengine.grid.arguments import path, whole
from scanengine.grid.axes import FloatArray
from scanengine.grid.calibration import Calibration
from scanengine.grid.profiles import Fit
from scanengine.inference.fitting import Minimum
from scanengine.inference.joint import JointFit
from scanengine.inference.proving import PROVEN_DELTA_CHI2, Proof
from scanengine.inference.spectra import Spectrum
from scanengine.inputs.parameters import PARAMETERS
from scanengine.likelihood.profiled import Likelihood
from scanengine.response.integrals import Response
from scanengine.scan import proofs
from scanengine.scan.cross_section import cross_section_cm2_per_keV
from scanengine.scan.estimate import Estimate, estimate
from scanengine.scan.events import Events, events
from scanengine.scan.how import MEMORY_BYTES, WORKER_TIMEOUT_S, how_to_run
from scanengine.scan.in_memory import run_in_memory
from scanengine.scan.problem import Problem, default_threads
from scanengine.scan.statements import calibrate, fit
from scanengine.scan.to_file import run_shard, run_to_file
from scanengine_kernels.direct import CrossSection

if TYPE_CHECKING:
    from scanengine.export import PublishedLikelihood

_MOVED = (
    "chosen_planes",
    "compiled",
    "evaluator",
    "one_pass",
    "planes_bytes",
    "rounding",
    "theta",
    "tiles",
    "visit",
    "visit_planes",
)
"""What earlier versions had here, and `Problem` has."""


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

    `events` and `chi2` are those of one point; `fit` finds the minima between the grid's points; `run` scans the grid
    and gives a `Result`, `estimate` says beforehand what that takes; `calibrate` finds critical values of Delta chi2;
    `only` is the scan of some of its experiments. Points are given by the axes' names, as `chi2(eps_ee_uV=0.1)`.

    To another process a scan goes as its definition, with all that was read from data files; what follows from it is
    worked out again there, to the same chi2. `problem` is what is evaluated on the grid, and how: no part of the
    interface that stays the same.
    """

    def __init__(self, definition: Definition, cross_section: CrossSection | None = None) -> None:
        self.problem = Problem(definition, cross_section)

    @classmethod
    def _of(cls, problem: Problem) -> Scan:
        scan = cls(problem.definition, problem.cross_section)
        scan.problem = problem  # with what is integrated already
        return scan

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in _MOVED:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            warnings.warn(f"Scan.{name} is Scan.problem.{name} now", DeprecationWarning, stacklevel=2)
            return getattr(self.problem, name)

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

    def chi2(self, **axis_values: float) -> float:
        """Return chi2 at one point, from the counts themselves; axes not named stay at the Standard Model."""
        return self.problem.chi2(self.problem.point(axis_values))

    def fit_at(self, **axis_values: float) -> Fit:
        """Return the nuisances at one point, and how many degrees of freedom chi2 has if that is the best fit.

        Axes not named stay at the Standard Model.
        """
        return self.problem.fit_at(self.problem.point(axis_values))

    def fit(self, *starts: Mapping[str, float]) -> list[Minimum]:
        """Return the minima of chi2 within the axes, between the grid's points, the lowest first.

        None of the starts, as a result's `best_fit`, is lower than the first; axes not named in one are at the Standard
        Model. Raises InputError if there are no axes, for a scan with a cross-section of its own, and where chi2 is
        lost in rounding.
        """
        return fit(self.problem, starts)

    def prove(self, minima: Sequence[Minimum], *, delta_chi2: float = PROVEN_DELTA_CHI2) -> Proof:
        """Return what is proven of minima that `fit` has returned: chi2 is bounded from below everywhere in the axes.

        Whether they are all that lie within delta_chi2 of the lowest, and between which numbers that one lies. Raises
        InputError where chi2 is no sum of squared quadratics: of Poisson counts, of nuisances that change a signal, of
        errors with two sides, and of a cross-section of one's own.
        """
        return proofs.prove(self.problem, minima, delta_chi2)

    def fit_and_prove(self, *starts: Mapping[str, float]) -> tuple[list[Minimum], Proof | None]:
        """Return the minima as `fit` does, and what is proven of them: None where `prove` cannot prove anything.

        Minima that the proof finds to be missing are added. Raises InputError as `fit` does.
        """
        return proofs.fit_and_prove(self.problem, starts)

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
        return calibrate(self.problem, cl, pseudo_experiments, seed, threads, progress)

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
        return proofs.spectra_at(self.problem, axis_values)

    def joint_fit(self, *starts: Mapping[str, float]) -> JointFit:
        """Return the best fit with parameters and nuisances, their errors and correlations.

        starts are as for `fit`, which finds the minimum. Raises InputError as `fit` does.
        """
        return proofs.joint(self.problem, starts)

    def events(self, **axis_values: float) -> list[Events]:
        """Return the expected counts at the fixed and tied values; axes not named stay at the Standard Model.

        Raises InputError for a scan with a cross-section of its own, whose counts are not kept apart by flavour.
        """
        return events(self.problem, axis_values)

    def cross_section_cm2_per_keV(
        self, experiment: str, flavour: str, E_MeV: float, T_keV: FloatArray, **axis_values: float
    ) -> FloatArray:
        """Return dsigma/dT at recoil energies (n,), per atom of an experiment's target, averaged over its isotopes.

        At the fixed and tied values; axes not named stay at the Standard Model. Zero beyond the largest recoil energy.
        Raises InputError if there is no such experiment or flavour, or an energy is not above zero.
        """
        return cross_section_cm2_per_keV(self.problem, experiment, flavour, E_MeV, T_keV, axis_values)

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
        return self._of(self.problem.only(experiments, channels))

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
        how = replace(how, worker_timeout_s=number_of(worker_timeout_s, "worker_timeout_s"))
        if not how.worker_timeout_s > 0.0:
            raise InputError(f"worker_timeout_s must be above zero: found {worker_timeout_s:g}")
        if output is not None:
            from scanengine import store  # HDF5 waits until there is a file

            target = path(output, "the output")
            run_to_file(self.problem, target, how)
            return from_stored(store.open_result(target, just_written=True))
        if executor != "threads":
            raise InputError(f"a scan without a file runs in threads of this process: found the executor {executor!r}")
        return from_memory(self.problem, *run_in_memory(self.problem, how, memory_bytes))

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

    @property
    def standard_model(self) -> dict[str, float]:
        """Where the Standard Model lies on the axes, for those that are physical parameters."""
        return {
            axis.name: self.problem.standard_model(axis.name)
            for axis in self.definition.axes
            if axis.name in PARAMETERS
        }
