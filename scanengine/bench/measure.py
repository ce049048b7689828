"""The measurements: limits first, then the rates compared with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import combinations
from math import prod
from statistics import median

import numpy as np

from scanengine.api import Scan, load
from scanengine.bench.peers import peers
from scanengine.chi2.direct import DirectEvaluator
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.chosen_planes import HiddenMinimum, pass_for
from scanengine.driver.exact_profiles import exact_profiles
from scanengine.driver.fine_grid import FINE_POINTS
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import NoSink
from scanengine.errors import RunError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.response.integrals import responses
from scanengine.scan.problem import default_threads
from scanengine_kernels.limits import LANES_PER_ROUND, fill_past_caches, multiply_and_add

AXES = ("eps_ee_uV", "eps_ee_dV", "eps_et_dV", "mu_nu", "sin2_theta_w")
TARGETS = ("Ne", "Ar", "Ge", "Xe")
SHAPE = (15, 15, 31, 31, 40)
"""A grid of 69 MB, which no cache holds; with planes as those of the bundled scan."""

MULTIPLY_ADDS_PER_POINT = 4
"""A quartic along the last axis, by Horner."""

_ARITHMETIC = f"{MULTIPLY_ADDS_PER_POINT} multiply-adds per point in registers"
_ROUNDS = 300_000


@dataclass(frozen=True)
class Measured:
    """One rate: of what, in which units, with how many threads.

    `per_s` counts by the clock, `per_cpu_s` by the processor time of all threads: on a machine that others use too, the
    second says what a thread can do. `ratio` is that of the latter to `beside_per_cpu_s`, the rate of a limit or a peer
    called `beside`.
    """

    group: str
    what: str
    units: str
    threads: int
    per_s: float
    per_cpu_s: float
    beside: str = ""
    beside_per_cpu_s: float | None = None
    ratio: float | None = None

    def against(self, other: Measured) -> Measured:
        """The same beside another rate in the same units."""
        ratio = self.per_cpu_s / other.per_cpu_s
        return replace(self, beside=other.what, beside_per_cpu_s=other.per_cpu_s, ratio=ratio)


@dataclass(frozen=True)
class Limit:
    """What cannot be done faster: so much of something, by some work."""

    what: str
    amount: float
    work: Callable[[], object]


@dataclass(frozen=True)
class Clock:
    """Takes medians over repeated runs, after one that warms up."""

    repeats: int

    def rate(
        self,
        group: str,
        what: str,
        units: str,
        amount: float,
        work: Callable[[], object],
        threads: int = 1,
        *,
        in_pool: bool = False,
        limit: Limit | None = None,
    ) -> Measured:
        """Time some work that does so many units, in threads of its own if it is done in a pool.

        Beside a limit both are done by turns, so that whoever else uses the machine delays them alike.
        """
        # the time of all threads only where others work: those of a linear algebra library wait in a loop
        cpu_clock = time.process_time if threads > 1 or in_pool else time.thread_time
        wall: list[float] = []
        cpu: list[float] = []
        limit_cpu: list[float] = []
        for _ in range(1 + self.repeats):
            wall_began, cpu_began = time.perf_counter(), cpu_clock()
            work()
            wall.append(time.perf_counter() - wall_began)
            cpu.append(max(cpu_clock() - cpu_began, 1e-9))
            if limit is not None:
                cpu_began = cpu_clock()
                limit.work()
                limit_cpu.append(max(cpu_clock() - cpu_began, 1e-9))
        measured = Measured(group, what, units, threads, amount / median(wall[1:]), amount / median(cpu[1:]))
        if limit is None:
            return measured
        rate = limit.amount / median(limit_cpu[1:])
        return replace(measured, beside=limit.what, beside_per_cpu_s=rate, ratio=measured.per_cpu_s / rate)


@cache
def five_dimensional(shape: tuple[int, ...], bins: int = 1, systematic: float = 0.1, *overrides: str) -> Scan:
    """The scan of five parameters with four targets, each one's recoil window in a number of bins."""
    edges = [*(10.0 + 40.0 * i / bins for i in range(bins)), 400.0]
    changed = [f"experiments.{name}.systematic={systematic}" for name in TARGETS]
    changed += [f"experiments.{name}.recoil_bins_keV={edges}" for name in TARGETS if bins > 1]
    changed += [f"axes.{name}.points={points}" for name, points in zip(AXES, shape, strict=True)]
    return load("large/nsi-5d", [*changed, "output.profile=grid", "output.keep=profiles", *overrides])


def _two_targets(shape: tuple[int, ...], bins: int) -> Scan:
    """The scan with neon and argon alone and one channel, known to their statistical errors."""
    return five_dimensional(shape, bins, 0.0).only("Ne", "Ar", channels=["delayed"])


