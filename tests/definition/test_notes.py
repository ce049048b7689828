"""Notes on what is legal but may be meant otherwise."""

from __future__ import annotations

import pytest

from scanengine.definition import parse
from tests.definition.example import edited

REACTOR = 'kind = "reactor"\npower_GW = {}\nfission_fractions = {{ U235 = 1.0 }}\nabove_8_MeV = "none"\n'


def notes(*overrides: str, target: str = "CsI") -> tuple[str, ...]:
    """The notes on the example with some keys set."""
    return parse(edited(('target = "CsI"', f'target = "{target}"')), overrides=overrides).notes


def test_sound_scan_has_no_notes() -> None:
    assert notes() == ()


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("experiments.Ne.systematic=10", "experiment Ne: systematic = 10 is relative, a factor of 10: for 10%"),
        ("experiments.CsI.systematic=2.5", "for 2.5% write 0.025"),
        ("axes.mu_nu={ min = 0, max = 1e-10, points = 3 }", "1e-10, its largest value here, is 1e-20 mu_B"),
        ("axes.mu_nu={ min = -10, max = 10, points = 3 }", "mu_nu enters only by its square"),
        ("fixed.mu_nu_e=-1", "mu_nu_e enters only by its square"),
        ("fixed.mu_nu_e=2e-11", "2e-11, its largest value here, is 2e-21 mu_B"),
        ("fixed.r2_nu_e=-0.8e-32", "8e-33, its largest value here, is 8e-65 cm^2"),
        ("tied.mu_nu_e={ eps_ee_uV = 1 }", "mu_nu_e enters only by its square"),
        ("tied.mu_nu_e={ eps_ee_uV = 1e-10, constant = 1e-10 }", "2e-10, its largest value here"),
    ],
)
def test_number_in_other_units_or_of_another_sign_is_noted(override: str, words: str) -> None:
    (note,) = notes(override)
    assert words in note


@pytest.mark.parametrize(
    "override",
    [
        "experiments.Ne.systematic=1.0",
        "axes.mu_nu={ min = 0, max = 0.01, points = 3 }",
        "fixed.mu_nu_e=0",
        "fixed.r2_nu_e=-0.8",
        "tied.mu_nu_e={ mu_nu = 1 }",
    ],
)
def test_number_of_the_usual_size_is_not(override: str) -> None:
    assert notes(override) == ()


def test_width_of_a_normalisation_in_per_cent_is_noted() -> None:
    nuisance = 'nuisances=[{ name = "flux", width = 10, signal = "all" }]'
    (note,) = notes(nuisance, "axes={ eps_ee_uV = { min = -1, max = 1, points = 3 } }", "tied={}")
    assert note == "nuisance flux: width = 10 is relative, a factor of 10: for 10% write 0.1"


def test_capitals_are_noted() -> None:
    (note,) = notes(target="CSI")
    assert note == "experiment CsI: the target CSI is a compound of C, S, I: if CsI is meant, write it so"


ELECTRONS = (
    "experiment CsI: electron recoils are not counted, and at such low energies they may limit mu_nu_e, mu_nu_mu"
)


def test_electrons_are_noted_where_a_scanned_moment_counts_low_recoils() -> None:
    low = "experiments.CsI.recoil_bins_keV=[4.9, 10]"
    (note,) = notes(low)
    assert note.startswith(ELECTRONS)
    assert notes(low, "axes={ eps_ee_uV = { min = -1, max = 1, points = 3 } }", "fixed.mu_nu=1", "tied={}") == ()
    (tied,) = notes(low, "axes={ eps_ee_uV = { min = 0, max = 1, points = 3 } }", "tied.mu_nu_e={ eps_ee_uV = 1 }")
    assert "limit mu_nu_e more strongly than nuclear recoils" in tied


def test_electrons_are_noted_with_a_detectors_response() -> None:
    bins = "[experiments.response]\nquenching = 0.1\nbins = [{}, 10.0]\nrecoil_threshold_keV = 0.5\n[axes]"
    for threshold_keVee, expected in ((0.4, True), (0.6, False)):
        text = edited(("recoil_bins_keV = [5, 10, 20, 40]\n", ""), ("[axes]", bins.format(threshold_keVee)))
        assert any("electron recoils are not counted" in note for note in parse(text).notes) is expected


def test_electrons_are_noted_with_a_reactor_whatever_the_threshold() -> None:
    text = edited(
        ('kind = "stopped-pion"\nflux_per_cm2_s = 1.0e7\nreference_distance_m = 20.0\n', REACTOR.format(3.9)),
        ('target = "Ne20"', 'target = "He4"'),
        ('{ delayed = ["nu_e", "nu_mubar"], prompt = ["nu_mu"] }', '{ all = ["nu_ebar"] }'),
    )
    text = text[: text.index('[[experiments]]\nname = "CsI"')] + text[text.index("[axes]") :]
    (note,) = parse(text).notes
    assert "limit mu_nu_ebar more strongly than nuclear recoils" in note
    (power, _) = parse(text, overrides=["source.power_GW=3900"]).notes
    assert power == "source: no plant has 3900 GW of thermal power: for so many MW write power_GW = 3.9"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("quenching", "8.78", "the quenching factor reaches 8.78, above 1"),
        ("resolution", '{ kind = "gaussian", c = 7.0 }', "resolution.c = 7 is relative"),
    ],
)
def test_per_cents_in_a_response_are_noted(key: str, value: str, words: str) -> None:
    keys = {"quenching": "0.1", "bins": "[0.6, 10.0]", "recoil_threshold_keV": "5.0"} | {key: value}
    table = "".join(f"{name} = {each}\n" for name, each in keys.items())
    text = edited(("recoil_bins_keV = [5, 10, 20, 40]\n", ""), ("[axes]", f"[experiments.response]\n{table}[axes]"))
    assert any(words in note for note in parse(text).notes)


def test_oscillations_without_an_angle_or_with_both_are_noted() -> None:
    for keys, words in (
        ("dm2_eV2 = 1.0", "nothing oscillates"),
        ("dm2_eV2 = 1.0, sin2_2theta_ee = 0.1, sin2_2theta_mm = 0.2", "turn into one another"),
    ):
        (note,) = notes(f"source.sterile={{ {keys} }}")
        assert words in note
    for keys in ("dm2_eV2 = 1.0, sin2_2theta_ee = 0.1", "dm2_eV2 = 1.0, sin2_2theta_mm = 0.0"):
        assert notes(f"source.sterile={{ {keys} }}") == ()
