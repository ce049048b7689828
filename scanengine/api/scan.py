"""A scan that can be run: a definition with its responses and its likelihood."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import combinations
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from scanengine import definition as definitions
from scanengine.api.origin import InMemory
from scanengine.api.result import Result
from scanengine.chi2.direct import TILE_POINTS as DIRECT_TILE_POINTS
from scanengine.chi2.direct import DirectEvaluator, differential_cross_section
from scanengine.chi2.minima import standard_model
from scanengine.chi2.nuisances import LinearNuisancePolynomial, NuisancePolynomial
from scanengine.chi2.poisson import PoissonPolynomial
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.definition import Definition
from scanengine.driver import chosen_planes as planes
from scanengine.driver.exact_profiles import exact_profiles
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import ArraySink, NoSink, Sink
from scanengine.driver.skipping import compact_tiling, cut_above, relevant_tiles
from scanengine.errors import InputError
from scanengine.grid.arguments import confidence_levels, number, numbers, path, whole
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.calibration import Calibration
from scanengine.grid.profiles import Fit, Profiles
from scanengine.grid.tiling import Tiling
from scanengine.inference.calibration import MOST_PSEUDO_EXPERIMENTS, calibrate
from scanengine.inference.coarseness import grid_errors
from scanengine.inference.contours import MOST_ROUNDING
from scanengine.inference.fitting import Minimum, find_minima
from scanengine.inputs.detectors import Bin
from scanengine.inputs.parameters import FLAVOURS, PARAMETERS
from scanengine.likelihood.gaussian import GaussianLikelihood
from scanengine.likelihood.poisson import PoissonLikelihood
from scanengine.likelihood.profiled import CombinedLikelihood
from scanengine.response.integrals import Response, responses
from scanengine.scan.estimate import Estimate, estimate
from scanengine.scan.to_file import WORKER_TIMEOUT_S, HowToRun, run_shard, run_to_file
from scanengine_kernels.direct import CrossSection
from scanengine_kernels.small import SMALL_SQUARES

if TYPE_CHECKING:
    pass

MEMORY_BYTES = 4_000_000_000
"""A grid without a file, or the planes that a scan reduces to, may take this much memory."""

_HALF_A_DIGIT = {"float64": 2.0**-53, "float32": 2.0**-24}

_NEWTON_TILE_POINTS = 1 << 13
"""Points of a tile where nuisances are minimised over by Newton's iteration: some tens of milliseconds."""

_ROUNDING_OF_SUMS = 1e-13
"""How far a sum of many squares is rounded, relative to itself."""

_MOST_BOUNDED_TILES = 1 << 31
"""Of so many tiles bounds are found in hours."""

T = TypeVar("T")


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
    overrides: str | Sequence[str] = (),
    *,
    cross_section: CrossSection | None = None,
    data: str | Path | None = None,
) -> Scan:
    """Load a scan file by its path, or a bundled scan by its name, as "large/nsi-5d".

    overrides are KEY=VALUE with dotted keys of the scan file, as `--set` takes them. cross_section, compiled with
    numba.njit, takes the place of the standard one at every grid point (`scanengine_kernels.direct` says how it is
    called). Files written as {data}/... are in the folder data, by default that of the environment variable
    SCANENGINE_DATA. Raises InputError with all faults of the file.
    """
    own_axes = cross_section is not None
    items = [overrides] if isinstance(overrides, str) else list(overrides)
    path(path_or_name, "a scan file")
    if not all(isinstance(item, str) for item in items):
        raise InputError(f"overrides are texts KEY=VALUE, as 'fixed.mu_nu=10': found {items!r}")
    definition = definitions.read(path_or_name, items, require_axes=False, own_axes=own_axes, data=data)
    return Scan(definition, cross_section)