def _polynomial(scan: Scan) -> tuple[ChiSquaredPolynomial, tuple[Axis, ...], list[FloatArray]]:
    axes = scan.definition.axes
    polynomial = scan.likelihood.polynomial(axes, scan.definition.parameters).squares
    assert polynomial is not None  # of Asimov data
    return polynomial, axes, [axis.values for axis in axes]


def _limits(clock: Clock, shape: tuple[int, ...]) -> Iterator[Measured]:
    for precision in ("float64", "float32"):
        chi2 = np.zeros(shape, dtype=precision)
        what = f"fill of reused memory past the caches, {precision}"
        yield clock.rate("limits", what, "points", chi2.size, partial(fill_past_caches, chi2, 1.0))
    chi2 = np.zeros(shape)
    what = "numpy.ndarray.fill of reused memory, float64"
    yield clock.rate("limits", what, "points", chi2.size, partial(chi2.fill, 1.0))
    work = partial(multiply_and_add, _ROUNDS, 0.5, 0.1)
    peak = clock.rate("limits", "multiply-adds in registers", "multiply-adds", _ROUNDS * LANES_PER_ROUND, work)
    yield peak
    yield replace(
        peak,
        what=_ARITHMETIC,
        units="points",
        per_s=peak.per_s / MULTIPLY_ADDS_PER_POINT,
        per_cpu_s=peak.per_cpu_s / MULTIPLY_ADDS_PER_POINT,
    )


def _fills(clock: Clock, shape: tuple[int, ...]) -> Iterator[Measured]:
    group = "stored grids"
    for bins, precision in ((1, "float64"), (10, "float64"), (100, "float64"), (1, "float32")):
        polynomial, _, values = _polynomial(five_dimensional(shape, bins))
        chi2 = np.zeros(shape, dtype=precision)
        what = f"chi2 in memory, {precision}, bins per channel: {bins}"
        work = partial(polynomial.fill, values, chi2, past_caches=True)
        fill_with_one = partial(fill_past_caches, chi2, 1.0)
        limit = Limit(f"fill of reused memory past the caches, {precision}", chi2.size, fill_with_one)
        yield clock.rate(group, what, "points", chi2.size, work, limit=limit)
    threads = default_threads()
    if threads > 1:
        polynomial, _, values = _polynomial(five_dimensional(shape))
        chi2 = np.zeros(shape)
        cuts = np.linspace(0, shape[0], threads + 1).astype(int)

        def fill_with_constant(first: int, last: int) -> None:
            fill_past_caches(chi2[first:last], 1.0)

        def fill(first: int, last: int) -> None:
            polynomial.fill([values[0][first:last], *values[1:]], chi2[first:last], past_caches=True)

        with ThreadPoolExecutor(threads) as pool:

            def in_parts(one: Callable[[int, int], None]) -> None:
                list(pool.map(one, cuts[:-1], cuts[1:]))

            what = "fill of reused memory past the caches, float64"
            limit = Limit(what, chi2.size, partial(in_parts, fill_with_constant))
            yield clock.rate(group, what, "points", chi2.size, limit.work, threads)
            what = "chi2 in memory, float64, bins per channel: 1"
            yield clock.rate(group, what, "points", chi2.size, partial(in_parts, fill), threads, limit=limit)


def _profiles(clock: Clock, shape: tuple[int, ...]) -> Iterator[Measured]:
    for length in (shape[-1], 8 * shape[-1]):
        # large enough that the driver hardly counts, which takes a millisecond or two whatever it has to do
        here = (*shape[:-1], length) if length > shape[-1] else (8 * shape[0], *shape[1:])
        polynomial, axes, _ = _polynomial(five_dimensional(here))
        for threads in sorted({1, default_threads()}):
            what = f"all planes and lines, last axis of {length} points"
            work = partial(scan_grid, polynomial, axes, NoSink(), threads=threads)
            yield clock.rate(
                "profiles on the fly", what, "points", prod(here), work, threads, in_pool=True, limit=_arithmetic()
            )
        few, many = shape[:2], (40, 40)
        yield _one_plane(clock, "quartics", (2, 3), (*many, *few, length))
        yield _one_plane(clock, "parabolas in mu_nu^2", (0, 1), (*few, *many, length))


def _arithmetic() -> Limit:
    points = _ROUNDS * LANES_PER_ROUND / MULTIPLY_ADDS_PER_POINT
    return Limit(_ARITHMETIC, points, partial(multiply_and_add, _ROUNDS, 0.5, 0.1))


