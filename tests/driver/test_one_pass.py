"""The scan driver: tiles that cover a grid once, profiles that are its minima, bounded memory, and clean ends."""

from __future__ import annotations

import re
import threading
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanengine.chi2.evaluator import LowestPlane
from scanengine.chi2.monomials import Monomials
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import ArraySink, Fleeting, NoSink
from scanengine.errors import InputError, Interrupted, RunError
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import Profiles
from scanengine.grid.tiling import Tiling
from tests import naive
from tests.naive import FloatArray

SHAPES = st.lists(st.integers(2, 7), min_size=1, max_size=5).map(tuple)


def axes_of(shape: Sequence[int]) -> list[Axis]:
    return [Axis(f"x{a}", np.linspace(-1.0, 1.0 + a, n)) for a, n in enumerate(shape)]


class Waves:
    """chi2 of a function that no axis is symmetric in; in coarse steps it has its minimum more than once."""

    def __init__(self, step: float = 0.0) -> None:
        self.step = step

    def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
        point = np.meshgrid(*values, indexing="ij")
        phase = sum((k + 1.3) * x for k, x in enumerate(point))
        chi2[...] = 3.0 + np.sin(phase) * np.cos(2.0 * np.asarray(point[0]))
        if self.step:
            chi2[...] = np.round(chi2 / self.step) * self.step


def whole(evaluator: Waves, axes: Sequence[Axis]) -> FloatArray:
    chi2 = np.empty([axis.values.size for axis in axes])
    evaluator.fill([axis.values for axis in axes], chi2)
    return chi2


# Profiles.


def assert_profiles_of(profiles: Profiles, chi2: FloatArray, axes: Sequence[Axis]) -> None:
    lines, planes = naive.profiles(chi2)
    names = [axis.name for axis in axes]
    assert list(profiles.lines) == names
    for name, line in zip(names, lines, strict=True):
        assert np.array_equal(profiles.lines[name], line)
    assert set(profiles.planes) == {(names[a], names[b]) for a, b in planes}
    for (a, b), plane in planes.items():
        assert np.array_equal(profiles.planes[names[a], names[b]], plane)
    assert profiles.minimum == chi2.min()
    first = np.unravel_index(np.argmin(chi2), chi2.shape)
    assert profiles.best_fit == tuple(axis.values[i] for axis, i in zip(axes, first, strict=True))


@settings(max_examples=60)
@given(SHAPES, st.integers(1, 60), st.sampled_from([1, 2, 4]), st.sampled_from([0.0, 0.5]))
def test_grid_and_profiles_whatever_the_tiles_and_threads(
    shape: tuple[int, ...], points: int, threads: int, step: float
) -> None:
    evaluator, axes = Waves(step), axes_of(shape)
    sink = ArraySink(shape)
    profiles = scan_grid(evaluator, axes, sink, tiling=Tiling.of(shape, points), threads=threads)
    chi2 = whole(evaluator, axes)
    assert np.array_equal(sink.chi2, chi2)
    assert_profiles_of(profiles, chi2, axes)


def test_threads_change_no_bit() -> None:
    random = np.random.default_rng(3)
    monomials = Monomials.of(4, 2)
    residuals = random.normal(size=(8, len(monomials.exponents)))
    evaluator = ChiSquaredPolynomial(np.zeros(4), np.ones(4), monomials, residuals)
    axes = [Axis(f"x{a}", np.linspace(-1.0, 1.0, 17)) for a in range(4)]
    grids, found = [], []
    for threads in (1, 2, 4):
        sink = ArraySink((17,) * 4)
        found.append(scan_grid(evaluator, axes, sink, tiling=Tiling.of((17,) * 4, 1000), threads=threads))
        grids.append(sink.chi2)
    assert np.array_equal(grids[0], grids[1])
    assert np.array_equal(grids[0], grids[2])
    for other in found[1:]:
        assert (other.minimum, other.best_fit) == (found[0].minimum, found[0].best_fit)
        for plane, values in found[0].planes.items():
            assert np.array_equal(other.planes[plane], values)
    assert_profiles_of(found[0], grids[0], axes)