class Scan:
    """A scan file's definition, ready to be counted, evaluated and run.

    To another process a scan goes as its definition, with all that was read from data files; what follows from it is
    worked out again there, to the same chi2.
    """

    def __init__(self, definition: Definition, cross_section: CrossSection | None = None) -> None:
        self.definition = definition
        self.cross_section = cross_section

    def __getstate__(self) -> dict[str, Any]:
        return {"definition": self.definition, "cross_section": self.cross_section}

    def __repr__(self) -> str:
        axes = ", ".join(f"{axis.name} ({axis.values.size})" for axis in self.definition.axes) or "none"
        experiments = ", ".join(experiment.name for experiment in self.definition.experiments)
        return f"Scan({self.definition.title!r}; experiments: {experiments}; axes: {axes})"

    @cached_property
    def responses(self) -> tuple[Response, ...]:
        """The integrals of every experiment, channel and flavour."""
        return responses(self.definition, threads=default_threads())

    @cached_property
    def likelihood(self) -> GaussianLikelihood | PoissonLikelihood | CombinedLikelihood:
        """The likelihood as a function of all parameters."""
        if self.definition.is_combined:
            return CombinedLikelihood.of(self.definition, self.responses, default_threads())
        if self.definition.statistic.kind == "poisson":
            return PoissonLikelihood.of(self.definition, self.responses)
        return GaussianLikelihood.of(self.definition, self.responses)

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
        if self._is_direct():
            assert isinstance(self.evaluator, DirectEvaluator)
            return self.evaluator.chi2(self._point(axis_values))
        return float(self.likelihood.chi2(self.theta(**axis_values)))

    def fit_at(self, **axis_values: float) -> Fit:
        """Return the nuisances at one point, and how many degrees of freedom chi2 has if that is the best fit.

        Axes not named stay at the Standard Model.
        """
        theta, likelihood = self.theta(**axis_values), self.likelihood
        if not isinstance(likelihood, CombinedLikelihood):
            return Fit()
        return likelihood.fit_at(theta, len(self.definition.axes))

    def fit(self, *starts: Mapping[str, float]) -> list[Minimum]:
        """Return the minima of chi2 within the axes, between the grid's points, the lowest first.

        None of the starts, as a result's `best_fit`, is lower than the first; axes not named in one are at the Standard
        Model. Raises InputError if there are no axes, for a scan with a cross-section of its own, and where chi2 is
        lost in rounding.
        """
        likelihood = self._combined("a fit")
        known = np.array([self._point(start) for start in starts]).reshape(-1, len(self.shape))
        minima = find_minima(likelihood, self.evaluator, self.definition, known)
        _check_rounding(f"a fit with chi2 = {minima[0].chi2:.4g}", _ROUNDING_OF_SUMS * minima[0].chi2)
        return minima

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
        likelihood = self._combined("a calibration")
        return calibrate(likelihood, self.definition, levels, pseudo_experiments, seed, threads, progress)

    def _combined(self, what: str) -> CombinedLikelihood:
        """The likelihood in its general form, also where a scan has a faster one."""
        definition = self.check_runnable()
        if self._is_direct():
            raise InputError(f"{what} needs the polynomial: a given cross-section has a scan only")
        likelihood = self.likelihood
        if not isinstance(likelihood, CombinedLikelihood):
            likelihood = CombinedLikelihood.of(definition, self.responses)
        likelihood.excess_polynomials(definition.axes, definition.parameters)  # may find that counts are lost
        _check_rounding(what, (2.0 + self.rounding) * self.rounding)
        return likelihood

    def events(self, **axis_values: float) -> list[Events]:
        """Return the expected counts at the fixed and tied values; axes not named stay at the Standard Model.

        Raises InputError for a scan with a cross-section of its own, whose counts are not kept apart by flavour.
        """
        if self.cross_section is not None:
            raise InputError("events are counted with the standard cross-section: load the scan without another one")
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
        (chosen,) = _chosen((experiment,), self.definition.experiments, lambda e: e.name, "experiment")
        _chosen((flavour,), FLAVOURS, str, "flavour")
        E_MeV, T_keV = number(E_MeV, "E_MeV"), numbers(T_keV, "T_keV")
        lowest = min(E_MeV, float(T_keV.min(initial=E_MeV)))
        if not lowest > 0.0:
            raise InputError(f"a cross-section needs energies above zero: found {lowest:g}")
        per_MeV = differential_cross_section(
            self.definition, chosen, flavour, self._point(axis_values), E_MeV, 1e-3 * T_keV, self.cross_section
        )
        return 1e-3 * per_MeV

    def only(self, *experiments: str, channels: Sequence[str] = ()) -> Scan:
        """Return the same scan with these experiments alone, and of their channels these alone; all without names.

        Raises InputError if an experiment or a channel is not there.
        """
        chosen = _chosen(experiments, self.definition.experiments, lambda e: e.name, "experiment")
        if channels:
            chosen = [
                replace(e, channels=dict(_chosen(channels, list(e.channels.items()), lambda c: c[0], "channel")))
                for e in chosen
            ]
        names = {e.name for e in chosen}
        nuisances = [left for each in self.definition.nuisances if (left := each.only(names)) is not None]
        scan = Scan(replace(self.definition, experiments=tuple(chosen), nuisances=tuple(nuisances)), self.cross_section)
        if "responses" in self.__dict__:  # integrated already
            kept = {(e.name, channel) for e in chosen for channel in e.channels}
            scan.responses = tuple(r for r in self.responses if (r.experiment, r.channel) in kept)
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

        An unfinished file of the same scan is gone on with, unless `fresh`. threads defaults to the cores that this
        process may use; executor may be another, as `scanengine.driver.executors` reads it, for a scan to a file: what one
        of its workers has begun others do after worker_timeout_s without a tile. progress is called with the points
        done and their total. Raises InputError if there are no axes, more memory would be needed
        than memory_bytes, or the file cannot be written, Interrupted on Ctrl-C, saying what was kept.
        """
        how = self._how(threads, executor, memory_bytes, progress, overwrite=overwrite, fresh=fresh)
        how = replace(how, worker_timeout_s=number(worker_timeout_s, "worker_timeout_s"))
        if not how.worker_timeout_s > 0.0:
            raise InputError(f"worker_timeout_s must be above zero: found {worker_timeout_s:g}")
        if output is not None:
            return run_to_file(self, path(output, "the output"), how)
        if executor != "threads":
            raise InputError(f"a scan without a file runs in threads of this process: found the executor {executor!r}")
        return self._run_in_memory(how, memory_bytes)

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
        """Scan the part `number`, from 1 on, of so many of the grid, and return its file, OUT.shard-I-of-N.h5.

        `merge` makes a result of all of them. Raises as `run` does, and InputError if there is no such part.
        """
        how = self._how(threads, "threads", memory_bytes, progress, overwrite=overwrite, fresh=fresh)
        which = whole(number, "the number of a shard"), whole(of, "the number of shards")
        return run_shard(self, path(output, "the output"), *which, how)

    def _how(
        self,
        threads: int | None,
        executor: str,
        memory_bytes: int,
        progress: Callable[[int, int], None] | None,
        *,
        overwrite: bool,
        fresh: bool,
    ) -> HowToRun:
        self.check_runnable()
        threads = default_threads() if threads is None else whole(threads, "the number of threads")
        if threads < 1:
            raise InputError(f"a scan needs at least one thread: found {threads}")
        memory_bytes = whole(memory_bytes, "memory_bytes")
        self._check_memory(threads, 0, memory_bytes)
        if self.tiles.number > memory_bytes:  # a byte for each says whether it is done
            raise InputError(_too_large(self.shape))
        tell = None if progress is None else lambda done: progress(done, self.tiles.points)
        return HowToRun(overwrite, fresh, threads, executor, tell)

    def _check_memory(self, threads: int, grid_bytes: int, memory_bytes: int) -> None:
        planes_bytes = (1 + threads) * self.planes_bytes(self._planes_held)
        if planes_bytes + grid_bytes > memory_bytes:
            from scanengine.store import format_bytes

            what = "its grid, without a file to go to," if grid_bytes > planes_bytes else "the planes it is reduced to"
            would_do = "name an output file" if grid_bytes > planes_bytes else "use fewer points or threads"
            needed, allowed = format_bytes(planes_bytes + grid_bytes), format_bytes(memory_bytes)
            raise InputError(f"{what} would take {needed} of memory, and {allowed} are allowed: {would_do}")

    def _run_in_memory(self, how: HowToRun, memory_bytes: int) -> Result:
        definition = self.definition
        sink = None
        if definition.output.keep == "grid":
            grid_bytes = np.dtype(definition.output.precision).itemsize * prod(self.shape)
            self._check_memory(how.threads, grid_bytes, memory_bytes)
            sink = ArraySink(self.shape, definition.output.precision)
        where_to: Sink[Any] = sink or NoSink()
        profiles = self.visit_planes(how) if self.one_pass else self.visit(where_to, how)
        exact = self.exact(profiles, how.threads)
        return Result(
            definition.title,
            definition.axes,
            profiles,
            statistic=self.statistic,
            exact=exact,
            fit=self.fit_of(profiles, exact),
            targets=definition.targets,
            delta_chi2_max=definition.output.delta_chi2_max or math.inf,
            rounding=self.rounding,
            grid_errors=self.grid_errors(profiles),
            exact_possible=self.exact_possible,
            grid_rounding=_HALF_A_DIGIT[definition.output.precision],
            origin=InMemory(definition, sink.chi2 if sink else None),
        )

    def visit_planes(self, how: HowToRun, scan: planes.Scanner | None = None) -> Profiles:
        """Find the chosen planes alone, by a pass that `scan` does, or this process."""
        assert isinstance(self.evaluator, ChiSquaredPolynomial)  # which alone has one
        assert self.one_pass is not None
        return planes.scan_planes(
            self.evaluator,
            self.definition.axes,
            self.chosen_planes,
            self.one_pass,
            threads=how.threads,
            progress=how.progress,
            scan=scan,
        )

    def visit(self, sink: Sink[Any], how: HowToRun, *, keep_planes: bool = True) -> Profiles:
        """Scan all tiles that the sink does not have, and return the profiles of the whole grid."""
        polynomial = isinstance(self.evaluator, ChiSquaredPolynomial)
        free = polynomial and isinstance(sink, ArraySink | NoSink) and self.definition.output.delta_chi2_max is None
        profiles = scan_grid(
            self.evaluator,
            self.definition.axes,
            sink,
            tiling=None if free else self.tiles,  # those of a file are its chunks
            threads=how.threads,
            progress=how.progress,
            keep_planes=keep_planes,
            compiled=self.compiled,
        )
        output = self.definition.output
        profiles = planes.only(profiles, output.planes) if output.planes else profiles
        return profiles if output.delta_chi2_max is None else cut_above(output.delta_chi2_max, profiles)

    @cached_property
    def one_pass(self) -> planes.Pass | None:
        """The pass that finds the chosen planes alone; nothing where all planes are found at once."""
        output, polynomial = self.definition.output, self.evaluator
        if not output.planes or output.delta_chi2_max is not None or not self.compiled or len(self.shape) < 3:
            return None
        if not isinstance(polynomial, ChiSquaredPolynomial):
            return None
        return planes.pass_for(polynomial, self.shape, self.chosen_planes)

    @property
    def chosen_planes(self) -> list[tuple[int, int]]:
        """The planes of the result, by the numbers of their axes."""
        names = [axis.name for axis in self.definition.axes]
        chosen = self.definition.output.planes
        return [(a, b) for a, b in combinations(range(len(names)), 2) if not chosen or (names[a], names[b]) in chosen]

    @cached_property
    def tiles(self) -> Tiling:
        """The tiles that a run to a file visits: all, or those that can hold a point within `delta_chi2_max`."""
        output, axes = self.definition.output, self.definition.axes
        if output.delta_chi2_max is not None:
            assert isinstance(self.evaluator, ChiSquaredPolynomial)  # `check_runnable` has seen to it
            tiling = compact_tiling(self.evaluator, axes)
            if tiling.number > _MOST_BOUNDED_TILES:
                raise InputError(_too_large(self.shape))
            return relevant_tiles(output.delta_chi2_max, self.evaluator, axes, tiling)
        if self._is_direct():
            return Tiling.of(self.shape, DIRECT_TILE_POINTS)
        if isinstance(self.evaluator, NuisancePolynomial):
            return Tiling.of(self.shape, _NEWTON_TILE_POINTS)
        from_registers = isinstance(self.evaluator, ChiSquaredPolynomial) and self.compiled and len(axes) > 2
        return Tiling.for_minima(self.shape) if output.keep == "profiles" and from_registers else Tiling.of(self.shape)

    def exact(self, profiles: Profiles, threads: int) -> tuple[tuple[Axis, ...], Profiles] | None:
        """The profiles minimised between grid points with the axes they lie on, where the definition asks for them."""
        if self.definition.output.profile == "grid":
            return None
        assert isinstance(self.evaluator, ChiSquaredPolynomial)  # `check_runnable` has seen to it
        axes = self.definition.axes
        # data may be the Standard Model's own expectation, or nearly: a start costs little
        starts = [standard_model(self.definition).tolist()]
        return exact_profiles(self.evaluator, axes, profiles, threads, starts)

    @property
    def exact_possible(self) -> bool:
        """Whether profiles can be minimised between the grid's points."""
        return isinstance(self.evaluator, ChiSquaredPolynomial)

    def grid_errors(self, profiles: Profiles) -> dict[str, FloatArray]:
        """What the grid's own minima miss on each line, where there are no better ones."""
        if self.definition.output.profile != "grid":
            return {}
        fast = isinstance(self.evaluator, ChiSquaredPolynomial | PoissonPolynomial)
        most = math.inf if fast else prod(self.shape) / (4 * len(self.shape))
        return grid_errors(self.evaluator, self.definition.axes, profiles, most)

    def fit_of(self, profiles: Profiles, exact: tuple[tuple[Axis, ...], Profiles] | None) -> Fit:
        """What is told of the global minimum beside its place."""
        best_fit = (exact[1] if exact else profiles).best_fit
        return self.fit_at(**dict(zip((axis.name for axis in self.definition.axes), best_fit, strict=True)))

    def estimate(self, threads: int | None = None) -> Estimate:
        """Return what a run would take, from tiles that are filled, reduced and compressed but not written."""
        self.check_runnable()
        wanted = default_threads() if threads is None else max(1, whole(threads, "the number of threads"))
        return estimate(self, wanted)

    def check_runnable(self) -> Definition:
        """Return the definition. Raises InputError if it has no axes, or asks for what its chi2 does not allow."""
        if not self.definition.axes:
            place = self.definition.path or "this scan"
            raise InputError(f"{place}: axes: no axes, name at least one parameter with min, max and points")
        if self.definition.output.profile == "exact" and self._is_direct():
            raise InputError('output.profile = "exact" needs the polynomial: a given cross-section has only "grid"')
        if self.definition.output.delta_chi2_max is not None and self._is_direct():
            raise InputError(
                "output.delta_chi2_max needs the polynomial: a given cross-section has every point visited"
            )
        return self.definition

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis."""
        return tuple(axis.values.size for axis in self.definition.axes)

    def planes_bytes(self, pairs: Sequence[tuple[int, int]]) -> int:
        """Return the size of all lines and these planes, beside the grid."""
        shape = self.shape
        if len(shape) == 2 and self.definition.output.keep == "grid":
            return 0
        return 8 * (sum(shape[a] * shape[b] for a, b in pairs) + sum(shape))

    @property
    def _planes_held(self) -> list[tuple[int, int]]:
        """The planes that are in memory while the grid is scanned."""
        shown = self.one_pass.shown if self.one_pass else range(len(self.shape))
        return list(combinations(shown, 2))

    def _is_direct(self) -> bool:
        return self.cross_section is not None or self.definition.physics.evaluation == "direct"

    @property
    def compiled(self) -> bool:
        """Whether the grid is worth a compiler: a small one is done before Numba would be imported."""
        evaluator = self.evaluator
        return not isinstance(evaluator, ChiSquaredPolynomial) or evaluator.compiled

    @cached_property
    def evaluator(
        self,
    ) -> DirectEvaluator | ChiSquaredPolynomial | PoissonPolynomial | LinearNuisancePolynomial | NuisancePolynomial:
        """What computes chi2 on the grid."""
        if self._is_direct():
            return DirectEvaluator(self.definition, self.likelihood, self.cross_section)
        polynomial = self.likelihood.polynomial(self.definition.axes, self.definition.parameters)
        if isinstance(polynomial, ChiSquaredPolynomial):
            return replace(polynomial, compiled=prod(self.shape) * len(polynomial.residuals) > SMALL_SQUARES)
        return polynomial

    @cached_property
    def rounding(self) -> float:
        """How far the root of chi2 may be rounded in double precision; of a given cross-section it is not known."""
        if self.cross_section is not None:
            return 0.0
        return self.likelihood.rounding(self.definition.axes, self.definition.parameters)

    @property
    def statistic(self) -> str:
        """The statistic of all experiments, or "mixed"."""
        kinds = {self.definition.statistic_of(experiment.name).kind for experiment in self.definition.experiments}
        return kinds.pop() if len(kinds) == 1 else "mixed"

    def _standard_model(self, name: str) -> float:
        return self.definition.physics.sin2_theta_w if name == "sin2_theta_w" else 0.0

    @property
    def standard_model(self) -> dict[str, float]:
        """Where the Standard Model lies on the axes, for those that are physical parameters."""
        return {axis.name: self._standard_model(axis.name) for axis in self.definition.axes if axis.name in PARAMETERS}


def _check_rounding(what: str, error: float) -> None:
    """Raise InputError where chi2 is rounded by so much of the one that makes a standard deviation."""
    if not error <= MOST_ROUNDING:
        raise InputError(
            f"{what} needs chi2 to better than {MOST_ROUNDING:g}, and double precision gives it to +-{error:.2g}: "
            "less exposure would do, or larger errors of the data"
        )


def _too_large(shape: Sequence[int]) -> str:
    return f"a grid of {prod(shape):.3g} points is too large to visit: fewer points or fewer axes would do"


def _chosen(names: Sequence[str], among: Sequence[T], name_of: Callable[[T], str], what: str) -> list[T]:
    there = {name_of(item): item for item in among}
    missing = [name for name in names if name not in there]
    if missing:
        raise InputError(f"there is no {what} {missing[0]!r}: {', '.join(there)} are there")
    return [item for name, item in there.items() if not names or name in names]


def default_threads() -> int:
    """Return the number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
