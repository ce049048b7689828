"""The tables [physics] and [mediators]: what they mean, and the sentences where they are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scanengine.definition.identity import identity as identity_of
from scanengine.errors import DefinitionError
from scanengine.inputs.mediators import CHARGES
from tests.scan_files import definition, experiment

VECTOR = {"kind": "vector", "mass_MeV": 30.0, "charges": "B-L"}


def faults(**tables: Any) -> str:
    with pytest.raises(DefinitionError) as raised:
        definition(**tables)
    return str(raised.value)


def test_mediators_are_read_in_the_order_of_the_file() -> None:
    tables = {
        "zp": VECTOR,
        "phi": {"kind": "scalar", "mass_MeV": 1, "matrix_elements": "15.1Z+14N"},
        "heavy": {"kind": "tensor", "contact": True},
    }
    zp, phi, heavy = definition(mediators=tables).physics.mediators
    assert (zp.name, zp.kind, zp.mass_MeV, zp.charges) == ("zp", "vector", 30.0, CHARGES["B-L"])
    assert (phi.name, phi.mass_MeV, phi.matrix_elements) == ("phi", 1.0, "15.1Z+14N")
    assert heavy.is_contact
    assert heavy.mass_MeV is None


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"kind": "vector"}, "mediators.zp.mass_MeV: missing, it must be given: mass, MeV, or contact = true"),
        ({"kind": "dipole"}, "mediators.zp.mass_MeV: missing, it must be given: mass, MeV"),
        ({"mass_MeV": 1.0}, 'mediators.zp.kind: missing, it must be "vector", "scalar", "tensor" or "dipole"'),
        ({"kind": "vectro", "mass_MeV": 1.0}, "(the nearest is vector)"),
        (
            {**VECTOR, "charges": "B-L_e"},
            'mediators.zp.charges: unknown charges "B-L_e", the nearest known one is B-3L_e',
        ),
        ({**VECTOR, "charges": {"u": 1.0, "d": 1.0}}, "all charges of neutrinos are 0"),
        ({**VECTOR, "charges": {"nu_e": 1.0}}, "all charges of u, d and electron are 0"),
        ({**VECTOR, "charges": 3}, "found 3, it must be a table, such as { u = 1, d = 1, nu_e = 1"),
        ({**VECTOR, "charges": {"up": 1.0}}, "mediators.zp.charges.up: unknown key"),
        ({**VECTOR, "contact": True}, "mediators.zp.mass_MeV: found beside contact = true"),
        ({**VECTOR, "mass_MeV": -1.0}, "mediators.zp.mass_MeV: found -1.0, it must be a number that is not negative"),
        ({"kind": "scalar", "mass_MeV": 1.0, "charges": "B-L"}, "only a vector one has charges"),
        ({**VECTOR, "matrix_elements": "15.1Z+14N"}, "only a scalar one has matrix elements"),
        ({"kind": "dipole", "contact": True, "mass_MeV": 1.0}, "a dipole portal has no contact form"),
    ],
)
def test_wrong_mediators(table: dict[str, Any], sentence: str) -> None:
    assert sentence in faults(mediators={"zp": table})


def test_a_name_whose_parameter_is_there_already() -> None:
    found = faults(mediators={"nu": {"kind": "dipole", "mass_MeV": 1.0}})
    assert "mediators.nu: its parameter mu_nu exists already: choose another name" in found
    assert "a mediator's name must be letters" in faults(mediators={"z-prime": VECTOR})


def test_a_parameter_of_a_mediator_that_is_not_there() -> None:
    axes = {"g_xp": {"min": 0.0, "max": 1e-3, "points": 5}}
    assert "axes.g_xp: unknown parameter, the nearest known one is g_zp" in faults(mediators={"zp": VECTOR}, axes=axes)
    assert "unknown parameter" in faults(axes=axes)
    assert "fixed.g_xp: unknown parameter" in faults(fixed={"g_xp": 1.0})


def test_a_faulty_mediator_is_one_fault_and_not_one_for_each_parameter() -> None:
    axes = {"g_zp": {"min": 0.0, "max": 1e-3, "points": 5}}
    found = faults(mediators={"zp": {"kind": "vector"}}, axes=axes, fixed={"mu_nu": 1.0})
    assert "mass_MeV: missing" in found
    assert "unknown parameter" not in found


def test_a_coupling_and_its_square_at_once() -> None:
    axes = {"g_zp": {"min": 0.0, "max": 1e-3, "points": 5}}
    found = faults(mediators={"zp": VECTOR}, axes=axes, fixed={"g2_zp": 1e-8})
    assert "axes.g_zp: found beside g2_zp, which is its square: leave out one of them" in found


def test_couplings_below_zero() -> None:
    axes = {"g_zp": {"min": -1.0, "max": 1.0, "points": 5}}
    assert "axes.g_zp.min: found values below zero" in faults(mediators={"zp": VECTOR}, axes=axes)
    assert "fixed.g_zp: found -1" in faults(mediators={"zp": VECTOR}, fixed={"g_zp": -1.0})


def test_axes_of_couplings_are_squared_and_those_of_their_squares_are_not() -> None:
    axes = {"g_zp": {"min": 0.0, "max": 2e-3, "points": 5}, "eps_ee_uV": {"min": -1.0, "max": 1.0, "points": 3}}
    scan = definition(mediators={"zp": VECTOR}, axes=axes)
    parameters = scan.parameters
    assert parameters.squared == (True, False)
    theta = dict(zip([p.name for p in parameters.parameters], parameters.values([2e-3, 0.5]), strict=True))
    assert theta["g2_zp"] == pytest.approx(4e-6, rel=1e-15)
    assert theta["eps_ee_uV"] == 0.5
    assert scan.axes[0].even
    inner = scan.in_coordinates
    np.testing.assert_allclose(inner.axes[0].values, scan.axes[0].values ** 2, rtol=1e-15)
    assert np.array_equal(inner.parameters.values([4e-6, 0.5]), parameters.values([2e-3, 0.5]))
    other = definition(mediators={"zp": VECTOR}, axes={"g2_zp": {"min": -1e-6, "max": 4e-6, "points": 5}})
    assert other.parameters.squared == (False,)
    assert other.in_coordinates is other


def test_couplings_are_tied_by_a_factor() -> None:
    two = {"zp": VECTOR, "xp": {"kind": "scalar", "mass_MeV": 2.0}}
    axes = {"g_zp": {"min": 0.0, "max": 2e-3, "points": 5}}
    parameters = definition(mediators=two, axes=axes, tied={"g_xp": {"g_zp": 3.0}}).parameters
    theta = dict(zip([p.name for p in parameters.parameters], parameters.values([2e-3]), strict=True))
    assert theta["g2_xp"] == pytest.approx(9.0 * 4e-6, rel=1e-15)
    common = {"g": {"min": 0.0, "max": 2e-3, "points": 5}}
    ties = {"g_zp": {"g": 1.0}, "g_xp": {"g": 2.0}}
    parameters = definition(mediators=two, axes=common, tied=ties).parameters
    assert parameters.squared == (True,)
    theta = dict(zip([p.name for p in parameters.parameters], parameters.values([1e-3]), strict=True))
    assert (theta["g2_zp"], theta["g2_xp"]) == pytest.approx((1e-6, 4e-6), rel=1e-15)


@pytest.mark.parametrize(
    ("tied", "sentence"),
    [
        ({"g_xp": {"g_zp": 1.0, "constant": 1e-4}}, "g_xp enters by its square: it can be tied to one other coupling"),
        ({"g_xp": {"mu_nu": 1.0}}, "g_xp enters by its square"),
        ({"eps_ee_uV": {"g_zp": 1.0}}, "tied.eps_ee_uV.g_zp: g_zp enters by its square: use g2_zp in its place"),
    ],
)
def test_ties_that_are_not_linear_in_squares(tied: dict[str, Any], sentence: str) -> None:
    two = {"zp": VECTOR, "xp": {"kind": "scalar", "mass_MeV": 2.0}}
    axes = {"g_zp": {"min": 0.0, "max": 2e-3, "points": 5}, "mu_nu": {"min": 0.0, "max": 1.0, "points": 5}}
    assert sentence in faults(mediators=two, axes=axes, tied=tied)


def test_rates_that_diverge_need_a_threshold() -> None:
    open_window = [experiment(recoil_window_keV=[0.0, 50.0])]
    for fixed, mediators in (({"q_nu_e": 1.0}, {}), ({"g_zp": 1e-5}, {"zp": {**VECTOR, "mass_MeV": 0.0}})):
        found = faults(experiments=open_window, mediators=mediators, fixed=fixed)
        assert "diverges as 1/T: raise the threshold" in found
    definition(open_window, mediators={"zp": VECTOR}, fixed={"g_zp": 1e-5})


@pytest.mark.parametrize(
    ("axial", "sentence"),
    [
        ("yes", 'physics.axial: found "yes"'),
        ({"fluorine": {"J": 0.5, "S_p": 0.4, "S_n": 0.0}}, "it must be an isotope, as F19"),
        ({"F19": {"J": 0.5, "S_p": 0.4}}, "physics.axial.F19.S_n: missing"),
        ({"F19": {"J": 0.5, "S_p": 0.4, "S_n": 0.0, "ratio": [1.0]}}, "found ratio alone"),
        ({"F19": {"J": 0.5, "S_p": 0.4, "S_n": 0.0, "q_invfm": [1.0, 0.5], "ratio": [1.0, 1.0]}}, "must increase"),
    ],
)
def test_wrong_spins(axial: Any, sentence: str) -> None:
    assert sentence in faults(physics={"axial": axial})


def test_what_is_an_upper_estimate_is_said() -> None:
    fluorine = [experiment(target="F19")]
    notes = "; ".join(definition(fluorine, physics={"axial": True}).notes)
    assert "F_A of F19 is taken as constant, which is an upper estimate" in notes
    assert "no isotope of the targets has a spin" in "; ".join(definition(physics={"axial": True}).notes)
    tensor = {"t": {"kind": "tensor", "mass_MeV": 1.0}}
    assert "upper estimate" in "; ".join(definition(mediators=tensor, fixed={"g_t": 1e-4}).notes)


def test_a_scan_without_new_interactions_is_the_one_that_it_was() -> None:
    plain = identity_of(definition())
    assert not any("mediators" in place or "axial" in place or "charge_radius" in place for place in plain)
    with_unused = identity_of(definition(mediators={"zp": VECTOR}))
    assert {place for place in with_unused if place not in plain and "mediators" not in place} == set()
    scanned = identity_of(definition(mediators={"zp": VECTOR}, fixed={"g_zp": 1e-4}))
    assert "parameters.matrix.g2_zp" in scanned
