"""BCS nuclei: their space of levels, their gaps from separation energies, their oscillator length."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt

from scanengine.errors import InputError
from scanengine.inputs.bcs.charge_radii import CHARGE_RADII_FM
from scanengine.inputs.bcs.levels import woods_saxon
from scanengine.inputs.bcs.pairing import Species, paired
from scanengine.inputs.constants import U_MEV
from scanengine.inputs.nuclei import Isotope

MAGIC = (2, 8, 20, 28, 50, 82, 126, 184)
"""The major shell that the k-th of them (from 0) closes has levels of the oscillator shell k and none above."""

OSCILLATOR_LENGTH_FM = {"Ne20": 1.727, "Ar40": 1.902, "Ge76": 2.086, "Xe132": 2.262}
"""Believed to be those of Kosmas et al. 2015, who do not print them."""

INERT_SHELLS = {"Xe132": 3}
"""Lowest oscillator shells that take no part in the pairing: a core of calcium-40."""

PROTON_RADIUS_FM = 0.8409
"""Charge radius of the proton: S. Navas et al. (Particle Data Group), Phys. Rev. D 110, 030001 (2024)."""


@dataclass(frozen=True)
class Nucleus:
    """An even-even nucleus: the BCS states of its protons and of its neutrons."""

    isotope: Isotope
    protons: Species
    neutrons: Species


@cache
def nucleus(isotope: Isotope) -> Nucleus:
    """Return the BCS ground state of an even-even nucleus.

    At closed shells the empirical gap holds the distance of the shells too: O16, C12, Ca40 and Ca48 come out as paired,
    with 0.2 to 0.8 nucleons above the closed shell; others, as Pb208 and the protons of tin, without pairing.
    Raises InputError if Z or N is odd, a mass that the gaps need is not tabulated, or a gap is not positive.
    """
    require_even([isotope])
    Z, N = isotope.Z, isotope.N
    highest, inert = highest_shell(Z, N), INERT_SHELLS.get(str(isotope), 0)
    gap_p, gap_n = gaps_MeV(isotope)
    return Nucleus(
        isotope,
        paired(woods_saxon(Z, N, True, highest), Z, gap_p, inert),
        paired(woods_saxon(Z, N, False, highest), N, gap_n, inert),
    )


def closed_shell_notes(state: Nucleus) -> list[str]:
    """Say where a nucleus has no pairing, or may have too much: at closed shells the gap is not one of pairing alone.

    The empirical gap is a difference of separation energies, which jump by the distance of the shells at magic numbers.
    """
    kinds = {"protons": state.protons, "neutrons": state.neutrons}
    unpaired = [kind for kind, species in kinds.items() if species.delta_MeV == 0.0]
    magic = [kind for kind, species in kinds.items() if species.delta_MeV > 0.0 and species.particles in MAGIC]
    notes = []
    if unpaired:
        filled = f"no pairing solution for {' and '.join(unpaired)}, their levels are filled without pairing"
        notes.append(f"{state.isotope}: {filled} (bcs form factor)")
    if magic:
        gaps = f"the empirical gap of {' and '.join(magic)}, of a closed shell, contains the distance of the shells"
        notes.append(f"{state.isotope}: {gaps} (bcs form factor)")
    return notes


def require_even(isotopes: Sequence[Isotope]) -> None:
    """Raise InputError, naming them, if any of the isotopes has an odd number of protons or of neutrons."""
    odd = [str(isotope) for isotope in isotopes if isotope.Z % 2 or isotope.N % 2]
    if odd:
        raise InputError(
            f"bcs form factor: Z or N of {', '.join(odd)} is odd, it must be even: name a target of even-even isotopes"
            ', such as "Xe132", or take another form factor, such as "helm"'
        )


def highest_shell(Z: int, N: int) -> int:
    """Return the highest oscillator shell (from 0) of the space of levels, the same for protons and neutrons.

    It is the shell above the highest that protons fill or begin; and no lower than the one from which spin-orbit
    coupling brings a level down into the first major shell that neutrons leave open. So Ne20 and Ar40 have the shells 0
    to 3, Ge76 0 to 4, Xe132 to 5. One shell more changes the form factors of Ne22 to Th232 by up to 1e-3 at recoils of
    10 to 60 keV, the neutrons' rms radius by up to 0.3 % (Si28); without the second condition F_n of Yb174 would change
    by 5e-3.
    """
    protons = 0
    while (protons + 1) * (protons + 2) * (protons + 3) // 3 < Z:
        protons += 1
    return max(protons + 1, bisect(MAGIC, N))


def gaps_MeV(isotope: Isotope) -> tuple[float, float]:
    """Return the empirical gaps of protons and neutrons.

    Delta_n = -[S_n(N - 1) - 2 S_n(N) + S_n(N + 1)] / 4, and Delta_p likewise in Z, where the nucleon's own mass drops
    out of the separation energies S_n(N) = M(N - 1) + m_n - M(N). Raises InputError if a mass is not tabulated or a gap
    is not positive.
    """

    def gap(kind: str, dZ: int, dN: int) -> float:
        two_less, one_less, itself, one_more = (
            _atomic_mass_u(isotope, isotope.Z + k * dZ, isotope.N + k * dN) for k in (-2, -1, 0, 1)
        )
        gap_MeV = -(two_less - 3.0 * one_less + 3.0 * itself - one_more) / 4.0 * U_MEV
        if not gap_MeV > 0.0:
            raise InputError(
                f"bcs form factor of {isotope}: its neighbours' masses give a gap of {gap_MeV:.3g} MeV for the {kind}, "
                'which is no pairing gap: take another form factor, such as "helm"'
            )
        return gap_MeV

    return gap("protons", 1, 0), gap("neutrons", 0, 1)


def _atomic_mass_u(isotope: Isotope, Z: int, N: int) -> float:
    import periodictable

    elements = {element.number: element for element in periodictable.elements}
    if Z < 1 or Z not in elements or Z + N not in elements[Z].isotopes:
        raise InputError(
            f"bcs form factor of {isotope}: no mass of Z = {Z}, N = {N} is tabulated, which its pairing gap needs: "
            'take another form factor, such as "helm"'
        )
    return float(elements[Z][Z + N].mass)


def oscillator_length_fm(state: Nucleus, rms_charge_fm: float | None = None) -> float:
    """Return the oscillator length: of the given charge radius, or else the authors', or of the measured charge radius.

    A charge radius r_ch fits b by r_ch^2 = r_p(b)^2 + (0.8409 fm)^2, r_p being the rms radius of the point protons.
    Raises InputError if it is not above the proton's own, or none is given nor tabulated.
    """
    isotope = state.isotope
    if rms_charge_fm is None:
        if str(isotope) in OSCILLATOR_LENGTH_FM:
            return OSCILLATOR_LENGTH_FM[str(isotope)]
        rms_charge_fm = CHARGE_RADII_FM.get(isotope.symbol, {}).get(isotope.A)
    if rms_charge_fm is None:
        raise InputError(
            f"bcs form factor of {isotope}: no charge radius of it is tabulated: give rms_charge_fm, or the oscillator "
            "length b_fm"
        )
    points_fm2 = rms_charge_fm**2 - PROTON_RADIUS_FM**2
    if not points_fm2 > 0.0:
        raise InputError(
            f"bcs form factor of {isotope}: a charge radius of {rms_charge_fm:g} fm is not above the proton's own, "
            f"{PROTON_RADIUS_FM} fm"
        )
    return sqrt(points_fm2 / state.protons.mean_square_radius_b2)
