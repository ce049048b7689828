"""Arguments of the Python interface: numbers of every kind that NumPy has, and a sentence for what is none."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from scanengine.api import Result, Scan, draw, load
from scanengine.errors import InputError
from scanengine.grid.arguments import confidence_level, confidence_levels, number, numbers, path, whole
from tests.definition.example import edited

TENTHS = [
    0.1,
    np.float64(0.1),
    np.array(0.1),
    np.longdouble(0.1),
    np.ma.array(0.1),
    Decimal("0.1"),
    Fraction(1, 10),
]
HUGE = 10**400
NO_NUMBERS: list[Any] = [
    "0.1",
    b"0.1",
    None,
    True,
    np.True_,
    np.array(True),
    0.1 + 0j,
    [0.1],
    np.array([0.1]),
    np.array("0.1"),
    np.ma.masked,
    math.nan,
    np.float32("nan"),
    math.inf,
    HUGE,
    np.datetime64("2026-01-01"),
    {},
]


@pytest.mark.parametrize("value", TENTHS, ids=repr)
def test_numbers_of_any_kind_are_numbers(value: Any) -> None:
    found = number(value, "x")
    assert type(found) is float
    assert found == pytest.approx(0.1, rel=1e-15)


@pytest.mark.parametrize("kind", np.typecodes["AllInteger"] + np.typecodes["Float"])
def test_numpy_scalars_of_every_type_are_the_number_that_they_hold(kind: str) -> None:
    value = np.dtype(kind).type(3)
    for each in (value, np.array(value)):
        assert number(each, "x") == 3.0
        assert whole(each, "n") == 3
        assert type(whole(each, "n")) is int
    assert number(np.float32(0.1), "x") == float(np.float32(0.1))


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: repr(value)[:20])
def test_anything_else_is_a_sentence(value: Any) -> None:
    with pytest.raises(InputError, match=r"^x must be a "):
        number(value, "x")
    with pytest.raises(InputError):
        confidence_level(value)
    if value is not HUGE:
        with pytest.raises(InputError, match=r"^n must be a "):
            whole(value, "n")


def test_whole_numbers() -> None:
    assert whole(2.0, "n") == 2
    assert whole(2**200, "n") == 2**200
    for value, words in ((2.5, "n must be a whole number: found 2.5"), (0, "n must be at least 1: found 0")):
        with pytest.raises(InputError, match=words):
            whole(value, "n", 1)


def test_several_numbers() -> None:
    for values in ([1, 2.0], (np.int8(1), 2), np.array([1, 2]), np.array([1.0, 2.0], dtype=np.float32), range(1, 3)):
        found = numbers(values, "x")
        assert found.dtype == np.float64
        assert found.tolist() == [1.0, 2.0]
    assert numbers(1.5, "x").tolist() == [1.5]
    for wrong in ([1.0, math.nan], ["1"], [[1.0]], np.array([math.inf]), "12"):
        with pytest.raises(InputError, match="x must be a"):
            numbers(wrong, "x")


LEVELS: list[tuple[Any, tuple[float, ...]]] = [
    (0.9, (0.9,)),
    (np.float64(0.9), (0.9,)),
    (np.array(0.9), (0.9,)),
    (np.array([0.68, 0.9]), (0.68, 0.9)),
    ((0.9, 0.68), (0.9, 0.68)),
    ((level for level in (0.68, 0.9)), (0.68, 0.9)),
]


@pytest.mark.parametrize(("given", "expected"), LEVELS)
def test_confidence_levels(given: Any, expected: tuple[float, ...]) -> None:
    assert confidence_levels(given) == expected
    assert set(confidence_levels({0.68, 0.9})) == {0.68, 0.9}


@pytest.mark.parametrize(
    ("level", "words"),
    [
        (90, "found 90; for 90% write 0.9"),
        (np.int64(68), "found 68; for 68% write 0.68"),
        (1, "for 1 standard deviation write 0.6827"),
        (2, "for 2 standard deviations write 0.9545"),
        (np.float32(3.0), "for 3 standard deviations write 0.99730"),
        (5, "for 5 standard deviations write 0.999999427"),
        (0, "found 0."),
        (-0.9, "found -0.9."),
        (100, "found 100."),
        (math.nan, "found nan."),
        ("90%", "such as 0.9: found '90%'"),
    ],
)
def test_wrong_level_is_refused_with_what_was_probably_meant(level: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        confidence_level(level)
    assert words in str(caught.value)
    with pytest.raises(InputError):
        confidence_levels([0.9, level])


def test_no_level_is_a_sentence() -> None:
    with pytest.raises(InputError, match="found an empty list"):
        confidence_levels([])


def test_paths() -> None:
    assert path("a.h5", "x") == path(pathlib.Path("a.h5"), "x") == pathlib.Path("a.h5")
    none: list[Any] = [b"a.h5", {}, 1, None]
    for wrong in none:
        with pytest.raises(InputError, match="x must be a path"):
            path(wrong, "x")


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    """The example over two axes, of few points."""
    place = tmp_path_factory.mktemp("arguments") / "scan.toml"
    place.write_text(edited())
    axes = "axes={ eps_ee_uV = { min = -1, max = 1, points = 41 }, eps_ee_dV = { min = -1, max = 1, points = 41 } }"
    return load(place, [axes, "output.keep=grid"])


@pytest.fixture(scope="module")
def result(scan: Scan) -> Result:
    """Its result."""
    return scan.run()


@pytest.mark.parametrize("value", [*TENTHS, np.array(0.1, dtype=np.float32)], ids=repr)
def test_chi2_counts_and_slices_take_numbers_of_any_kind(scan: Scan, result: Result, value: Any) -> None:
    plain = float(value)
    assert scan.chi2(eps_ee_uV=value) == scan.chi2(eps_ee_uV=plain)
    assert scan.events(eps_ee_uV=value) == scan.events(eps_ee_uV=plain)
    held = result.slice("eps_ee_uV", at={"eps_ee_dV": value})
    assert np.array_equal(held.chi2, result.slice("eps_ee_uV", at={"eps_ee_dV": plain}).chi2)


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: repr(value)[:20])
def test_and_say_so_of_what_is_none(scan: Scan, result: Result, value: Any) -> None:
    of_many: list[Callable[[], object]] = [lambda: scan.chi2(eps_ee_uV=value)]
    calls: list[Callable[[], object]] = [
        *([] if np.shape(value) == (1,) else of_many),  # lists and arrays of numbers are many points
        lambda: scan.fit_at(eps_ee_uV=value),
        lambda: scan.problem.theta(eps_ee_uV=value),
        lambda: scan.events(eps_ee_uV=value),
        lambda: scan.cross_section_cm2_per_keV("Ne", "nu_e", value, np.array([1.0])),
        lambda: result.slice("eps_ee_uV", at={"eps_ee_dV": value}),
    ]
    for call in calls:
        with pytest.raises(InputError, match="must be a "):
            call()


@pytest.mark.parametrize("level", [0.9, np.float64(0.9), np.array(0.9), np.array([0.9]), [0.9], iter([0.9])])
def test_levels_of_limits_regions_and_figures(result: Result, level: Any) -> None:
    expected = result.limits(0.9)
    assert len(expected) == 2  # of every axis, also where the levels can be read only once
    assert result.limits(level) == expected
    assert result.region(cl=float(np.float32(0.9))).level == pytest.approx(result.region(cl=0.9).level, rel=1e-6)


@pytest.mark.parametrize("level", [2, 90, "90", None, math.nan, [], [0.9, True]])
def test_wrong_levels_are_sentences_wherever_levels_are_taken(scan: Scan, result: Result, level: Any) -> None:
    calls: list[Callable[[], object]] = [
        lambda: result.limits(cl=level),
        lambda: result.region(cl=level),
        lambda: result.plot(cl=level),
        lambda: draw({"": result.profile("eps_ee_uV")}, cl=level),
        lambda: scan.calibrate(cl=level),
    ]
    for call in calls:
        with pytest.raises(InputError, match="confidence level"):
            call()


def test_numbers_of_threads_and_of_pseudo_experiments(scan: Scan) -> None:
    assert scan.run(threads=np.int64(1)).minimum == scan.run(threads=1.0).minimum  # type: ignore[arg-type]
    calls: list[Callable[[], object]] = [
        lambda: scan.run(threads=1.5),  # type: ignore[arg-type]
        lambda: scan.run(threads=True),
        lambda: scan.run(threads="2"),  # type: ignore[arg-type]
        lambda: scan.run(threads=0),
        lambda: scan.run(memory_bytes="4GB"),  # type: ignore[arg-type]
        lambda: scan.estimate("2"),  # type: ignore[arg-type]
        lambda: scan.calibrate(pseudo_experiments=0.5),  # type: ignore[arg-type]
        lambda: scan.calibrate(pseudo_experiments=0),
        lambda: scan.calibrate(seed=-1),
        lambda: scan.run(b"a.h5"),  # type: ignore[arg-type]
        lambda: scan.run_shard("a.h5", "1", 2),  # type: ignore[arg-type]
        lambda: load({}),  # type: ignore[arg-type]
        lambda: load("large/nsi-5d", [1]),  # type: ignore[list-item]
    ]
    for call in calls:
        with pytest.raises(InputError):
            call()
