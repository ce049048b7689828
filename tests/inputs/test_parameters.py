"""Names and units of the scanned parameters."""

from __future__ import annotations

from scanengine.inputs.parameters import (
    FAMILY,
    FLAVOURS,
    MAGNETIC_MOMENT_OF_ALL,
    PARAMETER_INDEX,
    PARAMETERS,
    PHYSICAL_PARAMETERS,
)


def test_there_are_twelve_nsi_one_angle_and_a_moment_and_a_radius_per_flavour() -> None:
    names = [p.name for p in PHYSICAL_PARAMETERS]
    assert len(set(names)) == len(names) == 12 + 1 + 6 + 6
    assert {n for n in names if n.startswith("eps_")} == {
        f"eps_{pair}_{q}V" for pair in ("ee", "mm", "tt", "em", "et", "mt") for q in "ud"
    }
    assert {n for n in names if n.startswith("mu_")} == {f"mu_{f}" for f in FLAVOURS}
    assert {n for n in names if n.startswith("r2_")} == {f"r2_{f}" for f in FLAVOURS}


def test_index_is_the_place_in_parameter_vectors() -> None:
    assert [PARAMETER_INDEX[p.name] for p in PHYSICAL_PARAMETERS] == list(range(25))


def test_common_moment_is_a_name_but_no_parameter_of_a_rate() -> None:
    assert PARAMETERS["mu_nu"] is MAGNETIC_MOMENT_OF_ALL
    assert "mu_nu" not in PARAMETER_INDEX


def test_antineutrinos_are_of_their_neutrinos_family() -> None:
    assert dict(FAMILY) == {
        "nu_e": "e",
        "nu_mu": "m",
        "nu_tau": "t",
        "nu_ebar": "e",
        "nu_mubar": "m",
        "nu_taubar": "t",
    }


def test_units_are_the_papers() -> None:
    units = {p.name.split("_")[0]: p.units for p in PHYSICAL_PARAMETERS}
    assert units == {"eps": "1", "sin2": "1", "mu": "1e-10 mu_B", "r2": "1e-32 cm^2"}


def test_every_symbol_is_different() -> None:
    assert len({p.symbol for p in PARAMETERS.values()}) == len(PARAMETERS)
