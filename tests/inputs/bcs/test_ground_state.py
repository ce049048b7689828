"""BCS nuclei against the definition's own numbers, against an independent evaluation, and against experiment."""

from __future__ import annotations

import numpy as np
import periodictable
import pytest

from scanengine.errors import InputError
from scanengine.inputs.bcs import Nucleus, Species, closed_shell_notes, nucleus, oscillator_length_fm
from scanengine.inputs.bcs.charge_radii import CHARGE_RADII_FM
from scanengine.inputs.bcs.ground_state import gaps_MeV, highest_shell
from scanengine.inputs.constants import HBARC_MEV_FM
from scanengine.inputs.form_factors import OSCILLATOR, bcs
from scanengine.inputs.nuclei import Isotope, target
from scanengine_kernels.form_factors import form_factor
from tests import naive_bcs

NATURAL = [
    f"{element.symbol}{A}"
    for element in periodictable.elements
    for A in element.isotopes
    if element.number % 2 == A % 2 == 0 and element[A].abundance
]


def isotope(name: str) -> Isotope:
    return target(name).isotopes[0]


def of(state: Nucleus, kind: str) -> Species:
    return state.protons if kind == "p" else state.neutrons


def F(name: str, kind: str, q_invfm: float) -> float:
    made = bcs()(isotope(name))["pn".index(kind)]
    return form_factor(made.code, made.parameters, q_invfm)


# (gap, Delta, lambda, G; rms; F^2 at recoils of 10, 30 and 60 keV), evaluated before the package was written.
TABLE = {
    ("Ne20", "p"): (3.81536, 3.2493, -6.4097, 0.77670, 2.7749, (0.97574, 0.92888, 0.86258)),
    ("Ne20", "n"): (3.83314, 3.3701, -10.1723, 0.85882, 2.7642, (0.97592, 0.92940, 0.86354)),
    ("Ge76", "p"): (1.52429, 1.5243, -9.0123, 0.28310, 3.9465, (0.82691, 0.55994, 0.30332)),
    ("Ge76", "n"): (1.56934, 1.5502, -6.9411, 0.26552, 4.1324, (0.81169, 0.52816, 0.26728)),
}


@pytest.mark.parametrize(("name", "kind"), TABLE)
def test_numbers_of_the_definition(name: str, kind: str) -> None:
    gap, delta, fermi, strength, rms, squares = TABLE[name, kind]
    state = nucleus(isotope(name))
    species = of(state, kind)
    assert species.gap_MeV == pytest.approx(gap, abs=1.4e-5)
    assert species.delta_MeV == pytest.approx(delta, abs=6e-5)
    assert species.lambda_MeV == pytest.approx(fermi, abs=6e-5)
    assert species.strength_MeV == pytest.approx(strength, abs=6e-6)
    assert species.rms_fm(oscillator_length_fm(state)) == pytest.approx(rms, abs=6e-5)
    for T_keV, square in zip((10.0, 30.0, 60.0), squares, strict=True):
        q_invfm = np.sqrt(2.0 * state.isotope.mass_MeV * T_keV * 1e-3) / HBARC_MEV_FM
        assert F(name, kind, q_invfm) ** 2 == pytest.approx(square, abs=6e-6)


@pytest.mark.parametrize(
    ("name", "kind", "gap", "rms"),
    [
        ("Ar40", "p", 1.75518, 3.2756),
        ("Ar40", "n", 1.76011, 3.3737),
        ("Xe132", "p", 1.19769, 4.6440),
        ("Xe132", "n", 1.20827, 4.9134),
    ],
)
def test_gaps_and_radii_of_argon_and_xenon(name: str, kind: str, gap: float, rms: float) -> None:
    """The masses are rounded to 1e-6 u where measured no better, as sulphur-38's: 1e-4 MeV in argon's proton gap."""
    state = nucleus(isotope(name))
    assert of(state, kind).gap_MeV == pytest.approx(gap, abs=1.1e-4)
    assert of(state, kind).rms_fm(oscillator_length_fm(state)) == pytest.approx(rms, abs=6e-5)


@pytest.mark.parametrize(("name", "b"), [("Ne20", 1.7958), ("Ar40", 1.9293), ("Ge76", 2.1108), ("Xe132", 2.2948)])
def test_oscillator_lengths_that_fit_the_charge_radii(name: str, b: float) -> None:
    state = nucleus(isotope(name))
    r_ch = CHARGE_RADII_FM[state.isotope.symbol][state.isotope.A]
    assert oscillator_length_fm(state, r_ch) == pytest.approx(b, abs=6e-5)
    assert state.protons.rms_fm(oscillator_length_fm(state, r_ch)) ** 2 == pytest.approx(r_ch**2 - 0.8409**2, rel=1e-14)