@pytest.mark.slow
@settings(max_examples=30)
@given(SHAPES, st.integers(1, 60), st.sampled_from([1, 2]), st.integers(0, 2**32 - 1))
def test_profiles_from_registers_are_those_of_the_stored_grid(
    shape: tuple[int, ...], points: int, threads: int, seed: int
) -> None:
    """To the last bit, with the grid, without it and with the driver's own choice of tiles; in double and single."""
    evaluator, axes = random_polynomial(len(shape), seed), axes_of(shape)
    chi2 = np.empty(shape)
    evaluator.fill([axis.values for axis in axes], chi2)
    tiling = Tiling.of(shape, max(points, shape[-1]))
    precisions: tuple[Literal["float64", "float32"], ...] = ("float64", "float32")
    for precision in precisions:
        sink = ArraySink(shape, precision)
        assert_profiles_of(scan_grid(evaluator, axes, sink, tiling=tiling, threads=threads), chi2, axes)
        assert sink.chi2.dtype == precision
        assert np.array_equal(sink.chi2, chi2.astype(precision))
    assert_profiles_of(scan_grid(evaluator, axes, NoSink(), tiling=tiling, threads=threads), chi2, axes)
    assert_profiles_of(scan_grid(evaluator, axes, NoSink(), threads=threads), chi2, axes)


def random_polynomial(n: int, seed: int) -> ChiSquaredPolynomial:
    monomials = Monomials.of(n, 2)
    residuals = np.random.default_rng(seed).normal(size=(3, len(monomials.exponents)))
    return ChiSquaredPolynomial(np.zeros(n), np.full(n, 5.0), monomials, residuals)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_tiles_that_are_no_run_of_the_array_find_their_place(precision: Literal["float64", "float32"]) -> None:
    """Boxes of 2 x 3 lines, which lie apart in the array."""
    shape = (5, 7, 20)
    evaluator, axes, sink = random_polynomial(3, 5), axes_of(shape), ArraySink(shape, precision)
    profiles = scan_grid(evaluator, axes, sink, tiling=Tiling(shape, (2, 3, 20)), threads=2)
    chi2 = np.empty(shape)
    evaluator.fill([axis.values for axis in axes], chi2)
    assert np.array_equal(sink.chi2, chi2.astype(precision))
    assert_profiles_of(profiles, chi2, axes)


def test_large_grid_in_memory_is_written_past_the_caches() -> None:
    """The evaluator is told so for 5 MB, and not for a file's tiles."""
    told: list[bool] = []

    class Told(ChiSquaredPolynomial):
        def reduce(self, *given: Any, **how: Any) -> LowestPlane:
            told.append(how["past_caches"])
            return super().reduce(*given, **how)

    polynomial = random_polynomial(3, 1)
    evaluator = Told(polynomial.centre, polynomial.half_width, polynomial.monomials, polynomial.residuals)
    shape = (10, 250, 250)
    scan_grid(evaluator, axes_of(shape), ArraySink(shape))
    assert set(told) == {True}
    told.clear()
    scan_grid(evaluator, axes_of((10, 20, 20)), ArraySink((10, 20, 20)))
    scan_grid(evaluator, axes_of(shape), CountingSink(shape))
    assert set(told) == {False}


def test_single_precision_of_an_evaluator_that_knows_only_double() -> None:
    evaluator, axes = Waves(), axes_of((4, 5, 6))
    sink = ArraySink((4, 5, 6), "float32")
    profiles = scan_grid(evaluator, axes, sink, tiling=Tiling.of((4, 5, 6), 30), threads=2)
    chi2 = whole(evaluator, axes)
    assert np.array_equal(sink.chi2, chi2.astype(np.float32))
    assert_profiles_of(profiles, chi2, axes)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_of_equal_minima_the_first_is_the_best_fit(threads: int) -> None:
    class Flat:
        def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
            time.sleep(0.002 if values[0][0] < 0.0 else 0.0)  # the first tiles finish last
            chi2[...] = 2.0

    axes = axes_of((8, 3))
    profiles = scan_grid(Flat(), axes, NoSink(), tiling=Tiling.of((8, 3), 3), threads=threads)
    assert profiles.best_fit == (axes[0].values[0], axes[1].values[0])


