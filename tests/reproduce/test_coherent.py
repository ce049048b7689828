"""The report on COHERENT's data: at the deviations that were seen, and what it says where data are absent."""

from __future__ import annotations

import inspect
import math
import os

import pytest

from scanengine.reproduce import find_recipes

pytestmark = pytest.mark.jit_only

SEEN = {
    "CsI 2017: signal fitted": 140.54,
    "CsI 2017: beam neutrons expected": 5.273,
    "CsI 2021: signal expected": 323.33,
    "CsI 2021: cross-section over the Standard Model's": 0.9703,
    "LAr 2020: signal fitted": 159.71,
    "LAr 2020: prompt-neutrons fitted": 552.12,
    "LAr 2020: delayed-neutrons fitted": 10.507,
    "LAr 2020: steady fitted": 3133.2,
    "Ge 2024: significance": 3.2698,
}


@pytest.mark.slow
@pytest.mark.skipif("SCANENGINE_DATA" not in os.environ, reason="SCANENGINE_DATA names no folder with COHERENT's data")
def test_counts_are_those_that_were_seen() -> None:
    (recipe,) = find_recipes(["coherent/signals"])
    checks = recipe.run().checks
    assert {check.result: check.value for check in checks} == pytest.approx(SEEN, rel=2e-4)
    assert all(check.passed for check in checks)


@pytest.mark.slow
@pytest.mark.skipif("SCANENGINE_DATA" not in os.environ, reason="SCANENGINE_DATA names no folder with COHERENT's data")
def test_neutrons_lie_as_far_out_as_published() -> None:
    (recipe,) = find_recipes(["coherent/fig-neutrons"])
    made = recipe.run()
    assert [check.value for check in made.checks] == pytest.approx([4.983, 5.350], abs=2e-3)
    assert all(check.passed for check in made.checks)
    (table,) = made.tables
    assert table.rows[-1][:4] == ("LAr 2020", "1.6, where the axis begins", "below 1.6 to 2.88", "below 1.6 to 4.05")


@pytest.mark.slow
@pytest.mark.skipif("SCANENGINE_DATA" not in os.environ, reason="SCANENGINE_DATA names no folder with COHERENT's data")
def test_the_angle_with_a_free_radius_is_as_published() -> None:
    (recipe,) = find_recipes(["coherent/fig-radius-angle"])
    made = recipe.run()
    assert [check.value for check in made.checks] == pytest.approx([0.205], abs=0.006)
    assert all(check.passed for check in made.checks)


@pytest.mark.slow
@pytest.mark.skipif("SCANENGINE_DATA" not in os.environ, reason="SCANENGINE_DATA names no folder with COHERENT's data")
def test_limits_on_mediators_are_those_that_were_seen() -> None:
    """At 1 MeV, where the momentum transfer is larger than the mass, and at 1 GeV, where g / m is what counts."""
    (recipe,) = find_recipes(["coherent/fig-mediators"])
    made = recipe.run()
    (table,) = made.tables
    found = {row[:2]: (float(row[2]), float(row[-1])) for row in table.rows}
    assert found["CsI 2021", "vector, universal"] == pytest.approx((1.98e-5, 4.53e-4), rel=0.02)
    assert found["CsI 2021", "scalar"] == pytest.approx((1.67e-5, 2.72e-4), rel=0.02)
    assert made.figure is not None


@pytest.mark.slow
@pytest.mark.skipif("SCANENGINE_DATA" not in os.environ, reason="SCANENGINE_DATA names no folder with COHERENT's data")
def test_pseudo_experiments_allow_what_is_published() -> None:
    (recipe,) = find_recipes(["coherent/fig-calibrated"])
    checks = recipe.run().checks
    assert [check.value for check in checks] == pytest.approx([-0.035, 0.225], abs=0.004)
    assert all(check.passed for check in checks)


@pytest.mark.slow
def test_without_data_results_are_not_run_and_the_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCANENGINE_DATA", raising=False)
    for recipe in find_recipes(["coherent"]):
        made = recipe.run()
        verdicts = {check.result: check.label for check in made.checks}
        assert verdicts.pop("Ge 2024: significance", "differs, explained") == "differs, explained"
        assert set(verdicts.values()) == {"skipped: no data"}
        release = "arXiv:2110.07730" if recipe.name in {"fig-mediators", "fig-sin2-q"} else "arXiv:1804.09459"
        assert release in " ".join(made.notes)
        names = [row[0] for table in made.tables for row in table.rows]
        none = {"fig-spectra", "fig-calibrated", "fig-neutrons", "fig-radius-angle"}
        if recipe.name == "fig-mediators":  # of each of three charges
            assert names == ["Ge 2024"] * 3
        elif recipe.name == "fig-sin2-q":
            assert names == ["Ge 2024", "CONUS+ 2025", "Møller scattering, E158"]
        else:
            assert names == ([] if recipe.name in none else ["CsI 2017, one count", "Ge 2024"])
        assert (made.figure is None) == (recipe.name in {"signals", *none})


@pytest.mark.slow
def test_momentum_transfers_halve_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The counts below the median are half of all; without a data release, germanium and CONUS+ are shown."""
    monkeypatch.delenv("SCANENGINE_DATA", raising=False)
    (recipe,) = find_recipes(["coherent/fig-sin2-q"])
    (table,) = recipe.run().tables
    assert [row[0] for row in table.rows] == ["Ge 2024", "CONUS+ 2025", "Møller scattering, E158"]
    assert [float(row[1].split()[0]) for row in table.rows] == pytest.approx([42.7, 11.8, 161.0], rel=0.01)
    module = inspect.getmodule(recipe.make)
    assert module is not None
    scan, _ = module.conus()
    (experiment,) = scan.definition.experiments
    _, median, _ = module.momentum_transfers_MeV(scan)
    mass = 67660.0  # natural germanium, MeV
    T_keV = 1e3 * (math.hypot(mass, median) - mass)
    below, above = (module.counted(scan, experiment, window) for window in ((0.1, T_keV), (T_keV, 10.0)))
    assert below / (below + above) == pytest.approx(0.5, abs=0.01)
