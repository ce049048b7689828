"""The keys of an experiment that counts recoils of electrons: `recoils`, `electrons` and `response.electron`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from scanengine.definition.reading.columns import Columns
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed, nearest_or_all, quoted, written
from scanengine.definition.reading.table import File, file_of
from scanengine.definition.tables.acceptance import build_efficiency
from scanengine.definition.tables.detector import Detector
from scanengine.definition.tables.detector_schema import ElectronResponseTable
from scanengine.definition.tables.edges import edge_fault
from scanengine.definition.tables.electron_schema import ElectronsTable
from scanengine.definition.tables.quenching import build_quenching
from scanengine.definition.tables.recoil_efficiency import build_recoil_efficiency
from scanengine.definition.tables.reconstruction import build_light_yield
from scanengine.definition.tables.resolution import build_resolution
from scanengine.errors import InputError
from scanengine.inputs.detectors import Efficiency
from scanengine.inputs.electrons import RECOIL_KINDS, Binding, Electrons, RecoilKind, TabulatedBinding, free, step
from scanengine.inputs.nuclei import Isotope, Target
from scanengine.inputs.reconstruction import Reconstruction

_NUMBER = Columns(("T_keV", "electrons"), low=0.0)
_BINDING = '"free", "step" or { file = "...", columns = ["T_keV", "electrons"] }'
_MOST = 1.001
"""Times Z: so many electrons a table may have, as rounded."""


def build_recoils(raw: dict[str, Any], path: KeyPath, report: Report) -> tuple[RecoilKind, ...]:
    """Return what is counted in an experiment, nuclei alone after a fault.

    Where the file says that electrons are not counted, it may say how they would be.
    """
    given, here = raw.get("recoils", ["nucleus"]), (*path, "recoils")
    sound = isinstance(given, list) and bool(given)
    if not sound:
        report.add(here, f'found {written(given)}, it must be a list, such as ["nucleus", "electron"]')
    for position, kind in enumerate(given if sound else []):
        if kind not in RECOIL_KINDS or kind in given[:position]:
            known = f"{nearest_or_all(kind, RECOIL_KINDS)}" if isinstance(kind, str) else listed(RECOIL_KINDS, "or")
            twice = isinstance(kind, str) and kind in given[:position]
            report.add((*here, position), f"found {written(kind)}{' twice' if twice else f', {known}'}")
            sound = False
    recoils = cast("tuple[RecoilKind, ...]", tuple(given)) if sound else ("nucleus",)
    if "recoils" not in raw:
        response = raw.get("response")
        for place in [("electrons",)] * ("electrons" in raw) + [("response", "electron")] * (
            isinstance(response, dict) and "electron" in response
        ):
            report.add((*path, *place), 'electrons are not counted: add recoils = ["nucleus", "electron"]')
    return recoils


def build_electrons(
    raw: dict[str, Any],
    target: Target | None,
    efficiency: Efficiency | None,
    detector: Detector,
    path: KeyPath,
    report: Report,
) -> Electrons | None:
    """Return how an experiment counts electrons, or None after adding the faults; the efficiency is its own."""
    given = raw.get("electrons", {})
    before = len(report.faults)
    _, bad = report.check(ElectronsTable, given, (*path, "electrons"))
    bindings = None if bad or target is None else _bindings(given.get("binding", "step"), target, path, report)
    if isinstance(given, dict) and "efficiency" in given:
        efficiency = build_recoil_efficiency(given["efficiency"], (*path, "electrons", "efficiency"), report)
    elif "response" in raw and isinstance(raw.get("efficiency"), dict):
        message = "found a curve in the recoil energy of nuclei: [experiments.electrons] needs an efficiency of its own"
        report.add((*path, "efficiency"), message, (*path, "recoils"))
    _check_distribution(raw, detector, path, report)
    response, threshold_keV = _response(raw, target, detector, (*path, "response", "electron"), report)
    if len(report.faults) > before or bindings is None or efficiency is None:
        return None
    return Electrons(bindings, efficiency, response, threshold_keV)


def _bindings(raw: object, target: Target, path: KeyPath, report: Report) -> dict[str, Binding] | None:
    """Return the electrons of the target's atoms by element, None after a fault."""
    here = (*path, "electrons", "binding")
    elements = {isotope.symbol: isotope for isotope, _ in target.elements}
    by_element = isinstance(raw, dict) and "file" not in raw
    if not by_element and isinstance(raw, dict) and len(elements) > 1:
        example = ", ".join(f"{symbol} = {{ file = ... }}" for symbol in elements)
        report.add(
            here, f"found one table of electrons for {listed(elements)}: give each its own, such as {{ {example} }}"
        )
        return None
    given: dict[str, object] = dict(raw) if by_element and isinstance(raw, dict) else dict.fromkeys(elements, raw)
    for symbol in given:
        if symbol not in elements:
            message = f"found {quoted(symbol)}, which is not in the target: it has {listed(elements)}"
            report.add((*here, symbol), message)
    missing = [symbol for symbol in elements if symbol not in given]
    if missing:
        report.add(here, f"{missing[0]} is missing: there must be a binding of each of {listed(elements)}")
    found = {}
    for symbol, isotope in elements.items():
        if symbol in given:
            binding = _binding(given[symbol], isotope, (*here, symbol) if by_element else here, report)
            if binding is not None:
                found[symbol] = binding
    return found if len(found) == len(elements) and len(given) == len(elements) else None