def test_the_one_plane_of_two_axes_can_be_left_to_the_sink() -> None:
    evaluator, axes = Waves(), axes_of((9, 5))
    profiles = scan_grid(evaluator, axes, NoSink(), tiling=Tiling.of((9, 5), 10), keep_planes=False)
    chi2 = whole(evaluator, axes)
    assert profiles.planes == {}
    assert np.array_equal(profiles.lines["x0"], chi2.min(axis=1))
    assert np.array_equal(profiles.lines["x1"], chi2.min(axis=0))
    assert profiles.minimum == chi2.min()


def test_planes_of_three_axes_are_kept_in_any_case() -> None:
    profiles = scan_grid(Waves(), axes_of((3, 4, 5)), NoSink(), keep_planes=False)
    assert len(profiles.planes) == 3


def test_polynomial_that_is_no_number_anywhere_ends_the_run() -> None:
    polynomial = random_polynomial(3, 0)
    nowhere = ChiSquaredPolynomial(
        polynomial.centre, polynomial.half_width, polynomial.monomials, np.nan * polynomial.residuals
    )
    with pytest.raises(RunError, match="not a number anywhere"):
        scan_grid(nowhere, axes_of((3, 4, 5)), NoSink())


def test_chi2_that_is_no_number_anywhere_ends_the_run() -> None:
    class Nowhere:
        def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
            chi2[...] = np.nan * values[0][0]

    with pytest.raises(RunError, match="not a number anywhere"):
        scan_grid(Nowhere(), axes_of((3, 4)), NoSink())


@pytest.mark.parametrize("threads", [0, -1])
def test_no_thread_is_an_input_error(threads: int) -> None:
    with pytest.raises(InputError, match=f"at least one thread: found {threads}"):
        scan_grid(Waves(), axes_of((3,)), NoSink(), threads=threads)


