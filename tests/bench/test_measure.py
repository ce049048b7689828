"""What the benchmark reports: rates that belong together, on work that is the same. Not how fast it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest

from scanengine import cli
from scanengine.bench import GROUPS, Clock, Limit, Measured, measure, run
from scanengine.bench.peers import peers
from scanengine_kernels.limits import fill_past_caches, multiply_and_add

pytestmark = pytest.mark.jit_only

SMALL = (2, 2, 3, 5, 9)


@pytest.fixture(scope="module")
def found() -> list[Measured]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "SHAPE", SMALL)
        return run(quick=True)


@pytest.mark.slow
def test_every_group_is_measured(found: list[Measured]) -> None:
    assert list(dict.fromkeys(each.group for each in found)) == list(GROUPS)
    assert all(each.per_s > 0.0 and each.per_cpu_s > 0.0 for each in found)


@pytest.mark.slow
def test_ratios_are_those_of_rates_in_the_same_run(found: list[Measured]) -> None:
    rates = {each.what: each for each in found if each.ratio is None}
    compared = [each for each in found if each.ratio is not None]
    assert compared
    for each in compared:
        assert each.units == rates[each.beside].units
        assert each.beside_per_cpu_s is not None
        assert each.ratio == pytest.approx(each.per_cpu_s / each.beside_per_cpu_s)


def test_work_and_its_limit_are_done_by_turns() -> None:
    calls: list[str] = []
    limit = Limit("limit", 5.0, lambda: calls.append("limit"))
    measured = Clock(2).rate("group", "what", "units", 10.0, lambda: calls.append("work"), limit=limit)
    assert calls == ["work", "limit"] * 3
    assert measured.beside == "limit"
    assert measured.ratio == pytest.approx(measured.per_cpu_s / (measured.beside_per_cpu_s or 0.0))


@pytest.mark.parametrize("bins", [1, 10])
def test_peers_compute_the_same_chi2(bins: int) -> None:
    scan = measure.five_dimensional(SMALL, bins, systematic=0.0)
    ours = scan.run().profile("mu_nu").chi2
    names = []
    for name, chi2 in peers(scan):
        assert np.min(chi2(), axis=(0, 1, 2, 4)) == pytest.approx(ours, rel=1e-6, abs=1e-9), name
        names.append(name)
    assert names[:2] == ["NumPy, broadcasting", "Numba, a loop over points and bins"]


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("size", [0, 1, 7, 8, 63, 64, 1001])
@pytest.mark.parametrize("offset", [0, 1, 5])
def test_the_limit_of_memory_fills_all_of_it_and_nothing_else(precision: str, size: int, offset: int) -> None:
    memory = np.zeros(size + 20, dtype=precision)
    fill_past_caches(memory[offset : offset + size], 3.0)
    assert np.all(memory[offset : offset + size] == 3.0)
    assert np.count_nonzero(memory) == size


def test_the_limit_of_arithmetic_is_not_left_out() -> None:
    assert multiply_and_add(0, 0.5, 0.1) == pytest.approx(8 * 0.78)
    assert multiply_and_add(200, 0.5, 0.1) == pytest.approx(96 * 0.2)


def test_the_clock_counts_work_after_warming_up() -> None:
    calls = []
    measured = Clock(3).rate("group", "what", "units", 10.0, lambda: calls.append(1))
    assert len(calls) == 4
    assert measured.per_s > 0.0


@pytest.mark.slow
def test_the_verb_prints_what_was_measured(
    found: list[Measured], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[bool] = []

    def measured(quick: bool, progress: Callable[[int], None]) -> list[Measured]:
        asked.append(quick)
        progress(len(GROUPS) - 1)
        return found

    monkeypatch.setattr("scanengine.bench.run", measured)
    for options in ([], ["--quick", "--json"]):
        monkeypatch.setattr(sys, "argv", ["scanengine", "bench", *options])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert not stop.value.code
        out = capsys.readouterr().out
        if options:
            assert json.loads(out) == [asdict(each) for each in found]
        else:
            assert all(f"{group}:" in out for group in GROUPS)
    assert asked == [False, True]