def _binding(raw: object, isotope: Isotope, path: KeyPath, report: Report) -> Binding | None:
    try:
        if raw == "free":
            return free(isotope.Z)
        if raw == "step":
            return step(isotope.symbol, isotope.Z)
        raw = file_of(raw)
        if not isinstance(raw, dict):
            report.add(path, f"found {written(raw)}, it must be {_BINDING}")
            return None
        file, bad = report.check(File, raw, path)
        if bad:
            return None
        path = (*path, "file")
        T_keV, number = _NUMBER.of_table(report.files, file).T
    except InputError as error:
        report.add(path, str(error))
        return None
    if number.max() > _MOST * isotope.Z:
        report.add(path, f"found {number.max():g} electrons in an atom of {isotope.symbol}, which has {isotope.Z}")
        return None
    return TabulatedBinding(T_keV.copy(), number.copy())


def _check_distribution(raw: Mapping[str, Any], detector: Detector, path: KeyPath, report: Report) -> None:
    """Add the faults of bins in which the distribution of electrons is not known."""
    if "extra_bins" in raw:
        message = "found extra_bins, in which only the signal template of nuclei tells the distribution: leave one out"
        report.add((*path, "recoils"), message, (*path, "extra_bins"))
    timing = detector.timing
    if timing is not None and not timing.shares and not timing.of_source:
        message = "found bins in time without the share of neutrinos in each: electrons need time.prompt, time.delayed"
        report.add((*path, "recoils"), message, (*path, "time"))
    if "signal_template" in raw and "nucleus" not in raw.get("recoils", ()):
        message = "found in an experiment that counts no nuclei, whose counts a template gives: leave it out"
        report.add((*path, "signal_template"), message, (*path, "recoils"))


def _response(
    raw: Mapping[str, Any], target: Target | None, detector: Detector, path: KeyPath, report: Report
) -> tuple[dict[str, object], float]:
    """Return the fields of a response that are others for electrons, and their threshold in keV."""
    if not isinstance(detector.reconstruction, Reconstruction):
        return {}, 0.0
    given = raw["response"].get("electron", {})
    table, bad = report.check(ElectronResponseTable, given, path)
    if not isinstance(given, dict):
        return {}, 0.0
    of_quenching = build_quenching(given.get("quenching", 1.0), target, (*path, "quenching"), report)
    found: dict[str, object] = {"quenching": of_quenching}
    if "resolution" in given:
        found["resolution"] = build_resolution(given["resolution"], target, (*path, "resolution"), report)
    if "efficiency" in given:
        found["efficiency"] = build_efficiency(given["efficiency"], (*path, "efficiency"), report)
    if (key := "light_yield_PE_per_keVee") in given:
        if detector.reconstruction.light_yield is None:
            report.add((*path, key), "found for electrons alone: without a light yield of nuclei the bins are in keVee")
        found["light_yield"] = build_light_yield(given[key], target, (*path, key), report)
    if "recoil_threshold_keV" not in bad and (fault := edge_fault(table.recoil_threshold_keV)):
        report.add((*path, "recoil_threshold_keV"), fault)
    return found, 0.0 if bad else table.recoil_threshold_keV