# Progress and memory.


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_counts_points_up_to_all(threads: int) -> None:
    seen: list[int] = []
    scan_grid(Waves(), axes_of((7, 6)), NoSink(), tiling=Tiling.of((7, 6), 6), threads=threads, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 42


@pytest.mark.jit_only
def test_memory_does_not_grow_with_the_grid() -> None:
    """50 tiles of 256 kB through two threads: their buffers, planes and no more."""
    evaluator, shape = Waves(), (50, 32, 32, 32)
    monomials = Monomials.of(4, 2)
    residuals = np.random.default_rng(0).normal(size=(3, len(monomials.exponents)))
    polynomial = ChiSquaredPolynomial(np.zeros(4), np.full(4, 4.0), monomials, residuals)
    tiling = Tiling.of(shape, 1 << 15)
    scan_grid(polynomial, axes_of((2, 2, 2, 2)), NoSink(), threads=2)  # compile
    assert len(tiling) == 50
    tracemalloc.start()
    try:
        scan_grid(polynomial, axes_of(shape), NoSink(), tiling=tiling, threads=2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * 8 * (1 << 15)
    assert evaluator.step == 0.0


class CountingSink(Fleeting):
    """Keeps what it is given, and how many tiles wait for it at most; `at` is called with the number of each write."""

    wants_tiles = True

    def __init__(self, shape: tuple[int, ...] = (), at: Callable[[int], None] = lambda _: None) -> None:
        self.grid = np.full(shape, np.nan)
        self.most_waiting = self.waiting = self.writes = 0
        self.threads: set[str] = set()
        self._at, self._lock = at, threading.Lock()

    def prepare(self, chi2: FloatArray) -> FloatArray:
        with self._lock:
            self.waiting += 1
            self.most_waiting = max(self.most_waiting, self.waiting)
        return chi2.copy()

    def write(self, start: tuple[int, ...], prepared: FloatArray) -> None:
        self.threads.add(threading.current_thread().name)
        self.writes += 1
        self._at(self.writes)
        with self._lock:
            self.waiting -= 1
        self.grid[tuple(slice(s, s + n) for s, n in zip(start, prepared.shape, strict=True))] = prepared

    @property
    def points(self) -> int:
        return int(np.isfinite(self.grid).sum())


@pytest.mark.parametrize("threads", [1, 2])
def test_no_more_tiles_wait_for_a_slow_sink_than_twice_the_threads(threads: int) -> None:
    sink = CountingSink((30, 4), at=lambda _: time.sleep(0.002))
    scan_grid(Waves(), axes_of((30, 4)), sink, tiling=Tiling.of((30, 4), 4), threads=threads)
    assert sink.points == 120
    assert sink.most_waiting <= 2 * threads


def test_tiles_are_written_from_the_callers_own_thread() -> None:
    sink = CountingSink((8, 4))
    scan_grid(Waves(), axes_of((8, 4)), sink, tiling=Tiling.of((8, 4), 4), threads=2)
    assert sink.threads == {threading.current_thread().name}


# Ends before the end.


def interrupt(number: int, at: int) -> None:
    if number == at:
        raise KeyboardInterrupt


def told_points(error: Interrupted) -> tuple[int, int]:
    match = re.search(r"interrupted after (\d+) of (\d+) points", str(error))
    assert match
    return int(match[1]), int(match[2])


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_between_tiles_writes_those_in_flight_and_says_how_many(threads: int) -> None:
    sink = CountingSink((40, 5))
    with pytest.raises(Interrupted) as caught:
        scan_grid(
            Waves(),
            axes_of((40, 5)),
            sink,
            tiling=Tiling.of((40, 5), 5),
            threads=threads,
            progress=lambda done: interrupt(int(done >= 50), 1),
        )
    assert told_points(caught.value) == (sink.points, 200)
    assert 50 <= sink.points <= 50 + 5 * 4 * threads
    assert caught.value.exit_status == 1


def test_ctrl_c_during_a_write_counts_what_was_written() -> None:
    """The first write is slow, so that the second and third follow without a look at the progress."""

    def at(number: int) -> None:
        time.sleep(0.1 if number == 1 else 0.0)
        interrupt(number, 3)

    sink = CountingSink((40, 5), at=at)
    with pytest.raises(Interrupted) as caught:
        scan_grid(Waves(), axes_of((40, 5)), sink, tiling=Tiling.of((40, 5), 5), threads=2)
    assert told_points(caught.value) == (sink.points, 200)


def test_error_of_the_evaluator_is_passed_on_and_ends_the_scan() -> None:
    calls: list[float] = []

    class Broken:
        def fill(self, values: Sequence[FloatArray], chi2: FloatArray) -> None:
            calls.append(float(values[0][0]) + chi2.size)
            raise ValueError("no cross-section here")

    with pytest.raises(ValueError, match="no cross-section here"):
        scan_grid(Broken(), axes_of((100, 4)), NoSink(), tiling=Tiling.of((100, 4), 4), threads=2)
    assert len(calls) <= 8


def test_error_of_the_sink_is_passed_on_and_ends_the_scan() -> None:
    def at(number: int) -> None:
        if number == 2:
            raise OSError("disk full")

    sink = CountingSink((100, 4), at=at)
    with pytest.raises(OSError, match="disk full"):
        scan_grid(Waves(), axes_of((100, 4)), sink, tiling=Tiling.of((100, 4), 4), threads=2)
    assert sink.writes == 2
    assert not [t for t in threading.enumerate() if t.name.startswith("scan")]
