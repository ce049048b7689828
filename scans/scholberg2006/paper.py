"""The paper (K. Scholberg, Phys. Rev. D 73, 033005), and what several of its recipes share.

Its figures are known here by their text and captions only: what those do not say, the notes say.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scanengine import Result, Scan
from scanengine.grid.axes import FloatArray
from scanengine.inputs import constants
from scanengine.inputs.nuclei import Isotope
from scanengine.reproduce import Check, Paper

paper = Paper(
    Path(__file__).parent,
    "Scholberg 2006",
    "Prospects for measuring coherent neutrino-nucleus elastic scattering at a stopped-pion neutrino source, "
    "Phys. Rev. D 73, 033005 (2006)",
)

TARGETS = {"Ne": "²⁰Ne", "Ar": "⁴⁰Ar", "Ge": "⁷⁶Ge", "Xe": "¹³²Xe"}
MATH = {"Ne": r"$^{20}$Ne", "Ar": r"$^{40}$Ar", "Ge": r"$^{76}$Ge", "Xe": r"$^{132}$Xe"}
SYMBOLS = {"nu_mu": r"$\nu_\mu$", "nu_e": r"$\nu_e$", "nu_mubar": r"$\bar\nu_\mu$"}
NAMES = {"nu_mu": "ν_μ", "nu_e": "ν_e", "nu_mubar": "ν̄_μ"}
STROKES = {"nu_mu": 0, "nu_e": 2, "nu_mubar": 1}
"""Solid, dotted and dashed, as in the paper."""

PROMPT, DELAYED = ("nu_mu",), ("nu_e", "nu_mubar")
CL = 0.90
HIGHEST_E_MEV = 0.5 * constants.M_MU_MEV
SETTING = "20 m from the source, 10⁷ /cm²/s per flavour, no background, efficiency 1, Helm form factor"
SOLID = 0
UNSEEN = "The ranges and scales of the axes are ours: the paper's text does not give them."
HELM = "The paper's form factors are a private communication of C. Horowitz; Helm's are taken instead, in all results."

APPROXIMATELY = {
    "tens": (10.0, 100.0),
    "few tens": (20.0, 50.0),
    "thousands": (1e3, 1e4),
    "∼10": (10.0**0.5, 10.0**1.5),
    "∼10⁻³⁹": (10.0**-39.5, 10.0**-38.5),
    "10⁴ to 10⁵": (10.0**3.5, 10.0**5.5),
    "a few": (2.0, 5.0),
    "factor of 10": (10.0**0.5, 10.0**1.5),
    "very small": (0.0, 1.0),
    "only a small improvement": (0.9, 1.0),
    "approximately": (0.7, 1.3),
    "sub-MeV": (0.1, 1.0),
}
"""What approximate words are taken to mean, one rule for all of the paper; changes that are small in per cent."""
RULE = (
    "Approximate words are taken alike everywhere: a power of ten as half a decade more or less, “tens” as 10 to 100, "
    "“few tens” as 20 to 50, “thousands” as 10³ to 10⁴, “a few” as 2 to 5, “sub-MeV” as 0.1 to 1 MeV, “approximately” "
    "as 30% more or less, “very small” as 1% at most, “a small improvement” as 10% at most."
)

RECOIL = "recoil energy [keV]"
PER_KEV = "events / (keV t yr)"


def approximately(result: str, words: str, ours: float, units: str = "", *, said: str = "") -> Check:
    """Hold a number to what words mean, `said` being how the paper puts them if not alone."""
    low, high = APPROXIMATELY[words]
    return Check.between(result, said or words, ours, low, high, units)


@paper.cache
def tonne() -> Scan:
    """One tonne of each target for a year."""
    return paper.load("yields")


def isotope_of(target: str) -> Isotope:
    """The only isotope of one of the four targets."""
    (isotope,) = next(e.target.isotopes for e in tonne().definition.experiments if e.name == target)
    return isotope


def T_max_keV(isotope: Isotope, E_MeV: float) -> float:
    """The largest recoil energy."""
    return 2e3 * E_MeV**2 / (isotope.mass_MeV + 2.0 * E_MeV)


def standard_charge(isotope: Isotope) -> float:
    """Z g_p + N g_n at tree level."""
    return isotope.Z * (0.5 - 2.0 * constants.SIN2_THETA_W) - 0.5 * isotope.N


def counted(scan: Scan, flavours: Sequence[str] = (*PROMPT, *DELAYED), **axis_values: float) -> FloatArray:
    """The events (bins,) of some flavours."""
    events = scan.events(**axis_values)
    each = np.array([[e.counts for e in events if e.flavour == flavour] for flavour in flavours])
    total: FloatArray = each.sum(axis=0)
    return total


@paper.cache
def binned(name: str, target: str, edges_keV: tuple[float, ...], *overrides: str) -> Scan:
    """A scan file's tonne of one target, counted in bins of recoil energy."""
    return paper.load(name, f"experiments.{target}.recoil_bins_keV={list(edges_keV)}", *overrides).only(target)


def positive(values: FloatArray) -> FloatArray:
    """The values, with nothing where they vanish: for logarithmic axes."""
    return np.where(values > 0.0, values, np.nan)


@paper.cache
def scanned(name: str, *overrides: str) -> Result:
    """The result of a scan file."""
    return paper.load(name, *overrides).run()
