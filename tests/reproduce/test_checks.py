"""When a number agrees with a published one."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.reproduce import Check


@pytest.mark.parametrize(
    ("published", "rounding"),
    [("9.09", 0.005), ("10", 0.5), ("0.0110", 0.00005), ("-0.55", 0.005), ("1e-3", 0.0005), ("2.50e4", 50.0)],
)
def test_the_last_printed_digit_is_rounded(published: str, rounding: float) -> None:
    value = float(published)
    for sign in (-1.0, 1.0):
        assert Check.number("x", published, value + sign * 0.999 * rounding).passed
        assert not Check.number("x", published, value + sign * 1.001 * rounding).passed


def test_the_widest_tolerance_holds() -> None:
    assert Check.number("x", "100.00", 100.4, relative=0.005).passed
    assert not Check.number("x", "100.00", 100.6, relative=0.005).passed
    assert Check.number("x", "100.00", 100.6, relative=0.005, absolute=0.7).passed
    assert Check.number("x", "100", 100.4, relative=0.001).passed


@given(st.floats(0.01, 1e3), st.floats(0.5, 2.0), st.floats(0.001, 0.1))
def test_excess_is_the_deviation_in_units_of_the_tolerance(value: float, ratio: float, relative: float) -> None:
    published = f"{value:.12e}"
    check = Check.number("x", published, ratio * float(published), relative=relative)
    assert check.ratio == pytest.approx(ratio)
    assert check.excess == pytest.approx(abs(ratio - 1.0) / relative, rel=1e-6, abs=1e-9)
    assert check.passed == (check.excess <= 1.0)


@pytest.mark.parametrize("ours", [nan, inf, -inf])
def test_what_is_no_number_never_agrees(ours: float) -> None:
    assert not Check.number("x", "1", ours, relative=10.0).passed
    assert not Check.between("x", "about one", ours, 0.0, 2.0).passed


def test_words_are_held_to_their_range() -> None:
    assert Check.between("x", "thousands", 1000.0, 1000.0, 9999.0).passed
    assert Check.between("x", "thousands", 9999.0, 1000.0, 9999.0).passed
    assert not Check.between("x", "thousands", 999.0, 1000.0, 9999.0).passed
    assert not Check.between("x", "thousands", 10_001.0, 1000.0, 9999.0).passed


def test_units_and_tolerance_are_written_out() -> None:
    check = Check.number("x", "4.74", 4.7126, relative=0.01, units="%")
    assert (check.published, check.ours, check.tolerance) == ("4.74 %", "4.7126 %", "rounding or 1%")


def test_a_statement_holds_or_not() -> None:
    assert Check.statement("best pair", "Ne+Ge", "Ne+Ge", holds=True).passed
    assert not Check.statement("best pair", "Ne+Ge", "Ne+Ar", holds=False).passed


def test_a_known_difference_is_held_to_what_is_expected_instead() -> None:
    check = Check.known_difference("events", "∼10", 155.9, 155.2)
    assert (check.verdict, check.label, check.passed) == ("explained", "differs, explained", True)
    unexplained = Check.known_difference("events", "∼10", 155.9, 155.2, explained=False)
    assert (unexplained.verdict, unexplained.label) == ("unexplained", "differs, unexplained")
    for explained in (True, False):
        moved = Check.known_difference("events", "∼10", 157.0, 155.2, explained=explained)
        assert (moved.verdict, moved.label, moved.passed) == ("differs", "differs", False)
    assert Check.number("x", "1.0", 1.0).label == "agrees"


def test_what_could_not_be_run_neither_agrees_nor_differs() -> None:
    check = Check.not_run("counts of argon")
    assert (check.verdict, check.label, check.passed) == ("absent", "skipped: no data", True)
    assert (check.value, check.ours) == (None, "")


def test_a_derived_value_is_a_check_of_consistency() -> None:
    assert not Check.number("x", "1.0", 1.0).derived
    assert Check.number("x", "1.0", 1.0, derived=True).derived
    assert Check.between("x", "about 1", 1.0, 0.0, 2.0, derived=True).derived
    assert Check.statement("x", "narrower", "narrower", holds=True, derived=True).derived
