"""The differential cross-section of a scan: dsigma/dT at the couplings of a point."""

from __future__ import annotations

from collections.abc import Mapping

from scanengine.chi2.direct import differential_cross_section
from scanengine.definition import chosen
from scanengine.errors import InputError
from scanengine.grid.arguments import number, numbers
from scanengine.grid.axes import FloatArray
from scanengine.inputs.parameters import FLAVOURS
from scanengine.scan.problem import Problem


def cross_section_cm2_per_keV(
    problem: Problem, experiment: str, flavour: str, E_MeV: float, T_keV: FloatArray, axis_values: Mapping[str, float]
) -> FloatArray:
    """Return dsigma/dT (n,) at recoil energies (n,), per atom of the target, as `Scan` says."""
    inside, x = problem.split(problem.point(axis_values))
    (of,) = chosen((experiment,), inside.definition.experiments, lambda e: e.name, "experiment")
    chosen((flavour,), FLAVOURS, str, "flavour")
    E_MeV, T_keV = number(E_MeV, "E_MeV"), numbers(T_keV, "T_keV")
    lowest = min(E_MeV, float(T_keV.min(initial=E_MeV)))
    if not lowest > 0.0:
        raise InputError(f"a cross-section needs energies above zero: found {lowest:g}")
    return 1e-3 * differential_cross_section(
        inside.definition, of, flavour, x, E_MeV, 1e-3 * T_keV, problem.cross_section
    )
