"""Interactions for tests, and their cross-section summed up in plain loops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scanengine.inputs.constants import M_E_MEV
from scanengine.inputs.nuclei import Isotope, target
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms.interactions import Interactions, standard_model_point
from scanengine.inputs.terms.term import ElectronRecoil, Recoil
from tests import naive

PHYSICS: dict[str, Any] = {
    "couplings": "tree",
    "sin2_theta_w": 0.2312,
    "kinematics": "leading",
    "magnetic_moment": "leading",
    "magnetic_form_factor": True,
}


def physics(**choices: Any) -> Physics:
    return Physics(**{**PHYSICS, **choices})


def recoil(name: str, T_MeV: float, F_p: float = 1.0, F_n: float = 1.0) -> Recoil:
    return Recoil(isotope(name), np.array([T_MeV]), np.array([F_p]), np.array([F_n]))


def electron(T_MeV: float) -> ElectronRecoil:
    return ElectronRecoil(np.array([T_MeV]))


def isotope(name: str) -> Isotope:
    (found,) = target(name).isotopes
    return found


def nucleus(name: str) -> naive.Nucleus:
    found = isotope(name)
    return naive.Nucleus(found.Z, found.N, found.atomic_mass_u)


def cross_section(
    choices: Physics,
    seen: Recoil | ElectronRecoil,
    flavour: str,
    E_MeV: float,
    at: Mapping[str, float] | None = None,
    *,
    kinds: tuple[str, ...] | None = None,
) -> float:
    """dsigma/dT in cm^2/MeV at parameters by name, the Standard Model's where they are not named.

    Of all structures, or of those whose names begin with one of `kinds`.
    """
    at = at or {}
    on_electron = isinstance(seen, ElectronRecoil)
    interactions = Interactions(choices, frozenset(at), ("electron",) if on_electron else ("nucleus",))
    theta = dict(zip((p.name for p in interactions.parameters), standard_model_point(choices).tolist(), strict=True))
    assert set(at) <= set(theta), "no such parameters"
    one_theta = [1.0, *(theta | dict(at)).values()]
    M, (T,) = M_E_MEV if isinstance(seen, ElectronRecoil) else seen.isotope.mass_MeV, seen.T_MeV.tolist()
    total = 0.0
    for group, forms in zip(interactions.interfering, interactions.forms[flavour], strict=True):
        if kinds is not None and not group.structure.name.startswith(kinds):
            continue
        k_0, k_1, k_2 = group.structure.kinematics(T, M)
        shapes = [float(amplitude.shape(seen)[0]) for amplitude in group.amplitudes]
        bracket = 0.0
        for of_family in forms.tolist():
            amplitude = 0.0
            for form, shape in zip(of_family, shapes, strict=True):
                amplitude += shape * sum(c * x for c, x in zip(form, one_theta, strict=True))
            bracket += amplitude**2
        total += group.structure.constant_cm2(M) * (k_0 + k_1 / E_MeV + k_2 / E_MeV**2) * bracket
    return total
