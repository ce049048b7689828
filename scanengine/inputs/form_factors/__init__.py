"""Nuclear form factors, one in each file: a kind with its parameters, made definite for each nucleus as what the
kernels evaluate.

A new one is a file here, its function and code in `scanengine_kernels.form_factors`, a test, and its place in `KINDS`,
from which scan files and their schema know it.
"""

from scanengine.inputs.form_factors.bcs import BCS_KIND, bcs
from scanengine.inputs.form_factors.form_factor import FormFactor, Kind, Length, NuclearFormFactors, Pair, by_isotope
from scanengine.inputs.form_factors.helm import HELM_KIND, helm
from scanengine.inputs.form_factors.klein_nystrand import KLEIN_NYSTRAND_KIND, klein_nystrand
from scanengine.inputs.form_factors.symmetrised_fermi import SYMMETRISED_FERMI_KIND, symmetrised_fermi
from scanengine.inputs.form_factors.tabulated import TABULATED_KIND, tabulated
from scanengine.inputs.form_factors.unity import UNITY_KIND, unity
from scanengine_kernels.form_factors import OSCILLATOR, TABLE

KINDS = (UNITY_KIND, HELM_KIND, KLEIN_NYSTRAND_KIND, SYMMETRISED_FERMI_KIND, BCS_KIND, TABULATED_KIND)
"""All that a scan file can name, in the order in which they are told."""

__all__ = [
    "KINDS",
    "OSCILLATOR",
    "TABLE",
    "FormFactor",
    "Kind",
    "Length",
    "NuclearFormFactors",
    "Pair",
    "bcs",
    "by_isotope",
    "helm",
    "klein_nystrand",
    "symmetrised_fermi",
    "tabulated",
    "unity",
]
