"""How far recoils reach in an experiment: of nuclei, and of electrons where these are counted."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import NamedTuple

from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.tables.parts import Parts
from scanengine.inputs.constants import HBARC_MEV_FM, M_E_MEV
from scanengine.inputs.detectors import DetectorResponse, Efficiency, T_max_keV, highest_edge_keV
from scanengine.inputs.electrons import RecoilKind
from scanengine.inputs.nuclei import Isotope
from scanengine.inputs.sources import Source


class Reach(NamedTuple):
    """The highest recoil energy, with the flavour that reaches it, and on what."""

    T_keV: float
    highest_edge_keV: float
    flavour: str
    on: str

    def __str__(self) -> str:
        return f"T_max = {self.T_keV:.4g} keV of {self.flavour} on {self.on}"


class Seen(NamedTuple):
    """What an experiment sees of one kind of recoils, from the lowest edge on: of nuclei of some isotopes, or of the
    electrons of atoms that they stand for. An efficiency with a fault is nothing.
    """

    recoil: RecoilKind
    isotopes: tuple[Isotope, ...]
    low_keV: float = 0.0
    efficiency: Efficiency | None = None
    reconstruction: DetectorResponse | None = None

    @property
    def masses(self) -> list[tuple[float, str]]:
        """The mass in MeV and the name of all that recoils."""
        if self.recoil == "electron":
            return [(M_E_MEV, "electrons")]
        return [(isotope.mass_MeV, str(isotope)) for isotope in self.isotopes]

    def reach(self, flavours: Iterable[str], source: Source) -> Reach:
        """Return the highest recoil energy of some flavours."""
        found = [
            Reach(T_max_keV(E_MeV, M), highest_edge_keV(E_MeV, M), flavour, name)
            for flavour in flavours
            for E_MeV in [source.spectra[flavour].E_max_MeV]
            for M, name in self.masses
        ]
        return max(found, key=lambda reach: reach.T_keV)


def seen_in(parts: Parts) -> list[Seen]:
    """Return what is seen of nuclei, and of electrons in an experiment without faults; target and bins are known."""
    assert parts.target is not None
    assert parts.bin_edges_keV is not None
    found = []
    if "nucleus" in parts.recoils:
        low_keV, response = float(parts.bin_edges_keV[0]), parts.detector.reconstruction
        found.append(Seen("nucleus", parts.target.isotopes, low_keV, parts.efficiency, response))
    experiment = parts.experiment() if "electron" in parts.recoils else None
    if experiment is not None:
        seen_as = experiment.seen_as("electron")
        isotopes = tuple(isotope for isotope, _ in parts.target.elements)
        low_keV = float(seen_as.bin_edges_keV[0])
        found.append(Seen("electron", isotopes, low_keV, seen_as.efficiency, seen_as.reconstruction))
    return found


def counted(parts: Parts) -> tuple[str, ...]:
    """Return the flavours that any channel counts."""
    return tuple(dict.fromkeys(flavour for flavours in (parts.channels or {}).values() for flavour in flavours))


def highest_recoil_keV(parts: Parts) -> float:
    """Return the highest recoil energy of nuclei that an experiment without faults may see."""
    assert parts.target is not None
    assert parts.source is not None
    return Seen("nucleus", parts.target.isotopes).reach(counted(parts), parts.source).T_keV


def check_form_factors(parts: Parts, path: KeyPath, report: Report) -> None:
    """Add a fault at `path` if recoils reach beyond the end of a table of form factors."""
    source = parts.source
    if parts.form_factors is None or parts.bin_edges_keV is None or parts.target is None or source is None:
        return
    for isotope in parts.target.isotopes:
        q_max_invfm = min(form_factor.q_max_invfm for form_factor in parts.form_factors(isotope))
        reach = Seen("nucleus", (isotope,)).reach(counted(parts), source)
        T_keV = min(float(parts.bin_edges_keV[-1]), reach.T_keV)
        q_invfm = sqrt(2.0 * isotope.mass_MeV * T_keV * 1e-3) / HBARC_MEV_FM
        if q_invfm > q_max_invfm:
            reached = f"recoils of {T_keV:.4g} keV of {isotope} reach q = {q_invfm:.4g} /fm"
            message = (
                f"the table ends at q = {q_max_invfm:.4g} /fm, but {reached}: extend it, or end the window earlier"
            )
            report.add(path, message, (*parts.path, parts.window_key))
            return
