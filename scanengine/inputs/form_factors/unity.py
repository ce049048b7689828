"""F = 1: a point nucleus, or the limit of zero momentum transfer."""

from __future__ import annotations

from scanengine.inputs.form_factors.form_factor import FormFactor, Kind, NuclearFormFactors, Pair
from scanengine.inputs.nuclei import Isotope
from scanengine_kernels.form_factors import UNITY


def unity() -> NuclearFormFactors:
    """Return F = 1: a point nucleus, or the limit of zero momentum transfer."""
    return _pair


def _pair(isotope: Isotope) -> Pair:  # noqa: ARG001  (the same for all)
    return FormFactor(UNITY), FormFactor(UNITY)


UNITY_KIND = Kind("unity", "F = 1.", unity)