@pytest.mark.parametrize(("name", "shells"), [("Ne20", 3), ("Ar40", 3), ("Ge76", 4), ("Xe132", 5)])
def test_spaces_of_the_definition(name: str, shells: int) -> None:
    state = nucleus(isotope(name))
    assert max(level.shell for level in state.protons.levels) == shells
    assert len(state.protons.levels) == len(state.neutrons.levels) == {3: 10, 4: 15, 5: 21}[shells]
    core = [level.shell < 3 for level in state.neutrons.levels]
    assert np.all(state.neutrons.occupations[core] == 1.0) == (name == "Xe132")


@pytest.mark.parametrize("A", range(8, 300, 2))
def test_space_has_room_above_both_kinds(A: int) -> None:
    for Z in range(2, A - 1, 2):
        N = A - Z
        shells = highest_shell(Z, N)
        room = (shells + 1) * (shells + 2) * (shells + 3) // 3
        assert room - Z >= (shells + 1) * (shells + 2)
        assert room > N


@pytest.mark.jit_only
@pytest.mark.parametrize("name", ["Si28", "Fe56", "Kr84", "W184"])
@pytest.mark.parametrize("kind", ["p", "n"])
def test_equals_an_independent_evaluation(name: str, kind: str) -> None:
    """Space, gap, levels, occupations and oscillator length. Measured: 8e-7."""
    Z, N = isotope(name).Z, isotope(name).N
    b = naive_bcs.length_fm(Z, N, CHARGE_RADII_FM[isotope(name).symbol][Z + N])
    slow = naive_bcs.form_factor(Z, N, kind == "p", b, (0.3, 1.0))
    assert [F(name, kind, q) for q in (0.3, 1.0)] == pytest.approx(slow, abs=2e-6)


@pytest.mark.jit_only
@pytest.mark.parametrize(
    ("name", "b", "core_shells", "pinned"),
    [
        ("Ar40", 1.902, 0, {"p": (0.8497075, 0.1120386), "n": (0.8410866, 0.0877439)}),
        ("Xe132", 2.262, 3, {"p": (0.7159553, -0.0386118), "n": (0.6867404, -0.0343266)}),
    ],
)
def test_argon_and_xenon_as_in_the_paper(
    name: str, b: float, core_shells: int, pinned: dict[str, tuple[float, float]]
) -> None:
    """At q of 0.3 and 1 /fm; xenon's 40 innermost nucleons take no part in the pairing."""
    Z, N = isotope(name).Z, isotope(name).N
    for kind, values in pinned.items():
        found = [F(name, kind, q) for q in (0.3, 1.0)]
        assert found == pytest.approx(naive_bcs.form_factor(Z, N, kind == "p", b, (0.3, 1.0), core_shells), abs=2e-6)
        assert found == pytest.approx(values, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Pb208", ["Pb208: no pairing solution for protons and neutrons, their levels are filled without pairing"]),
        ("Sn120", ["Sn120: no pairing solution for protons, their levels are filled without pairing"]),
        ("O16", ["O16: the empirical gap of protons and neutrons, of a closed shell, contains the distance"]),
        ("O18", ["O18: the empirical gap of protons, of a closed shell, contains the distance"]),
        ("Ca48", ["Ca48: the empirical gap of protons and neutrons, of a closed shell, contains the distance"]),
        ("Ge76", []),
        ("Xe132", []),
    ],
)
def test_closed_shells_are_said_so(name: str, said: list[str]) -> None:
    notes = closed_shell_notes(nucleus(isotope(name)))
    assert len(notes) == len(said)
    for note, beginning in zip(notes, said, strict=True):
        assert note.startswith(beginning)
        assert note.endswith(" (bcs form factor)")


@pytest.mark.parametrize("A", range(8, 260, 2))
def test_spaces_are_those_of_the_slow_evaluation(A: int) -> None:
    for Z in range(2, min(A - 1, 120), 2):
        if A - Z < 184:
            assert highest_shell(Z, A - Z) == naive_bcs.highest_shell(Z, A - Z)


@pytest.mark.parametrize("name", [name for name in NATURAL if name != "He4"])
def test_every_natural_even_even_nuclide(name: str) -> None:
    """Particle numbers, norm, occupations; the charge radius is met, and neutrons lie outside where they outnumber."""
    state = nucleus(isotope(name))
    b = oscillator_length_fm(state)
    for species in (state.protons, state.neutrons):
        held = np.array([level.capacity for level in species.levels]) * species.occupations
        assert held.sum() == pytest.approx(species.particles, rel=1e-14)
        assert np.all((species.occupations >= 0.0) & (species.occupations <= 1.0))
        assert 0.0 <= species.delta_MeV <= species.gap_MeV < 9.0
    made_p, made_n = bcs()(state.isotope)
    for made in (made_p, made_n):
        assert made.code == OSCILLATOR
        assert form_factor(made.code, made.parameters, 0.0) == 1.0
    r_ch = np.hypot(state.protons.rms_fm(b), 0.8409)
    measured = CHARGE_RADII_FM[state.isotope.symbol][state.isotope.A]
    assert r_ch == pytest.approx(measured, rel=0.04)  # neon-20's length of 1.727 fm falls short by this
    skin = state.neutrons.rms_fm(b) - state.protons.rms_fm(b)
    assert -0.06 < skin < 0.45
    assert skin > 0.0 or state.isotope.N <= state.isotope.Z + 2


