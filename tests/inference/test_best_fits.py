"""Best fits that were once missed, and what holds of all: no grid, no start and no smaller scan finds less."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanengine.api import Scan, load
from scanengine.chi2.minima import standard_model
from scanengine.inference.fitting import Minimum
from tests.command_line import Printed
from tests.random_scans import KINDS, random_scan
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only

PROMPT_E_MB = {"prompt": ["nu_mu"], "e": ["nu_e"], "mb": ["nu_mubar"]}
DELAYED, DELAYED_PROMPT = {"delayed": ["nu_e", "nu_mubar"]}, {"delayed": ["nu_e", "nu_mubar"], "prompt": ["nu_mu"]}


def axis(low: float, high: float, points: int) -> dict[str, Any]:
    return {"min": low, "max": high, "points": points}


def detector(name: str, target: str, mass_kg: float, edges: list[float], channels: Any, **keys: Any) -> dict[str, Any]:
    window = {"recoil_window_keV": edges} if edges[-1] == inf else {"recoil_window_keV": None, "recoil_bins_keV": edges}
    return experiment(name=name, target=target, mass_kg=mass_kg, channels=channels, **window, **keys)


def flux(width: float) -> list[dict[str, Any]]:
    return [{"name": "flux", "width": width, "signal": "all"}]


TWO_ROUNDS: dict[str, Any] = {
    "experiments": [
        detector("X0", "Ar40", 16.717, [9.94493786635705, inf], PROMPT_E_MB, systematic=0.2),
        detector("X1", "Si28", 1.98731, [4.61301695, 8.61464928, 19.56673767], DELAYED, systematic=0.2),
    ],
    "axes": {
        "eps_ee_uV": axis(-1.4093303554931957, 2.92267183831099, 8),
        "eps_em_dV": axis(-0.6918912738971856, 0.28002261178565757, 6),
        "eps_em_uV": axis(-1.427237822958596, 1.427237822958596, 5),
        "eps_mm_uV": axis(-2.8893552037024057, 1.9742679166350252, 6),
    },
}
POISSON_N_EQUALS_Z: dict[str, Any] = {
    "experiments": [
        detector("X0", "Ne20", 20.0, [5.63258583548959, inf], PROMPT_E_MB),
        detector("X1", "Si28", 4.7626, [6.35909301, 18.09607886, 21.27991076, 33.1170131, 42.65169243], DELAYED),
    ],
    "axes": {
        "eps_mm_uV": axis(-1.0558381949016569, 2.6851195537195243, 5),
        "sin2_theta_w": axis(0.06174765386565019, 0.42340633063621713, 4),
        "eps_em_uV": axis(-1.1275395521119944, 1.1275395521119944, 6),
        "mu_nu": axis(-14.554140747895092, 41.91712940789671, 6),
        "eps_mm_dV": axis(-1.0476270122466138, 1.4450631300152066, 5),
    },
    "statistic": "poisson",
    "nuisances": flux(0.19088208029026457),
}
FOUR_TARGETS: dict[str, Any] = {
    "experiments": [
        detector("X0", "Ar40", 9.16064, [7.63766391, 11.89388512, 14.44638976, 17.48315879], DELAYED, systematic=0.1),
        detector(
            "X1", "Xe132", 1.978805, [8.56507404, 14.57992758, 23.83537789, 26.08695275], PROMPT_E_MB, systematic=0.2
        ),
        detector("X2", "Ge76", 25.5928, [4.124877, inf], {"all": ["nu_e", "nu_mubar", "nu_mu"]}, systematic=0.2),
        detector("X3", "CsI", 213.1988, [11.74692056, 20.0147976, 29.10434776], DELAYED_PROMPT, systematic=0.2),
    ],
    "axes": {
        "mu_nu_e": axis(0.0, 40.664180748025665, 7),
        "eps_ee_dV": axis(-2.5907313351513754, 1.972035769157151, 5),
        "sin2_theta_w": axis(0.15950573195353396, 0.3515936552469177, 6),
        "eps_mm_dV": axis(-2.76408523787665, 0.46185404543928266, 6),
    },
}
FLUX_OF_TWO: dict[str, Any] = {
    "experiments": [
        detector("X0", "Ge76", 20.0, [9.092061183936732, inf], DELAYED_PROMPT),
        detector("X1", "Ca40", 20.0, [13.403597304494047, inf], PROMPT_E_MB),
    ],
    "axes": {
        "eps_et_uV": axis(-0.6509734698119397, 0.10898133047288597, 6),
        "eps_em_uV": axis(-0.8937364179974873, 1.2950854196075612, 8),
        "eps_mm_dV": axis(-2.5214531585267297, 0.7669894816695072, 7),
        "sin2_theta_w": axis(0.12284235534105237, 0.3130155185685037, 5),
    },
    "nuisances": flux(0.06508465465824004),
}
FLUX_OF_BINS: dict[str, Any] = {
    "experiments": [
        detector("X0", "Si28", 20.0, [1.5031289281039513, inf], DELAYED),
        detector("X1", "NaI", 20.0, [8.53768679, 16.41285813, 26.44919274, 35.23506463, 40.5092011], PROMPT_E_MB),
    ],
    "axes": {
        "eps_em_uV": axis(-0.7340110884902719, 0.10357167454060134, 4),
        "eps_em_dV": axis(-1.4010423531087546, 1.400850444311382, 4),
        "r2_nu_mu": axis(-33.55374892917244, 44.840326412001474, 5),
        "sin2_theta_w": axis(0.11469168426741443, 0.32962981189166807, 5),
        "mu_nu_mu": axis(0.0, 3.005954171970755, 4),
    },
    "nuisances": flux(0.04165358245977033),
}


def is_standard_model(scan: Scan, found: Minimum) -> bool:
    lengths = np.array([axis.values[-1] - axis.values[0] for axis in scan.definition.axes])
    off = np.array(list(found.place.values())) - standard_model(scan.definition)
    return bool(np.all(np.abs(off) < 1e-4 * lengths))


@pytest.mark.parametrize("case", [TWO_ROUNDS, FOUR_TARGETS, FLUX_OF_TWO, FLUX_OF_BINS])
def test_asimov_data_are_fitted_at_the_standard_model_whatever_the_axes(case: dict[str, Any]) -> None:
    scan = Scan(definition(**case))
    best, *others = scan.fit()
    assert best.chi2 < 1e-9
    assert is_standard_model(scan, best)
    assert all(each.chi2 >= 0.0 for each in others)


@pytest.mark.parametrize(
    ("axes", "places", "values"),
    [
        ("{ eps_ee_uV = { min = -0.97, max = 0.838, points = 11 } }", [[0.0], [0.347422]], [0.0, 27.713]),
        (
            "{eps_ee_uV = {min = -4.471, max = 5.12, points = 9}, eps_ee_dV = {min = -5.37, max = 3.715, points = 9}}",
            [[0.0, 0.0], [-0.383467, 0.691733], [2.81226, -2.52492], [-3.19573, 3.21665]],
            [0.0, 0.0, 55.9509, 55.9509],
        ),
    ],
)
def test_coarse_axes_of_the_bundled_scan(axes: str, places: list[list[float]], values: list[float]) -> None:
    minima = load("large/nsi-5d", f"axes={axes}").fit()
    assert [each.chi2 for each in minima] == pytest.approx(values, rel=1e-5, abs=1e-9)
    for each, place in zip(minima, places, strict=True):
        assert list(each.place.values()) == pytest.approx(place, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_ends_and_points_of_an_axis_do_not_hide_the_standard_model(seed: int) -> None:
    random = np.random.default_rng(seed)
    ends = [axis(-random.uniform(0.5, 5.0), random.uniform(0.5, 5.0), int(random.integers(2, 9))) for _ in range(2)]
    axes = ", ".join(
        f"{name} = {{ min = {each['min']}, max = {each['max']}, points = {each['points']} }}"
        for name, each in zip(("eps_ee_uV", "eps_ee_dV"), ends, strict=True)
    )
    scan = load("large/nsi-5d", f"axes={{ {axes} }}")
    best = scan.fit()[0]
    assert best.chi2 < 1e-9
    assert is_standard_model(scan, best)


def test_ring_of_best_fits_is_one() -> None:
    """C^2 + O^2 = C_SM^2 of a single count is a circle in the two couplings."""
    scan = load("scholberg2006/fig09")
    (best,) = scan.fit()
    assert best.chi2 < 1e-12
    assert best.is_flat
    assert is_standard_model(scan, best)
    assert set(best.extent) == {"eps_ee_dV", "eps_et_dV"}
    low, high = best.extent["eps_ee_dV"]
    assert high - low == pytest.approx(np.diff(best.extent["eps_et_dV"])[0], rel=0.05)


@pytest.mark.slow
def test_valleys_are_flat_and_isolated_minima_are_not() -> None:
    """One count leaves two lines in a plane; a magnetic moment alone none, though chi2 rises as its fourth power."""
    plane = {"eps_ee_uV": axis(-0.8, 1.2, 9), "eps_ee_dV": axis(-0.9, 1.1, 9)}
    lines = Scan(definition([experiment(channels={"all": ["nu_e"]})], axes=plane)).fit()
    assert [each.is_flat for each in lines] == [True, True]
    (moment,) = Scan(definition([experiment()], axes={"mu_nu": axis(-20.0, 20.0, 8)})).fit()
    assert not moment.is_flat
    assert all(not each.is_flat for each in load("large/nsi-5d").fit())


def changed(case: dict[str, Any], name: str, slope: float, constant: float) -> dict[str, Any]:
    """The case with an axis x in the place of one that is tied to it, slope x + constant."""
    x = {
        "min": min((case["axes"][name][end] - constant) / slope for end in ("min", "max")),
        "max": max((case["axes"][name][end] - constant) / slope for end in ("min", "max")),
        "points": case["axes"][name]["points"],
    }
    axes = {"x" if each == name else each: x if each == name else case["axes"][each] for each in case["axes"]}
    return case | {"axes": axes, "tied": {name: {"x": slope, "constant": constant}}}


@pytest.mark.parametrize(
    ("case", "name", "slope", "constant"),
    [
        (TWO_ROUNDS, "eps_ee_uV", 0.5, -0.5),
        (TWO_ROUNDS, "eps_em_uV", -3.0, 7.0),
        (FOUR_TARGETS, "sin2_theta_w", 0.5, -0.5),
        (FLUX_OF_BINS, "eps_em_uV", 2.0, 1.0),
        pytest.param(POISSON_N_EQUALS_Z, "mu_nu", 0.5, -0.5, marks=pytest.mark.slow),
    ],
)
def test_tied_axis_finds_the_same_minima(case: dict[str, Any], name: str, slope: float, constant: float) -> None:
    expected = Scan(definition(**case)).fit()
    assert is_standard_model(Scan(definition(**case)), expected[0])
    found = Scan(definition(**changed(case, name, slope, constant))).fit()
    assert [each.chi2 for each in found] == pytest.approx([each.chi2 for each in expected], rel=1e-6, abs=1e-8)
    assert [each.is_flat for each in found] == [each.is_flat for each in expected]
    assert {n: v for n, v in found[0].place.items() if n != "x"} == pytest.approx(
        {n: v for n, v in expected[0].place.items() if n != name}, abs=2e-3
    )
    assert slope * found[0].place["x"] + constant == pytest.approx(expected[0].place[name], abs=2e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_random_scans(seed: int, kind: str) -> None:
    """Asimov data fit at the Standard Model; no grid point is lower, and no scan with a parameter held elsewhere."""
    made = random_scan(seed, kind, most_axes=4)
    scan = Scan(made.definition())
    best = scan.fit()[0]
    assert best.chi2 < 1e-8
    assert best.chi2 <= float(scan.run().minimum) + 1e-9
    random = np.random.default_rng(seed)
    name = str(random.choice(sorted(made.axes)))
    held = float(random.uniform(made.axes[name]["min"], made.axes[name]["max"]))
    left = {each: made.axes[each] for each in made.axes if each != name}
    if left:
        smaller = Scan(made.definition(axes=left, fixed={name: held}))
        found = smaller.fit()[0].chi2
        assert found >= best.chi2
        assert found <= float(smaller.run().minimum) * (1.0 + 1e-9) + 1e-9


def test_what_a_run_has_found_is_a_start(printed: Printed, tmp_path: Path) -> None:
    """A known place is never undercut, and `fit OUT.h5` begins at the result's."""
    scan = Scan(definition(**FLUX_OF_TWO))
    theirs = scan.run(tmp_path / "scan.h5")
    place = {"eps_et_uV": 0.05, "eps_em_uV": 0.4, "eps_mm_dV": -1.3, "sin2_theta_w": 0.25}
    assert scan.fit(theirs.best_fit, place)[0].chi2 <= min(theirs.minimum, scan.chi2(**place))
    told = printed("fit", "scan.h5")
    assert "best fit: chi2 = " in told
    assert "sin2_theta_w = 0.2312" in told
