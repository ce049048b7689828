"""Names and units of the scanned parameters."""

from __future__ import annotations

from scanengine.inputs.parameters import (
    FLAVOURS,
    MAGNETIC_MOMENT_OF_ALL,
    PARAMETER_INDEX,
    PARAMETERS,
    PHYSICAL_PARAMETERS,
)

RADII = [*(f"r2_{f}" for f in FLAVOURS), "r2_em", "r2_et", "r2_mt"]
CHARGES = ["q_nu_e", "q_nu_mu", "q_nu_tau"]
ON_ELECTRONS = [f"eps_{pair}_e{current}" for pair in ("ee", "mm", "tt", "em", "et", "mt") for current in "VA"]


def test_the_first_are_twelve_nsi_one_angle_and_a_moment_and_a_radius_per_flavour() -> None:
    """In an order that never changes: results are stored by it."""
    nsi = [f"eps_{pair}_{q}V" for pair in ("ee", "mm", "tt", "em", "et", "mt") for q in "ud"]
    moments = [f"mu_{f}" for f in FLAVOURS]
    names = [p.name for p in PHYSICAL_PARAMETERS]
    assert names == [*nsi, "sin2_theta_w", *moments, *RADII, *CHARGES, *ON_ELECTRONS]
    assert len(set(names)) == len(names)


def test_index_is_the_place_in_parameter_vectors() -> None:
    assert [PARAMETER_INDEX[p.name] for p in PHYSICAL_PARAMETERS] == list(range(25 + 3 + 3 + 12))


def test_common_moment_is_a_name_but_no_parameter_of_a_rate() -> None:
    assert PARAMETERS["mu_nu"] is MAGNETIC_MOMENT_OF_ALL
    assert "mu_nu" not in PARAMETER_INDEX


def test_flavours_that_feel_a_parameter() -> None:
    felt = {name: set(parameter.flavours) for name, parameter in PARAMETERS.items()}
    assert felt["sin2_theta_w"] == felt["mu_nu"] == set(FLAVOURS)
    assert felt["mu_nu_ebar"] == felt["r2_nu_ebar"] == {"nu_ebar"}
    assert felt["eps_ee_uV"] == felt["q_nu_e"] == {"nu_e", "nu_ebar"}
    assert felt["eps_et_dV"] == felt["r2_et"] == {"nu_e", "nu_ebar", "nu_tau", "nu_taubar"}


def test_only_moments_enter_squared() -> None:
    assert {name for name, p in PARAMETERS.items() if p.squared} == {"mu_nu", *(f"mu_{f}" for f in FLAVOURS)}
    assert all(p.root_of is None for p in PARAMETERS.values())


def test_units_are_the_papers() -> None:
    units = {p.name.split("_")[0]: p.units for p in PHYSICAL_PARAMETERS}
    assert units == {"eps": "1", "sin2": "1", "mu": "1e-10 mu_B", "r2": "1e-32 cm^2", "q": "1e-12 e"}


def test_every_symbol_is_different() -> None:
    assert len({p.symbol for p in PARAMETERS.values()}) == len(PARAMETERS)