def test_authors_lengths_fall_short_of_the_charge_radii_by_little() -> None:
    shortfall = {}
    for name in ("Ne20", "Ar40", "Ge76", "Xe132"):
        state = nucleus(isotope(name))
        r_ch = np.hypot(state.protons.rms_fm(oscillator_length_fm(state)), 0.8409)
        shortfall[name] = 1.0 - r_ch / CHARGE_RADII_FM[state.isotope.symbol][state.isotope.A]
    assert shortfall == pytest.approx({"Ne20": 0.0353, "Ar40": 0.0133, "Ge76": 0.0113, "Xe132": 0.0139}, abs=1e-4)


def test_rms_radius_is_the_slope_of_the_form_factor() -> None:
    state = nucleus(isotope("Kr84"))
    b = oscillator_length_fm(state)
    for kind in "pn":
        near, far = (6.0 * (1.0 - F("Kr84", kind, q)) / q**2 for q in (0.01, 0.02))
        assert np.sqrt((4.0 * near - far) / 3.0) == pytest.approx(of(state, kind).rms_fm(b), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "paired"),
    [
        ("Pb208", (False, False)),
        ("Sn120", (False, True)),
        ("Ni58", (False, True)),
        ("Kr86", (True, False)),
        ("O16", (True, True)),
    ],
)
def test_closed_shells_are_filled_without_pairing_where_the_gap_is_small(name: str, paired: tuple[bool, bool]) -> None:
    state = nucleus(isotope(name))
    found = tuple(species.delta_MeV > 0.0 for species in (state.protons, state.neutrons))
    assert found == paired
    for species in (state.protons, state.neutrons):
        assert (set(species.occupations.tolist()) == {0.0, 1.0}) == (species.delta_MeV == 0.0)


def test_form_factor_of_filled_oscillator_shells_is_the_textbooks() -> None:
    """Calcium-42's protons fill three shells: F = exp(-y) (1 - y + y^2 / 5), y = (q b)^2 / 4."""
    made_p, _ = bcs(b_fm=1.9)(isotope("Ca42"))
    y = (0.7 * 1.9) ** 2 / 4.0
    assert form_factor(made_p.code, made_p.parameters, 0.7) == pytest.approx(
        np.exp(-y) * (1 - y + y * y / 5), abs=1e-15
    )


def test_lengths_and_radii_given() -> None:
    ar40 = isotope("Ar40")
    assert bcs(b_fm=1.9)(ar40)[1].parameters[0] == 1.9
    fitted = bcs(rms_charge_fm=3.5)(ar40)[0].parameters[0]
    assert np.hypot(nucleus(ar40).protons.rms_fm(fitted), 0.8409) == pytest.approx(3.5, rel=1e-14)


def test_a_nucleus_is_solved_once() -> None:
    assert nucleus(isotope("Ge74")) is nucleus(isotope("Ge74"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Xe131", "Z or N of Xe131 is odd, it must be even: name a target of even-even isotopes"),
        ("Cs133", "Z or N of Cs133 is odd"),
        ("N14", "Z or N of N14 is odd"),
        ("He4", "form factor of He4: no mass of Z = 0, N = 2 is tabulated"),
        ("Og294", "form factor of Og294: no mass of Z = 116, N = 176 is tabulated"),
        (
            "Ne26",
            "form factor of Ne26: no charge radius of it is tabulated: give rms_charge_fm, or the oscillator leng",
        ),
    ],
)
def test_nuclei_that_have_none_are_named(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        bcs()(isotope(name))


def test_a_gap_that_is_not_positive_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanengine.inputs.bcs.ground_state._atomic_mass_u", lambda _, Z, N: -1e-3 * (Z + N) ** 3)
    with pytest.raises(InputError, match=r"masses give a gap of -1\.4 MeV for the protons, which is no pairing gap"):
        gaps_MeV(isotope("Ne20"))


def test_a_charge_radius_below_the_protons_own_is_an_input_error() -> None:
    with pytest.raises(InputError, match=r"a charge radius of 0\.8 fm is not above the proton's own, 0\.8409 fm"):
        bcs(rms_charge_fm=0.8)(isotope("Ar40"))


def test_charge_radii_are_there_and_smooth() -> None:
    """Every natural even-even nuclide has one, close to 0.82 A^(1/3) + 0.58 fm; isotopes differ little."""
    assert all(isotope(name).A in CHARGE_RADII_FM[isotope(name).symbol] for name in NATURAL)
    for radii in CHARGE_RADII_FM.values():
        for A, r in radii.items():
            assert r == pytest.approx(0.82 * A ** (1.0 / 3.0) + 0.58, abs=0.21)
            assert abs(radii.get(A + 2, r) - r) < 0.08
