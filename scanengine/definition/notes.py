"""Notes on what is legal in a scan file but may be meant otherwise: units, per cents, signs, what is not counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from scanengine.definition.model import ParameterMap
from scanengine.definition.reading.sentences import listed
from scanengine.definition.tables.parts import Parts
from scanengine.grid.axes import Axis, FloatArray
from scanengine.inputs.by_isotope import ByIsotope, of_isotope
from scanengine.inputs.nuclei import capitals_note
from scanengine.inputs.nuisances import Nuisance
from scanengine.inputs.parameters import PARAMETER_INDEX, PARAMETERS, Parameter
from scanengine.inputs.reconstruction import Reconstruction
from scanengine.inputs.resolution import Gaussian
from scanengine.inputs.terms import magnetic_moment, millicharge

_SMALLEST = 1e-6
"""In their units, 1e-10 mu_B and 1e-32 cm^2, no detector sees magnetic moments and charge radii smaller than this."""

_ELECTRON_KEV = 5.0
"""Below such a recoil energy a magnetic moment is limited by electrons: their rate goes as 1/T as well, and nothing
quenches what they show.
"""

_OF_ELECTRONS = frozenset(p.name for term in (magnetic_moment.TERM, millicharge.TERM) for p in term.parameters)
"""Parameters that electrons may limit more than nuclei do."""

_REACTOR_MEV = 20.0
"""Neutrinos of reactors and the sun end below it, and make nuclei recoil with a few keV at most."""

_SEEN = 0.1
"""Recoils count as seen if this share of them is."""


def per_cent_notes(parts: Sequence[Parts], nuisances: Sequence[Nuisance]) -> Iterator[str]:
    """Yield notes on relative numbers so large that they may be per cents."""
    for part in parts:
        where = f"experiment {part.name}"
        if part.numbers is not None and part.numbers[-1] > 1.0:
            yield _per_cent(f"{where}: systematic", part.numbers[-1])
        chain = part.detector.reconstruction
        if not isinstance(chain, Reconstruction) or part.target is None:
            continue
        resolution, quenching = chain.resolution, chain.quenching
        for each in resolution.each.values() if isinstance(resolution, ByIsotope) else (resolution,):
            if isinstance(each, Gaussian) and each.c > 1.0:
                yield _per_cent(f"{where}: resolution.c", each.c)
                break
        T_keV = np.geomspace(0.1, 100.0, 31)
        shown = max(
            float(np.max(of_isotope(quenching, isotope).keVee(T_keV, isotope) / T_keV))
            for isotope in part.target.isotopes
        )
        if shown > 1.0:
            yield f"{where}: the quenching factor reaches {shown:.3g}, above 1: is it in per cent?"
    for nuisance in nuisances:
        if nuisance.width > 1.0 and not nuisance.free and (nuisance.signals or nuisance.backgrounds):
            yield _per_cent(f"nuisance {nuisance.name}: width", nuisance.width)


def _per_cent(what: str, value: float) -> str:
    return f"{what} = {value:g} is relative, a factor of {value:g}: for {value:g}% write {value / 100.0:g}"


def target_notes(parts: Sequence[Parts]) -> Iterator[str]:
    """Yield notes on formulas in capitals that would be another target if letters were small."""
    for part in parts:
        note = capitals_note(part.target.name) if part.target is not None else None
        if note is not None:
            yield f"experiment {part.name}: {note}"


def parameter_notes(
    axes: Sequence[Axis],
    fixed: Mapping[str, float],
    tied: Sequence[str],
    parameters: ParameterMap,
    known: Mapping[str, Parameter],
) -> Iterator[str]:
    """Yield notes on parameters whose units or sign may be meant otherwise."""
    extents = {axis.name: (float(axis.values[0]), float(axis.values[-1])) for axis in axes}
    extents |= {name: (value, value) for name, value in fixed.items()}
    extents |= {name: _extent(name, extents, tied, axes, parameters) for name in tied}
    for name, (low, high) in extents.items():
        if name not in known:
            continue
        units, largest = known[name].units, max(abs(low), abs(high))
        if units != "1" and 0.0 < largest <= _SMALLEST:
            scale, unit = units.split(" ", 1)
            in_full = f"{largest * float(scale):g} {unit}"
            yield f"{name} is in units of {units}: {largest:g}, its largest value here, is {in_full}"
        if known[name].squared and low < 0.0:
            yield f"{name} enters only by its square: chi2 is the same at the negative value"


def _extent(
    name: str, given: Mapping[str, object], tied: Sequence[str], axes: Sequence[Axis], parameters: ParameterMap
) -> tuple[float, float]:
    """Return the least and the largest value of a tied parameter anywhere on the grid; zeros where it sets nothing."""
    several = PARAMETERS[name].stands_for if name in PARAMETERS else ()
    names = [each for each in several if each not in given and each not in tied] if several else [name]
    if not names or names[0] not in PARAMETER_INDEX:
        return 0.0, 0.0
    row: FloatArray = parameters.matrix[PARAMETER_INDEX[names[0]]]
    ends = [sorted((a * axis.values[0], a * axis.values[-1])) for a, axis in zip(row[1:], axes, strict=True)]
    return float(row[0] + sum(low for low, _ in ends)), float(row[0] + sum(high for _, high in ends))


def electron_notes(parameters: ParameterMap, parts: Sequence[Parts]) -> Iterator[str]:
    """Yield a note on the experiments where electrons, which are not counted, may limit what is scanned."""
    scanned = [
        parameter
        for parameter, row in zip(parameters.parameters, parameters.matrix, strict=True)
        if parameter.name in _OF_ELECTRONS and np.any(row[1:] != 0.0)
    ]
    limited: dict[str, None] = {}
    where = []
    for part in parts:
        counted = {flavour for flavours in (part.channels or {}).values() for flavour in flavours}
        felt = [parameter.name for parameter in scanned if not counted.isdisjoint(parameter.flavours)]
        if felt and "electron" not in part.recoils and _has_low_recoils(part, counted):
            where.append(part.name)
            limited |= dict.fromkeys(felt)
    if where:
        yield (
            f"experiment{'s' if len(where) > 1 else ''} {listed(where)}: electron recoils are not counted, and at "
            f"such low energies they may limit {listed(limited)} more strongly than nuclear recoils: "
            'recoils = ["nucleus", "electron"] would count them'
        )


def _has_low_recoils(part: Parts, counted: set[str]) -> bool:
    """Whether neutrinos are those of a reactor, or nuclei are seen that recoil with less energy than a few keV."""
    if part.source is None or part.target is None or part.bin_edges_keV is None:
        return False
    if max(part.source.spectra[flavour].E_max_MeV for flavour in counted) < _REACTOR_MEV:
        return True
    if part.bin_edges_keV[0] >= _ELECTRON_KEV:
        return False
    reconstruction = part.detector.reconstruction
    if reconstruction is None:
        return True
    T_keV = np.linspace(part.bin_edges_keV[0], _ELECTRON_KEV, 50)
    return any(
        bool(np.any(reconstruction.shares(T_keV, isotope).sum(axis=0) > _SEEN)) for isotope in part.target.isotopes
    )
