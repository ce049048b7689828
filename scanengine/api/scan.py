"""A scan that can be run: a definition with its responses and its likelihood."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, pairwise
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from scanengine import definition as definitions
from scanengine.api.result import Result, open_result
from scanengine.definition import Definition
from scanengine.direct import TILE_POINTS as DIRECT_TILE_POINTS
from scanengine.direct import DirectEvaluator, differential_cross_section
from scanengine.driver import ArraySink, NoSink, Sink, Tiling, scan_grid
from scanengine.errors import InputError, Interrupted
from scanengine.grids import Axis, FloatArray, Profiles
from scanengine.inputs.parameters import FLAVOURS, PARAMETERS
from scanengine.likelihood import GaussianLikelihood
from scanengine.poisson import PoissonLikelihood, PoissonPolynomial
from scanengine.polynomials import ChiSquaredPolynomial
from scanengine.profiling import estimated_seconds, exact_profiles
from scanengine.response import TERMS, Response, responses
from scanengine.skipping import RelevantTiles, compact_tiling, cut_above
from scanengine_kernels.direct import CrossSection
from scanengine_kernels.small import SMALL_POINTS

if TYPE_CHECKING:
    from scanengine.store import AttributeValue, ResponseArray

MEMORY_BYTES = 4_000_000_000
"""A grid without a file, or the planes that a scan reduces to, may take this much memory."""

_SAMPLE_SECONDS = 0.3

T = TypeVar("T")


class Events(NamedTuple):
    """Expected counts of one flavour in one bin of one channel; the upper end of a bin may be infinite."""

    experiment: str
    channel: str
    flavour: str
    bin_keV: tuple[float, float]
    counts: float


@dataclass(frozen=True)
class Estimate:
    """What a run will take, from a sample of its tiles: the time, and the size of the file as it compresses."""

    shape: tuple[int, ...]
    points_visited: int
    grid_bytes: int
    file_bytes: int
    seconds: float
    threads: int

    @property
    def points(self) -> int:
        """Number of grid points."""
        return prod(self.shape)


def load(
    path_or_name: str | Path, overrides: str | Sequence[str] = (), *, cross_section: CrossSection | None = None
) -> Scan:
    """Load a scan file by its path, or a bundled scan by its name, as "large/nsi-5d".

    overrides are KEY=VALUE with dotted keys of the scan file, as `--set` takes them. cross_section, compiled with
    numba.njit, takes the place of the standard one at every grid point (`scanengine_kernels.direct` says how it is
    called). Raises InputError with all faults of the file.
    """
    own_axes = cross_section is not None
    items = [overrides] if isinstance(overrides, str) else overrides
    return Scan(definitions.read(path_or_name, items, require_axes=False, own_axes=own_axes), cross_section)


class Scan:
    """A scan file's definition, ready to be counted, evaluated and run."""

    def __init__(self, definition: Definition, cross_section: CrossSection | None = None) -> None:
        self.definition = definition
        self._cross_section = cross_section

    def __repr__(self) -> str:
        axes = ", ".join(f"{axis.name} ({axis.values.size})" for axis in self.definition.axes) or "none"
        experiments = ", ".join(experiment.name for experiment in self.definition.experiments)
        return f"Scan({self.definition.title!r}; experiments: {experiments}; axes: {axes})"

    @cached_property
    def responses(self) -> tuple[Response, ...]:
        """The integrals of every experiment, channel and flavour."""
        return responses(self.definition, threads=default_threads())

    @cached_property
    def likelihood(self) -> GaussianLikelihood | PoissonLikelihood:
        """The likelihood as a function of all parameters."""
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
        at = [axis_values.get(axis.name, self._standard_model(axis.name)) for axis in self.definition.axes]
        return np.array(at, dtype=np.float64)

    def chi2(self, **axis_values: float) -> float:
        """Return chi2 at one point, from the counts themselves; axes not named stay at the Standard Model."""
        if isinstance(self._evaluator, DirectEvaluator):
            return self._evaluator.chi2(self._point(axis_values))
        return float(self.likelihood.chi2(self.theta(**axis_values)))

    def events(self, **axis_values: float) -> list[Events]:
        """Return the expected counts at the fixed and tied values; axes not named stay at the Standard Model.

        Raises InputError for a scan with a cross-section of its own, whose counts are not kept apart by flavour.
        """
        if self._cross_section is not None:
            raise InputError("events are counted with the standard cross-section: load the scan without another one")
        theta = self.theta(**axis_values)
        couplings = self.definition.physics.couplings
        return [
            Events(response.experiment, response.channel, response.flavour, (lo, hi), float(counts))
            for response in self.responses
            for (lo, hi), counts in zip(
                pairwise(response.bin_edges_keV.tolist()), response.counts(theta, couplings), strict=True
            )
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
        lowest = min(E_MeV, float(T_keV.min(initial=E_MeV)))
        if not lowest > 0.0:
            raise InputError(f"a cross-section needs energies above zero: found {lowest:g}")
        per_MeV = differential_cross_section(
            self.definition, chosen, flavour, self._point(axis_values), E_MeV, 1e-3 * T_keV, self._cross_section
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
        scan = Scan(replace(self.definition, experiments=tuple(chosen)), self._cross_section)
        if "responses" in self.__dict__:  # integrated already
            kept = {(e.name, channel) for e in chosen for channel in e.channels}
            scan.responses = tuple(r for r in self.responses if (r.experiment, r.channel) in kept)
        return scan

    def run_each(self) -> dict[str, Result]:
        """Scan the same axes for each experiment alone, in memory, keeping profiles."""
        lean = Scan(
            replace(self.definition, output=replace(self.definition.output, keep="profiles")), self._cross_section
        )
        return {experiment.name: lean.only(experiment.name).run() for experiment in self.definition.experiments}

    def run(
        self,
        output: str | Path | None = None,
        *,
        overwrite: bool = False,
        threads: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Result:
        """Scan the grid, write it to a file or keep it in memory, and return the result.

        threads defaults to the cores that this process may use; progress is called with the points done and their
        total. Raises InputError if there are no axes or the file cannot be written, Interrupted on Ctrl-C, saying what
        was kept.
        """
        definition = self._runnable()
        threads = default_threads() if threads is None else threads
        if threads < 1:
            raise InputError(f"a scan needs at least one thread: found {threads}")
        planes_bytes = (1 + threads) * self._planes_bytes()
        in_memory = output is None and definition.output.keep == "grid"
        grid_bytes = np.dtype(definition.output.precision).itemsize * prod(self._shape()) if in_memory else 0
        if planes_bytes + grid_bytes > MEMORY_BYTES:
            from scanengine.store import format_bytes

            what = "its grid, without a file to go to," if grid_bytes > planes_bytes else "the planes it is reduced to"
            would_do = "name an output file" if grid_bytes > planes_bytes else "use fewer points or threads"
            needed, allowed = format_bytes(planes_bytes + grid_bytes), format_bytes(MEMORY_BYTES)
            raise InputError(f"{what} would take {needed} of memory, and {allowed} are allowed: {would_do}")
        tell = None if progress is None else lambda done: progress(done, self._points_visited)
        if output is not None:
            return self._run_to_file(Path(output), overwrite, threads, tell)
        sink = ArraySink(self._shape(), definition.output.precision) if in_memory else None
        where_to: Sink[Any] = sink or NoSink()
        profiles = self._scan(where_to, threads, tell)
        return Result(
            definition.title,
            definition.axes,
            profiles,
            statistic=definition.statistic.kind,
            exact=self._exact(profiles, threads),
            delta_chi2_max=definition.output.delta_chi2_max or math.inf,
            read_definition=lambda: definition,
            read_chi2=sink.chi2.__getitem__ if sink else None,
        )

    def _run_to_file(
        self, output: Path, overwrite: bool, threads: int, progress: Callable[[int], None] | None
    ) -> Result:
        from scanengine.store import GridWriter  # HDF5 waits until there is a file

        definition, tiling = self.definition, self._tiling()
        writer = GridWriter(
            output,
            axes=definition.axes,
            definition=definition.text,
            overrides=definition.overrides,
            responses=self._response_arrays(),
            precision=definition.output.precision,
            keep=definition.output.keep,
            tile_shape=tiling.tile_shape,
            overwrite=overwrite,
            attributes={"title": definition.title, **self._evaluation()},
        )
        sink: Sink[Any] = writer if writer.has_grid else NoSink()
        try:
            with writer:
                profiles = self._scan(sink, threads, progress, keep_planes=not writer.has_grid)
                writer.finish(profiles, self._exact(profiles, threads))
        except (Interrupted, KeyboardInterrupt) as interruption:
            kept = "nothing was kept"
            if writer.kept:
                kept = (
                    f"{writer.kept} holds {writer.tiles_written} of {writer.tiles} tiles, and --overwrite starts afresh"
                )
            raise Interrupted(f"{str(interruption) or 'interrupted'}; {kept}") from None
        return open_result(output)

    def _scan(
        self, sink: Sink[Any], threads: int, progress: Callable[[int], None] | None, *, keep_planes: bool = True
    ) -> Profiles:
        profiles = scan_grid(
            self._evaluator,
            self.definition.axes,
            sink,
            tiling=None if self._is_free_to_tile(sink) else self._tiles,
            threads=threads,
            progress=progress,
            keep_planes=keep_planes,
            compiled=self._compiled,
        )
        highest = self.definition.output.delta_chi2_max
        return profiles if highest is None else cut_above(highest, profiles)

    def _is_free_to_tile(self, sink: object) -> bool:
        """Whether any tiles do: those of a file are its chunks, and where some are skipped their size matters."""
        polynomial = isinstance(self._evaluator, ChiSquaredPolynomial)
        return polynomial and isinstance(sink, ArraySink | NoSink) and self.definition.output.delta_chi2_max is None

    @cached_property
    def _tiles(self) -> Tiling:
        """The tiles that a run visits: all, or those that can hold a point within `delta_chi2_max` of the minimum."""
        highest, axes = self.definition.output.delta_chi2_max, self.definition.axes
        if highest is None:
            return self._tiling()
        assert isinstance(self._evaluator, ChiSquaredPolynomial)  # `_runnable` has seen to it
        return RelevantTiles.within(highest, self._evaluator, axes, compact_tiling(self._evaluator, axes))

    @cached_property
    def _points_visited(self) -> int:
        return self._tiles.points if isinstance(self._tiles, RelevantTiles) else prod(self._shape())

    def _exact(self, profiles: Profiles, threads: int) -> tuple[tuple[Axis, ...], Profiles] | None:
        """The profiles minimised between grid points with the axes they lie on, where the definition asks for them."""
        if self.definition.output.profile == "grid":
            return None
        assert isinstance(self._evaluator, ChiSquaredPolynomial)  # `_runnable` has seen to it
        return exact_profiles(self._evaluator, self.definition.axes, profiles, threads)

    def estimate(self, threads: int | None = None) -> Estimate:
        """Return what a run would take, from tiles that are filled, reduced and compressed but not written."""
        definition = self._runnable()
        threads = default_threads() if threads is None else max(1, threads)
        from scanengine.store import encode_chunk

        shape, tiling = self._shape(), self._tiling()
        keeps_grid = definition.output.keep == "grid"
        dtype = np.dtype(definition.output.precision).newbyteorder("<")
        starts = _spread(tiling, 64)
        self._sample(tiling, starts[0])  # the first call compiles, or loads what was compiled
        points = stored = 0
        began = time.perf_counter()
        for start in starts:
            chi2 = self._sample(tiling, start)
            if keeps_grid:
                stored += len(encode_chunk(chi2, tiling.tile_shape, dtype))
            points += chi2.size
            if time.perf_counter() - began > _SAMPLE_SECONDS:
                break
        began, sampled = time.perf_counter(), time.perf_counter() - began
        seconds = sampled * self._points_visited / points / min(threads, len(tiling))
        if definition.output.delta_chi2_max is not None:
            seconds += time.perf_counter() - began  # to find the tiles that matter
        if isinstance(self._evaluator, ChiSquaredPolynomial) and definition.output.profile == "exact":
            seconds += estimated_seconds(self._evaluator, definition.axes, threads)
        return Estimate(
            shape,
            self._points_visited,
            prod(shape) * dtype.itemsize if keeps_grid else 0,
            int(stored * prod(shape) / points) + self._planes_bytes(),
            seconds,
            threads,
        )

    def _sample(self, tiling: Tiling, start: tuple[int, ...]) -> FloatArray:
        shape = tiling.shape_at(start)
        sink = ArraySink(shape)
        axes = [
            replace(axis, values=axis.values[s : s + n])
            for axis, s, n in zip(self.definition.axes, start, shape, strict=True)
        ]
        scan_grid(self._evaluator, axes, sink, compiled=self._compiled)
        return sink.chi2

    def _runnable(self) -> Definition:
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

    def _shape(self) -> tuple[int, ...]:
        return tuple(axis.values.size for axis in self.definition.axes)

    def _planes_bytes(self) -> int:
        if len(self._shape()) == 2 and self.definition.output.keep == "grid":
            return 0
        return 8 * (sum(a * b for a, b in combinations(self._shape(), 2)) + sum(self._shape()))

    def _is_direct(self) -> bool:
        return self._cross_section is not None or self.definition.physics.evaluation == "direct"

    @property
    def _compiled(self) -> bool:
        """Whether the grid is worth a compiler: a small one is done before Numba would be imported."""
        evaluator = self._evaluator
        return not isinstance(evaluator, ChiSquaredPolynomial) or evaluator.compiled

    def _tiling(self) -> Tiling:
        return Tiling.of(self._shape(), DIRECT_TILE_POINTS) if self._is_direct() else Tiling.of(self._shape())

    @cached_property
    def _evaluator(self) -> DirectEvaluator | ChiSquaredPolynomial | PoissonPolynomial:
        if self._is_direct():
            return DirectEvaluator(self.definition, self.likelihood, self._cross_section)
        polynomial = self.likelihood.polynomial(self.definition.axes, self.definition.parameters)
        if isinstance(polynomial, ChiSquaredPolynomial) and prod(self._shape()) <= SMALL_POINTS:
            return replace(polynomial, compiled=False)
        return polynomial

    def _evaluation(self) -> Mapping[str, AttributeValue]:
        """What chi2 is, how it was evaluated and up to where, for the file's attributes."""
        evaluation: dict[str, AttributeValue] = {}
        if self.definition.output.delta_chi2_max is not None:
            evaluation["delta_chi2_max"] = self.definition.output.delta_chi2_max
        evaluation |= {"statistic": self.definition.statistic.kind, "evaluation": self.definition.physics.evaluation}
        if self._cross_section is not None:
            evaluation |= {"evaluation": "direct", "cross_section": getattr(self._cross_section, "__name__", "given")}
        return evaluation

    def _response_arrays(self) -> dict[str, ResponseArray]:
        from scanengine.store import ResponseArray

        arrays = {}
        for response in self.responses:
            name = f"{response.experiment}__{response.channel}__{response.flavour}"
            arrays[name] = ResponseArray(
                response.integrals,
                (f"{response.experiment} bin", "term"),
                {
                    "units": "counts",
                    "terms": TERMS,
                    "bin_edges_keV": [float(edge) for edge in response.bin_edges_keV],
                    "couplings": self.definition.physics.couplings,
                },
            )
        return arrays

    def _standard_model(self, name: str) -> float:
        return self.definition.physics.sin2_theta_w if name == "sin2_theta_w" else 0.0

    @property
    def standard_model(self) -> dict[str, float]:
        """Where the Standard Model lies on the axes, for those that are physical parameters."""
        return {axis.name: self._standard_model(axis.name) for axis in self.definition.axes if axis.name in PARAMETERS}


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


def _spread(tiling: Tiling, most: int) -> list[tuple[int, ...]]:
    """Return the first points of at most `most` tiles, spread evenly over the grid."""
    counts = [-(-n // t) for n, t in zip(tiling.grid_shape, tiling.tile_shape, strict=True)]
    chosen = np.unique(np.linspace(0, len(tiling) - 1, most).astype(np.int64))
    indices = zip(*np.unravel_index(chosen, counts), strict=True)
    return [tuple(int(i) * t for i, t in zip(index, tiling.tile_shape, strict=True)) for index in indices]
