"""Rates at reactors: against a quadrature written out here, and what CONUS+ expects."""

from __future__ import annotations

from math import exp, pi, sqrt

import numpy as np
import pytest
from scipy.integrate import quad

import scanengine
from scanengine.api import Scan
from scanengine.definition import bundled_scans, parse
from tests import naive
from tests.scan_files import definition, experiment

FUEL = {"U235": 0.55, "U238": 0.07, "Pu239": 0.32, "Pu241": 0.06}
FISSION_MEV = 0.55 * 202.36 + 0.07 * 205.99 + 0.32 * 211.12 + 0.06 * 214.26


def per_fission_MeV(E: float) -> float:
    """Huber and Mueller from 2 to 8 MeV, Vogel and Engel's table below, here between 0.5 and 2 MeV alone."""
    if E < 2.0:
        columns = [
            [0.55 * u + 0.07 * v + 0.32 * x + 0.06 * y for u, v, x, y in rows]
            for rows in [
                [(2.66, 2.91, 2.63, 2.82), (2.66, 2.96, 2.58, 2.90), (2.41, 2.75, 2.32, 2.63)],
                [(1.69, 1.97, 1.48, 1.75), (1.26, 1.50, 1.08, 1.32)],
            ]
        ]
        return float(np.interp(E, [0.5, 0.75, 1.0, 1.5, 2.0], columns[0] + columns[1]))
    powers = E ** np.arange(6)
    return (
        0.55 * exp(powers @ [4.367, -4.577, 2.100, -5.294e-1, 6.186e-2, -2.777e-3])
        + 0.07 * exp(powers @ [4.833e-1, 1.927e-1, -1.283e-1, -6.762e-3, 2.233e-3, -1.536e-4])
        + 0.32 * exp(powers @ [4.757, -5.392, 2.563, -6.596e-1, 7.820e-2, -3.536e-3])
        + 0.06 * exp(powers @ [2.990, -2.882, 1.278, -3.343e-1, 3.905e-2, -1.754e-3])
    )


def counts_by_hand(low_keV: float, high_keV: float) -> float:
    """Events in a kilogram of 76Ge, 10.39 m from 2.96 GW, in a day: the recoil integral is done on paper."""
    Z, N, mass_u = naive.MASSES["Ge76"]
    M = mass_u * naive.U - Z * naive.M_E
    weak = Z * (0.5 - 2.0 * 0.2312) - 0.5 * N

    def rate(E: float) -> float:
        T_1, T_2 = low_keV * 1e-3, min(high_keV * 1e-3, 2.0 * E**2 / (M + 2.0 * E))
        if T_2 <= T_1:
            return 0.0
        cross_section = (naive.G_F * naive.HBARC_CM * weak) ** 2 * M / pi
        return per_fission_MeV(E) * cross_section * (T_2 - T_1 - M * (T_2**2 - T_1**2) / (4.0 * E**2))

    reach = sqrt(0.5 * M * low_keV * 1e-3)
    cuts = sorted({c for c in (0.75, 1.0, 1.5, 2.0, sqrt(0.5 * M * high_keV * 1e-3)) if reach < c < 8.0})
    per_fission = quad(rate, reach, 8.0, points=cuts or None, limit=400, epsrel=1e-11)[0]
    fissions = 2.96e9 / (1.602176634e-13 * FISSION_MEV) * 86400.0
    return float(per_fission * fissions / (4.0 * pi * 1039.0**2) / (mass_u * naive.U_KG))


@pytest.mark.parametrize("bins", [(0.015, 0.05), (0.05, 0.2), (0.2, 1.0), (1.0, 1.7)])
def test_counts_are_those_of_a_quadrature_by_hand(bins: tuple[float, float]) -> None:
    """Below 113 eV of recoil energy neutrinos of less than 2 MeV take part, down to 0.73 MeV."""
    table = experiment(
        target="Ge76",
        mass_kg=1.0,
        live_time_yr=1.0 / 365.25,
        distance_m=10.39,
        recoil_window_keV=None,
        recoil_bins_keV=list(bins),
        form_factor="unity",
        channels={"all": ["nu_ebar"]},
    )
    source = {"kind": "reactor", "power_GW": 2.96, "fission_fractions": FUEL, "above_2_MeV": "huber2011"}
    (found,) = Scan(definition([table], source=source)).events()
    assert found.counts == pytest.approx(counts_by_hand(*bins), rel=1e-7)


@pytest.mark.parametrize("above", ["mueller2011", "huber2011", "vogel-engel1989"])
def test_conus_plus_expects_what_its_collaboration_does(above: str) -> None:
    """347 +- 59 events in 327 kg d: N. Ackermann et al., Nature 643, 1229 (2025). Its detectors begin at 160 to 180 eV;
    from there on we have 355 to 375, and 215 to 240."""
    text = bundled_scans()["reactor/conus-plus"].read_text(encoding="utf-8")
    head, _, rest = text.partition("[experiments.template_reference]")
    text = head + rest[rest.index("[experiments.data]") :]
    text = text.replace("signal_template =", "# signal_template =").replace("[0.16, 1.0]", "[0.16, 0.18, 1.0]")
    text = text.replace("[395.0]", "[395.0, 1.0]").replace("[11236.0]", "[11236.0, 1.0]")
    text = text.replace("power_GW = 3.6", f'power_GW = 3.6\nabove_2_MeV = "{above}"')
    low, high = (events.counts for events in Scan(parse(text)).events() if events.recoil == "nucleus")
    assert high < 347.0 < low + high
    assert low + high - 347.0 < 59.0


def test_conus_plus_is_fitted_with_the_collaborations_numbers() -> None:
    """(395 - N)^2 / (106^2 + (17% of N)^2) at the Standard Model, with N = 347 and the electrons beside them."""
    scan = scanengine.load("reactor/conus-plus")
    nuclei, electrons = (events.counts for events in scan.events())
    assert nuclei == pytest.approx(347.0, rel=1e-12)
    assert 0.5 < electrons < 1.0
    N = nuclei + electrons
    assert scan.chi2(sin2_theta_w=0.23857) == pytest.approx((395.0 - N) ** 2 / (106.0**2 + (0.17 * N) ** 2), rel=1e-9)
    (limit,) = scan.run().limits(cl=0.6827)
    (interval,) = limit.intervals
    assert interval.lo is not None
    assert interval.hi is not None
    assert interval.lo < 0.23857 < interval.hi


@pytest.mark.parametrize(
    ("name", "changes", "low", "high"),
    [
        ("moment", {}, None, 0.861),
        ("moment", {"experiments.CONUS.electrons.binding": "step"}, None, 1.036),
        ("moment", {"experiments.CONUS.recoils": ["nucleus"], "axes.mu_nu_ebar.max": 8.0}, None, 4.972),
        ("charge", {}, -1.543, 1.667),
    ],
)
def test_electrons_limit_moments_and_charges_of_conus_plus(
    name: str, changes: dict[str, object], low: float | None, high: float
) -> None:
    """At 90% C.L., in 1e-10 mu_B and 1e-12 e; nuclei alone limit a moment six times less."""
    scan = scanengine.load(f"reactor/conus-plus-{name}", changes)
    (limit,) = scan.run().limits(cl=0.9)
    (interval,) = limit.intervals
    assert interval.hi == pytest.approx(high, abs=2e-3)
    assert interval.lo is None if low is None else interval.lo == pytest.approx(low, abs=2e-3)
