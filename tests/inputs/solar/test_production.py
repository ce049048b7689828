"""Where solar neutrinos are made."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.inputs.solar.fluxes import COMPONENTS, MODELS
from scanengine.inputs.solar.production import _TABLE, ELECTRONS_MOL_PER_CM3, SHARES, STEP


def test_the_rows_hold_all_but_a_thousandth_of_each_component() -> None:
    assert _TABLE[:, 1:].sum(axis=0) * STEP == pytest.approx(np.ones(8), abs=1e-3)
    assert [float(SHARES[name].sum()) for name in COMPONENTS] == pytest.approx([1.0] * 8, rel=1e-14)


def test_every_other_row_gives_the_same_mean_densities() -> None:
    for name in COMPONENTS:
        means = [float((SHARES[name][part] * ELECTRONS_MOL_PER_CM3[part]).sum() / SHARES[name][part].sum())
                 for part in (slice(None), slice(1, None, 2))]  # fmt: skip
        assert means[1] == pytest.approx(means[0], rel=2e-3)


def test_density_falls_and_boron_is_made_closest_to_the_centre() -> None:
    assert np.all(np.diff(ELECTRONS_MOL_PER_CM3) < 0.0)
    radius = STEP * np.arange(1, 39)
    mean = {name: float((SHARES[name] * radius).sum()) for name in COMPONENTS}
    assert min(mean, key=lambda name: mean[name]) == "B8"
    assert max(mean, key=lambda name: mean[name]) == "hep"


@pytest.mark.parametrize("model", MODELS)
def test_models_have_all_components_and_conserve_energy(model: str) -> None:
    """The luminosity of the Sun fixes pp + pep + 7Be and so on: the same sum in both models."""
    fluxes = {name: MODELS[model][name].per_cm2_s for name in COMPONENTS}
    # MeV per neutrino that reach us as light: J. N. Bahcall, Phys. Rev. C 65, 025801 (2002), table I
    released = {
        "pp": 13.0987,
        "pep": 11.9193,
        "hep": 3.7370,
        "Be7": 12.6008,
        "B8": 6.6305,
        "N13": 3.4577,
        "O15": 21.5706,
    }
    watts = sum(fluxes[name] * each for name, each in released.items())
    assert watts == pytest.approx(8.5305e11, rel=0.01)
