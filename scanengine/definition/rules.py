"""Rules of the physics across the tables of a scan file: recoils out of reach, diverging rates, form factors that end
early.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from scanengine.definition.model import ParameterMap
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed
from scanengine.definition.tables.parts import Parts
from scanengine.definition.tables.quenching import check_quenching
from scanengine.definition.tables.reach import Reach, Seen, check_form_factors, counted, seen_in
from scanengine.definition.tables.sterile import oscillation_fault
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.bcs import closed_shell_notes, nucleus
from scanengine.inputs.detectors import E_min_MeV, Efficiency
from scanengine.inputs.electrons import RECOIL_KINDS, RecoilKind
from scanengine.inputs.form_factors import OSCILLATOR
from scanengine.inputs.nuclei import Target
from scanengine.inputs.physics import Physics
from scanengine.inputs.reconstruction import Reconstruction
from scanengine.inputs.sources import Source
from scanengine.inputs.terms.interactions import Interactions


def check_experiment(parts: Parts, report: Report) -> list[str]:
    """Add the faults of an experiment that its target's kinematics show; return notes on bins that are dropped and
    on nuclei without pairing.
    """
    edges, target, channels, source = parts.bin_edges_keV, parts.target, parts.channels, parts.source
    if edges is None or target is None or channels is None or source is None:
        return []
    kinds = seen_in(parts)
    if not kinds or not _check_reach(parts, kinds, source, report):
        return []
    notes = _separated(parts, source)
    if "nucleus" in parts.recoils:
        check_form_factors(parts, (*parts.path, "form_factor"), report)
        notes += _closed_shells(parts, target)
    check_oscillation(parts, kinds, report)
    if parts.detector.reconstruction is not None:
        of = (parts.detector.reconstruction, target, parts.electrons)
        highest = [kind.reach(counted(parts), source).T_keV for kind in kinds]
        checked = partial(_check_response, parts, kinds, highest, report)
        found = report.once(f"reach {parts.path} {parts.recoils} {highest}", of, checked)
        return [] if found is None else notes + found
    for name, flavours in channels.items():
        where = f"experiment {parts.name}, channel {name}"
        notes += _dropped(where, edges, [(kind.efficiency, kind.reach(flavours, source)) for kind in kinds])
    return notes


def _check_reach(parts: Parts, kinds: Sequence[Seen], source: Source, report: Report) -> bool:
    """Whether recoils reach the lowest edges; add the fault if not, or if an efficiency is zero for all that do.

    In bins of true recoil energy one kind of recoils is enough.
    """
    assert parts.bin_edges_keV is not None
    window_path = (*parts.path, parts.window_key)
    real = parts.window_key == "response"
    reaches = [kind.reach(counted(parts), source) for kind in kinds]
    beyond = [kind.low_keV >= reach.highest_edge_keV for kind, reach in zip(kinds, reaches, strict=True)]
    if all(beyond) or (real and any(beyond)):
        which = beyond.index(True) if real else reaches.index(max(reaches))
        threshold_keV = kinds[which].low_keV
        message = f"found a threshold of {threshold_keV:g} keV, it must lie below the highest recoil energy, "
        electron = ("electron",) if kinds[which].recoil == "electron" else ()
        key: KeyPath = (*electron, "recoil_threshold_keV") if real else (0,)
        report.add((*window_path, *key), message + str(reaches[which]))
        return False
    spans = [
        (kind.efficiency, kind.low_keV, min(float(parts.bin_edges_keV[-1]), reach.T_keV))
        for kind, reach in zip(kinds, reaches, strict=True)
    ]
    if not any(efficiency is None or _sees(efficiency, low, high) for efficiency, low, high in spans):
        where = " and ".join(f"from {low:g} to {high:.4g} keV" for _, low, high in spans)
        message = f"found zero everywhere {where}, it must be positive somewhere"
        report.add((*parts.path, "efficiency"), message, window_path)
    return True


def _check_response(
    parts: Parts, kinds: Sequence[Seen], highest_keV: Sequence[float], report: Report
) -> list[str] | None:
    """Return notes on bins that no recoil reaches, None after the fault of a quenching, or a resolution too fine.

    `highest_keV` are the highest recoil energies of each kind.
    """
    seen = []
    for kind, T_keV in zip(kinds, highest_keV, strict=True):
        path = (*parts.path, "response", *(("electron",) if kind.recoil == "electron" else ()))
        response = kind.reconstruction
        assert response is not None
        if kind.recoil == "electron":
            T_keV = max(response.highest_keV(isotope, T_keV) for isotope in kind.isotopes)  # noqa: PLW2901
        fault = check_quenching(response, kind.isotopes, T_keV) if isinstance(response, Reconstruction) else None
        if fault is not None:
            report.add((*path, "quenching"), fault)
            return None
        try:
            for isotope in kind.isotopes:
                response.cuts_keV(isotope, T_keV)
        except InputError as error:
            report.add((*path, "resolution"), str(error))
            return None
        T = np.linspace(0.0, T_keV, 500)
        seen += [response.shares(T, isotope).max(axis=1) > 0.0 for isotope in kind.isotopes]
    binning = parts.detector.reconstruction
    assert binning is not None
    bins = zip(pairwise(binning.edges), np.any(seen, axis=0), strict=True)
    blind = [f"[{lo:g}, {hi:g}]" for (lo, hi), sees in bins if not sees]
    which = "the bin" if len(blind) == 1 else "the bins"
    return [f"experiment {parts.name}: no signal reaches {which} {listed(blind)} {binning.units}"] if blind else []


def _separated(parts: Parts, source: Source) -> list[str]:
    """Notes on channels without some of the flavours that arrive as one coherent mixture."""
    return [
        f"experiment {parts.name}, channel {name}: it counts {listed(flavours)} alone, of a mixture of "
        f"{listed(source.spectra)} that interfere"
        for name, flavours in (parts.channels or {}).items()
        if source.coherences and set(source.spectra) - set(flavours)
    ]


def _closed_shells(parts: Parts, target: Target) -> list[str]:
    """Notes on the nuclei of a BCS form factor at whose closed shells pairing fails or is overdone."""
    if parts.form_factors is None:
        return []
    return [
        f"experiment {parts.name}: {note}"
        for isotope in target.isotopes
        if parts.form_factors(isotope)[0].code == OSCILLATOR
        for note in closed_shell_notes(nucleus(isotope))
    ]


def _sees(efficiency: Efficiency, low_keV: float, high_keV: float) -> bool:
    """Whether an efficiency is positive anywhere between two energies."""
    inside = efficiency.values[(efficiency.T_keV > low_keV) & (efficiency.T_keV < high_keV)]
    ends = np.interp((low_keV, high_keV), efficiency.T_keV, efficiency.values)
    return bool(np.any(inside > 0.0) or np.any(ends > 0.0))


def _dropped(where: str, edges: FloatArray, seen: Sequence[tuple[Efficiency | None, Reach]]) -> list[str]:
    """Notes on the bins in which a channel expects nothing: those above its reach in one note.

    seen are the efficiency and the reach of each kind of recoils.
    """
    notes = []
    farthest = max((reach for _, reach in seen), key=lambda reach: reach.T_keV)
    reachable = edges[:-1] < farthest.highest_edge_keV
    for low, high in zip(edges[:-1][reachable], edges[1:][reachable], strict=True):
        there = [(efficiency, reach) for efficiency, reach in seen if low < reach.highest_edge_keV]
        if not any(e is None or _sees(e, float(low), min(float(high), reach.T_keV)) for e, reach in there):
            notes.append(f"{where}: the efficiency is zero in bin [{low:g}, {high:g}] keV: dropped")
    above = edges[:-1][~reachable]
    if above.size:
        low, high = f"{above[0]:g}", f"{edges[-1]:g}"
        bins = f"bin [{low}, {high}] keV is" if above.size == 1 else f"{above.size} bins from {low} to {high} keV are"
        notes.append(f"{where}: {bins} above {farthest}: dropped")
    return notes


def check_oscillation(parts: Parts, kinds: Sequence[Seen], report: Report) -> None:
    """Add a fault if neutrinos that an experiment sees oscillate too fast to be integrated over their energy."""
    if parts.source is None or parts.numbers is None:
        return
    seen_MeV = min(E_min_MeV(kind.low_keV, M) for kind in kinds for M, _ in kind.masses)
    fault = oscillation_fault(parts.source, counted(parts), parts.numbers[2], seen_MeV)
    if fault is not None:
        report.add((*parts.path, "distance_m"), fault)


def check_diverging_rates(parts: Parts, parameters: ParameterMap, physics: Physics, report: Report) -> None:
    """Add a fault if a parameter whose rate diverges as 1/T may differ from 0 where recoils of 0 keV count."""
    experiment = None if report.faults else parts.experiment()
    for recoil in () if experiment is None else experiment.recoils:
        diverging = parameters.used & Interactions(physics, parameters.used, (recoil,)).diverging
        if not diverging or not _sees_any_recoil(parts, recoil):
            continue
        for parameter in parameters.parameters:
            if parameter.name in diverging and not set(parameter.flavours).isdisjoint(counted(parts)):
                _add_diverging(parts, parameter.name, recoil, report)
                return


def _sees_any_recoil(parts: Parts, recoil: RecoilKind) -> bool:
    """Whether recoils are seen down to zero energy, where bound electrons have none."""
    experiment = parts.experiment()
    assert experiment is not None
    if recoil == "electron" and experiment.electrons is not None:
        there = [binding.number(np.zeros(1)) > 0.0 for binding in experiment.electrons.bindings.values()]
        return bool(np.any(there)) and experiment.seen_as(recoil).sees_any_recoil
    return experiment.sees_any_recoil


def _add_diverging(parts: Parts, name: str, recoil: RecoilKind, report: Report) -> None:
    if parts.detector.reconstruction is None:
        message = f"found 0, where the rate of {name} diverges as 1/T: raise the threshold"
        report.add((*parts.path, parts.window_key, 0), message)
        return
    of, key = ("recoils", ()) if recoil == "nucleus" else ("recoils of electrons", ("electron",))
    message = f"{of} of 0 keV are counted, where the rate of {name} diverges as 1/T: "
    report.add((*parts.path, "response", *key), message + "set recoil_threshold_keV = 0.1, for example")


def unconstrained_axes(parameters: ParameterMap, parts: Iterable[Parts], physics: Physics) -> list[str]:
    """Notes on axes that no counted flavour depends on."""
    seen = {(flavour, recoil) for part in parts for flavour in counted(part) for recoil in part.recoils}
    felt: set[str] = set()
    for recoil in RECOIL_KINDS:
        interactions = Interactions(physics, parameters.used, (recoil,))
        felt.update(*(interactions.felt_by(flavour) for flavour, of in seen if of == recoil))
    rows = np.array([parameter.name in felt for parameter in parameters.parameters])
    return [
        f"no flavour that is counted depends on {axis}"
        for index, axis in enumerate(parameters.axes)
        if seen and not np.any(parameters.matrix[rows, 1 + index] != 0.0)
    ]
