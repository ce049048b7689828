"""Panels of the recoil integrals: they lie in their bins, and end where something has a kink."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nextafter, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.inputs.detectors import Efficiency, Experiment
from scanengine.inputs.form_factors import helm
from scanengine.inputs.nuclei import target
from scanengine.inputs.sources import stopped_pion, tabulated_spectrum
from scanengine.response.panels import (
    E_min,
    from_zero,
    inner_grid,
    outer_panels,
    outer_panels_of_heavy_final_state,
    recoils_of_heavy_final_state_MeV,
)
from scanengine_kernels.response import segment_moments
from tests.interactions import isotope as isotope_of
from tests.naive import FloatArray

DAR = stopped_pion(1.0e7, 20.0).spectra


def detector(name: str, edges_keV: FloatArray, efficiency: Efficiency | None = None) -> Experiment:
    seen = efficiency or Efficiency.constant(1.0)
    return Experiment("A", target(name), 1.0, 1.0, 20.0, seen, edges_keV, helm(), {"all": ("nu_e",)})


def edges_by_rounding(steps: Sequence[int], first: float) -> FloatArray:
    edges = [first]
    for step in steps:
        edges.append(edges[-1] if step < 4 else edges[-1] * (1.0 + 0.1 * step))
        for _ in range(min(step, 3)):
            edges[-1] = nextafter(edges[-1], inf)
    return np.array(edges)


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=8),
    st.sampled_from([1e-300, 0.3, 10.0, 24.950000000000003, 60.0]),
    st.sampled_from(["Ne20", "CsI", "Ge"]),
    st.sampled_from(sorted(DAR)),
)
def test_panels_lie_in_their_bins_however_narrow(steps: list[int], first: float, name: str, flavour: str) -> None:
    edges_keV = edges_by_rounding(steps, first)
    narrow = detector(name, edges_keV)
    for isotope in narrow.target.isotopes:
        panels, bins = outer_panels(narrow, isotope, [DAR[flavour]], helm()(isotope))
        e_edges = np.array([E_min(T * 1e-3, isotope.mass_MeV) for T in edges_keV.tolist()])
        assert np.all((bins >= 0) & (bins < edges_keV.size - 1))
        assert np.all((panels[:, 0] >= e_edges[bins]) & (panels[:, 1] <= e_edges[bins + 1]))
        covered = np.zeros(edges_keV.size - 1)
        np.add.at(covered, bins, panels[:, 1] - panels[:, 0])
        in_reach = np.minimum(e_edges, DAR[flavour].E_max_MeV)
        np.testing.assert_allclose(covered, np.diff(in_reach), atol=1e-13)


def test_panels_of_several_spectra_end_at_the_kinks_of_each_and_of_the_efficiency() -> None:
    argon = isotope_of("Ar40")
    curve = Efficiency(np.array([10.0, 30.0]), np.array([0.1, 1.0]))
    table = tabulated_spectrum(np.array([5.0, 22.0, 40.0]), np.array([1.0, 2.0, 0.5]))
    edges = np.array([8.0, 25.0, inf])
    ends, bins = outer_panels(detector("Ar40", edges, curve), argon, [table, DAR["nu_mu"]], helm()(argon))
    kinks = [22.0, float(DAR["nu_mu"].line_energies_MeV[0]), *(E_min(T * 1e-3, argon.mass_MeV) for T in (10.0, 30.0))]
    edge = E_min(25e-3, argon.mass_MeV)
    for kink in (*kinks, edge):
        assert np.any(ends[:, 0] == kink)
        assert np.any(ends[:, 1] == kink)
    assert np.array_equal(ends[1:, 0], ends[:-1, 1])
    assert (ends[0, 0], ends[-1, 1]) == (E_min(8e-3, argon.mass_MeV), 40.0)
    assert np.array_equal(bins, (ends[:, 0] >= edge).astype(int))
    assert np.all(ends[:, 1] <= 4.0 * ends[:, 0])


def test_there_are_no_panels_beyond_reach() -> None:
    argon = isotope_of("Ar40")
    assert outer_panels(detector("Ar40", np.array([200.0, inf])), argon, [DAR["nu_e"]], helm()(argon))[0].size == 0
    heavy = outer_panels_of_heavy_final_state(
        detector("Ar40", np.array([1.0, inf])), argon, [DAR["nu_e"]], helm()(argon), 60.0
    )
    assert heavy[0].size == 0


def test_panels_from_zero_are_cut_down_to_the_lowest() -> None:
    panels = np.array([[0.0, 4.0], [4.0, 7.0]]), np.array([0, 1])
    ends, bins = from_zero(panels, 0.1)
    assert ends.tolist() == [[0.0, 0.0625], [0.0625, 0.25], [0.25, 1.0], [1.0, 4.0], [4.0, 7.0]]
    assert bins.tolist() == [0, 0, 0, 0, 1]
    above = np.array([[1.0, 4.0]]), np.array([0])
    assert from_zero(above, 0.1) is above
    nothing = np.empty((0, 2)), np.empty(0, dtype=np.int64)
    assert from_zero(nothing, 0.1) is nothing


def by_boost_MeV(E: float, M: float, m: float) -> tuple[float, float]:
    """The ends of the recoils: momenta in the centre of mass, boosted to where the nucleus is at rest."""
    s = M * M + 2.0 * M * E
    p, p_out = M * E / sqrt(s), sqrt((s - (M + m) ** 2) * (s - (M - m) ** 2)) / (2.0 * sqrt(s))
    energies = sqrt(M * M + p * p) * sqrt(M * M + p_out * p_out)
    return (energies - p * p_out) / M - M, (energies + p * p_out) / M - M


@given(st.floats(10.0, 60.0), st.floats(0.5, 0.9), st.sampled_from([938.3, 3726.0, 1.2e5]))
def test_recoils_of_a_heavy_final_state_end_where_a_boost_says(E: float, share: float, M: float) -> None:
    m = share * E
    ends = recoils_of_heavy_final_state_MeV(E, M, m)
    assert ends is not None
    np.testing.assert_allclose(ends, by_boost_MeV(E, M, m), rtol=1e-6, atol=1e-10)
    threshold = m + m * m / (2.0 * M)
    assert recoils_of_heavy_final_state_MeV(threshold * (1.0 - 1e-9), M, m) is None
    least = recoils_of_heavy_final_state_MeV(threshold * (1.0 + 1e-12), M, m)
    assert least is not None
    np.testing.assert_allclose(least, m * m / (2.0 * (M + m)), rtol=1e-4)


@pytest.mark.parametrize("m", [1.0, 20.0])
def test_panels_of_a_heavy_final_state_end_at_the_recoils_of_every_line_and_knot(m: float) -> None:
    argon = isotope_of("Ar40")
    M, line = argon.mass_MeV, float(DAR["nu_mu"].line_energies_MeV[0])
    edges = np.array([0.5, 20.0, inf])
    ends, bins = outer_panels_of_heavy_final_state(
        detector("Ar40", edges), argon, [DAR["nu_mu"], DAR["nu_e"]], helm()(argon), m
    )
    whole = recoils_of_heavy_final_state_MeV(DAR["nu_e"].E_max_MeV, M, m)
    of_line = recoils_of_heavy_final_state_MeV(line, M, m)
    assert whole is not None
    assert of_line is not None
    assert (ends[0, 0], ends[-1, 1]) == (max(0.5e-3, whole[0]), whole[1])
    assert of_line[1] in ends[:, 0]
    assert np.array_equal(bins, (ends[:, 0] >= 20e-3).astype(int))


def test_inner_grid_sums_up_the_moments_above_its_knots() -> None:
    spectrum = tabulated_spectrum(np.array([0.0, 3.0, 40.0]), np.array([0.0, 2.0, 1.0]))
    knots, cubics, tails, oscillation = inner_grid(spectrum)
    assert (knots[0], knots[-1]) != (0.0, 0.0)
    assert np.all(knots[2:] <= 2.0 * knots[1:-1] * (1.0 + 1e-15))
    assert {3.0, 40.0} <= set(knots.tolist())
    moments = np.zeros(3)
    for j in range(knots.size - 2, 0, -1):
        segment_moments(knots[j], knots[j + 1], cubics[j], oscillation, moments)
        np.testing.assert_allclose(tails[j], moments, rtol=1e-12)
    assert np.array_equal(tails[-1], np.zeros(3))
    lines_only = inner_grid(DAR["nu_mu"])
    assert [part.size for part in lines_only] == [0, 0, 0, 3]