def _one_plane(clock: Clock, kind: str, pair: tuple[int, int], shape: tuple[int, ...]) -> Measured:
    """The kernel of a chosen plane, without the driver."""
    polynomial, axes, _ = _polynomial(five_dimensional(shape))
    over = pass_for(polynomial, shape, [pair])
    assert over is not None  # there are three axes to hide
    minimum = HiddenMinimum.of(polynomial, axes, over)
    shown = [axes[axis].values for axis in over.shown]
    work = partial(minimum.fill, shown, np.empty([values.size for values in shown]))
    hidden = " x ".join(str(shape[axis]) for axis in over.hidden)
    what = f"one plane, {kind}, {hidden} hidden points"
    return clock.rate("profiles on the fly", what, "points", prod(shape), work, limit=_arithmetic())


def _integrals(clock: Clock, shape: tuple[int, ...]) -> Iterator[Measured]:
    work = partial(responses, five_dimensional(shape).definition)
    yield clock.rate("response integrals", "of the whole scan: 4 targets, 8 channels", "scans", 1.0, work, in_pool=True)


def _others(clock: Clock, shape: tuple[int, ...]) -> Iterator[Measured]:
    group, small = "other kernels", (2, 2, *shape[2:])
    for bins in (1, 10, 100):
        scan = five_dimensional(small, bins, 0.0, "statistic.kind=poisson")
        polynomial = scan.likelihood.polynomial(scan.definition.axes, scan.definition.parameters)
        chi2 = np.zeros(small)
        work = partial(polynomial.fill, [axis.values for axis in scan.definition.axes], chi2)
        yield clock.rate(group, f"Poisson likelihood, bins per channel: {bins}", "points", chi2.size, work)
    coarse, axes, _ = _polynomial(five_dimensional((11,) * len(shape)))
    on_grid = scan_grid(coarse, axes, NoSink())
    cells = sum(a * b for a, b in combinations([FINE_POINTS] * len(axes), 2))
    for threads in sorted({1, default_threads()}):  # seconds each: once is enough
        search = partial(exact_profiles, coarse, axes, on_grid, threads)
        yield Clock(1).rate(group, "exact profiles of ten planes", "cells", cells, search, threads, in_pool=True)
    scan = five_dimensional((2, 2, 2, 2, 3), 1, 0.1, "physics.evaluation=direct")
    direct = DirectEvaluator(scan.definition, scan.likelihood)
    chi2 = np.zeros((2, 2, 2, 2, 3))
    integrate = partial(direct.fill, [axis.values for axis in scan.definition.axes], chi2)
    yield clock.rate(group, "a double integral at every point", "points", chi2.size, integrate)


def _peers(clock: Clock, shape: tuple[int, ...]) -> Iterator[Measured]:
    # two targets light enough that both reach all bins
    for cut, bins in enumerate((5, 50), start=1):
        polynomial, _, values = _polynomial(_two_targets(shape, bins))
        chi2, inside = np.zeros(shape), f"{2 * bins} bins in all"
        work = partial(polynomial.fill, values, chi2, past_caches=True)
        ours = clock.rate("peers", f"chi2 by scanengine, {inside}", "points", chi2.size, work)
        yield ours
        # the more bins, the fewer points: all take as long, and stay in the peers' caches
        small = (2,) * cut + shape[cut:]
        scan = _two_targets(small, bins)
        polynomial, _, values = _polynomial(scan)
        expected = np.zeros(small)
        polynomial.fill(values, expected)
        for name, compute in peers(scan):
            if not np.allclose(compute(), expected, rtol=1e-6, atol=1e-6):
                raise RunError(f"bench: {name} computes another chi2 than scanengine")
            what = f"chi2 by {name}, {inside}"
            peer = clock.rate("peers", what, "points", expected.size, compute, in_pool=True)  # JAX has threads
            yield peer
            yield ours.against(peer)


GROUPS = ("limits", "stored grids", "profiles on the fly", "other kernels", "response integrals", "peers")


def run(quick: bool = False, progress: Callable[[int], None] = lambda _: None) -> list[Measured]:
    """Measure everything, fewer times if quick; progress is told which of `GROUPS` begins."""
    clock, shape = Clock(7 if quick else 25), SHAPE
    found: list[Measured] = []
    parts: Sequence[Callable[[], Iterator[Measured]]] = (
        partial(_limits, clock, shape),
        partial(_fills, clock, shape),
        partial(_profiles, clock, shape),
        partial(_others, clock, shape),
        partial(_integrals, clock, shape),
        partial(_peers, clock, shape),
    )
    for number, part in enumerate(parts):
        progress(number)
        found += part()
    return found
