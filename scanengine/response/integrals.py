"""Responses: the counts per unit of each product of amplitudes, integrated once for every experiment, channel, bin and
flavour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from scanengine.definition import Definition
from scanengine.definition.identity import leaves
from scanengine.grid.axes import FloatArray
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.electrons import Binding, RecoilKind
from scanengine.inputs.flavours import ends
from scanengine.inputs.form_factors import TABLE
from scanengine.inputs.nuclei import Isotope
from scanengine.inputs.sources import Spectrum
from scanengine.inputs.terms.interactions import Interactions, Interfering, standard_model_point
from scanengine.response.panels import InnerGrid, inner_grid
from scanengine.response.recoils import Recoils
from scanengine.response.response import Arriving, PropagatedResponse, Response
from scanengine.response.templates import like_templates, template_scale

_BITS = 40
"""Of the fluxes of spectra in proportion, which differ by rounding."""

INTERPRETED_PANELS = 300
"""Number of panels that Python integrates in the time Numba takes to import; compiling takes thirty times longer."""

KnownRecoils = MutableMapping[str, Recoils]
"""Recoils that were laid out before, by all that they depend on: for definitions that differ in little."""


def responses(definition: Definition, threads: int = 1, known: KnownRecoils | None = None) -> tuple[Response, ...]:
    """Integrate every (experiment, channel, flavour, recoil) of a definition, bin by bin.

    Each relative accuracy is better than 1e-9 (adaptive Gauss-Kronrod between all kinks); of bins in a reconstructed
    quantity, if they hold more than 1e-10 of the experiment's counts. What `known` has is not laid out again, and what
    it lacks is added. Raises RunError if an integral does not converge, which no formula or table that the definition
    accepts is known to cause.
    """
    interactions = definition.interactions
    many = bool(known)  # of several definitions the compiler is worth its time
    known = {} if known is None else known
    layouts = [layout for e in definition.experiments for layout in _layouts(definition, e, interactions, known)]
    compiled = many or sum(layout.recoils.size for layout in layouts) > INTERPRETED_PANELS

    def integrate(layout: _Layout) -> FloatArray:
        groups = [group for group in interactions.interfering if layout.is_of(group)]
        found = layout.recoils.integrals(groups, layout.experiment.form_factors(layout.isotope), compiled=compiled)
        found *= layout.flux[:, None, None]
        return found * layout.atoms_per_kg * layout.experiment.mass_kg * layout.experiment.live_time_s

    if compiled and threads > 1 and not many:
        with ThreadPoolExecutor(threads) as pool:
            results = list(pool.map(integrate, layouts))
    else:
        results = [integrate(layout) for layout in layouts]
    found = []
    for experiment in definition.experiments:
        names, of_layouts = _spectra(definition, experiment), list(zip(layouts, results, strict=True))
        of_recoil = {
            recoil: _by_flavour(experiment, recoil, names, interactions.of(recoil), of_layouts)
            for recoil in experiment.recoils
        }
        arriving = arriving_state(definition, experiment)
        found += [
            _response(definition, experiment, channel, flavour, recoil, of_flavour, arriving)
            for channel, flavours in experiment.channels.items()
            for recoil, of_flavour in of_recoil.items()
            for flavour in (*flavours, *coherences(definition, experiment, flavours))
        ]
    return tuple(like_templates(definition, found, partial(responses, threads=threads, known=known)))


def _response(
    definition: Definition,
    experiment: Experiment,
    channel: str,
    flavour: str,
    recoil: RecoilKind,
    integrals: Mapping[str, FloatArray],
    arriving: Arriving | None,
) -> Response:
    """Return the response of a flavour, of integrals (bins, pairs) by what arrives: flavours, or nodes of a state."""
    interactions = definition.interactions.of(recoil)
    of_channel = experiment.name, channel, flavour, experiment.binning
    if arriving is None:
        at_detector = _at_detector(definition, experiment, flavour, integrals)
        return Response(*of_channel, at_detector, interactions, recoil)
    nodes = [_diluted(definition, experiment, of_node) for of_node in integrals.values()]
    by_node = np.stack(nodes, axis=1)
    (weights,) = arriving.weights(standard_model_point(definition.physics)[None], flavour)
    expected = np.einsum("n,bnt->bt", weights, by_node)
    return PropagatedResponse(*of_channel, expected, interactions, recoil, by_node=by_node, arriving=arriving)


def coherences(definition: Definition, experiment: Experiment, flavours: Sequence[str]) -> tuple[str, ...]:
    """Return the coherences between flavours that arrive together, of which the interactions make counts."""
    source, interactions = definition.source_of(experiment), definition.interactions
    return tuple(name for name in source.coherences if {*ends(name)} <= {*flavours} and interactions.mix(*ends(name)))


def _at_time(flavour: str, number: int) -> str:
    """Return the name of the spectrum of a flavour in a bin of time."""
    return f"{flavour} in bin {number}"


def arriving_state(definition: Definition, experiment: Experiment) -> Arriving | None:
    """Return the state in which neutrinos arrive, if couplings of the definition change it."""
    propagation = definition.source_of(experiment).propagation
    if propagation is None or not propagation.felt & definition.interactions.used:
        return None
    return Arriving(propagation, [parameter.name for parameter in definition.interactions.parameters])


def _spectra(definition: Definition, experiment: Experiment) -> dict[str, Spectrum]:
    """Return the spectra that recoils are integrated over: of the flavours that any channel counts and their
    coherences, or of the nodes of a state that couplings change.
    """
    source = definition.source_of(experiment)
    if source.propagation is not None and arriving_state(definition, experiment) is not None:
        return {f"node {number}": spectrum for number, spectrum in enumerate(source.propagation.spectra)}
    timing = experiment.timing
    if timing is not None and timing.of_source:
        return {
            _at_time(flavour, number): spectrum
            for flavour in experiment.flavours
            for number, spectrum in enumerate(source.arrivals[flavour].between(timing.edges_us, timing.efficiency))
        }
    names = (*experiment.flavours, *coherences(definition, experiment, experiment.flavours))
    return {name: source.arriving(name) for name in names}


@dataclass(frozen=True, eq=False)
class _Layout:
    """One isotope of one experiment, or the electrons of one element, for all structures whose neutrino turns into a
    particle of the same mass; `flux` (flavours,) is that of its spectra beside those of the recoils as laid out.
    """

    experiment: Experiment
    isotope: Isotope
    atoms_per_kg: float
    recoil: RecoilKind
    final_mass_MeV: float
    recoils: Recoils
    flux: FloatArray

    def is_of(self, group: Interfering) -> bool:
        """Whether the recoils are those of a structure."""
        structure = group.structure
        return structure.recoil == self.recoil and structure.final_mass_MeV == self.final_mass_MeV


def _layouts(
    definition: Definition, experiment: Experiment, interactions: Interactions, known: KnownRecoils
) -> list[_Layout]:
    """Return where the recoils of an experiment are integrated: as they were laid out before, or anew."""
    spectra = list(_spectra(definition, experiment).values())
    grids: list[InnerGrid] | None = None
    layouts = []
    for recoil in experiment.recoils:
        masses = dict.fromkeys(group.structure.final_mass_MeV for group in interactions.of(recoil).interfering)
        seen_as = experiment.seen_as(recoil)
        seen = _key(seen_as, spectra)
        for isotope, atoms_per_kg, electrons in struck(experiment, recoil):
            kinks = electrons or [f.parameters for f in experiment.form_factors(isotope) if f.code == TABLE]
            for mass in masses:
                key = "".join((seen, str(isotope), f" to {mass!r}", *(str(leaf) for leaf in leaves("F", kinks))))
                recoils = known.get(key)
                if recoils is None:
                    grids = grids or [inner_grid(spectrum) for spectrum in spectra]
                    recoils = known[key] = Recoils.of(seen_as, isotope, spectra, grids, mass, electrons)
                flux = np.array([spectrum.scale for spectrum in spectra]) / recoils.scales
                layouts.append(_Layout(experiment, isotope, atoms_per_kg, recoil, mass, recoils, flux))
    return layouts


def struck(experiment: Experiment, recoil: RecoilKind) -> list[tuple[Isotope, float, Binding | None]]:
    """Return what recoils in an experiment: isotopes and the atoms of each per kilogram, of nuclei without electrons.

    Of electrons it is one isotope for each element, with the electrons of its atoms.
    """
    target = experiment.target
    if recoil == "nucleus":
        return [(isotope, atoms, None) for isotope, atoms in zip(target.isotopes, target.atoms_per_kg, strict=True)]
    assert experiment.electrons is not None  # those who count electrons say how
    bindings = experiment.electrons.bindings
    return [(isotope, atoms, bindings[isotope.symbol]) for isotope, atoms in target.elements]


def _key(experiment: Experiment, spectra: Sequence[Spectrum]) -> str:
    """Return a checksum of all that the layout of any isotope depends on, the same of spectra in proportion."""
    parts = {
        "spectra": {number: _unit(spectrum) for number, spectrum in enumerate(spectra)},
        "efficiency": experiment.efficiency,
        "edges": experiment.bin_edges_keV,
        "response": experiment.reconstruction,
    }
    return hashlib.sha256(repr(list(leaves("", parts))).encode()).hexdigest()


def _unit(spectrum: Spectrum) -> Spectrum:
    """Return a spectrum in units of its own scale, to twelve digits: of another flux it is the same."""
    unit = spectrum.times(1.0 / spectrum.scale)
    return replace(
        unit,
        line_fluxes_per_cm2_s=_rounded(unit.line_fluxes_per_cm2_s),
        coefficients=_rounded(unit.coefficients),
    )


def _rounded(values: FloatArray) -> FloatArray:
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.round(np.ldexp(mantissa, _BITS)), exponent - _BITS))


def _by_flavour(
    experiment: Experiment,
    recoil: RecoilKind,
    names: Iterable[str],
    interactions: Interactions,
    results: Iterable[tuple[_Layout, FloatArray]],
) -> Mapping[str, FloatArray]:
    """Return the integrals (bins, pairs) of each flavour of an experiment, isotopes added up and pairs in order.

    Of one kind of recoils, with the interactions of it alone.
    """
    total: FloatArray | None = None
    first = {}
    column = 0
    for group in interactions.interfering:
        first[group.structure.name] = column
        column += len(group.pairs)
    for layout, found in results:
        if layout.experiment is not experiment or layout.recoil != recoil:
            continue
        if total is None:
            total = np.zeros((*found.shape[:2], column))
        taken = 0
        for group in interactions.interfering:
            if layout.is_of(group):
                pairs = len(group.pairs)
                begin = first[group.structure.name]
                total[..., begin : begin + pairs] += found[..., taken : taken + pairs]
                taken += pairs
    assert total is not None  # every experiment has a target
    return dict(zip(names, total, strict=True))


def template_scales(definition: Definition, threads: int = 1) -> dict[str, FloatArray]:
    """Return by what the calculated counts (energies, 1, times) of each experiment with a signal template are
    multiplied, (energies, extra bins, times).

    Raises InputError as `responses` does.
    """
    found = {}
    for experiment in definition.experiments:
        if experiment.signal_template is not None:
            alone = (replace(experiment, signal_template=None, extra=None, recoils=("nucleus",)),)
            own = responses(replace(definition, experiments=alone, template_references={}), threads)
            found[experiment.name] = template_scale(definition, experiment, own, partial(responses, threads=threads))
    return found


def _at_detector(
    definition: Definition, experiment: Experiment, flavour: str, integrals: Mapping[str, FloatArray]
) -> FloatArray:
    """Return the integrals (bins, pairs) at the detector's place, in its bins of energy and time, from those at the
    source's reference distance in bins of energy, by spectrum.
    """
    if experiment.timing is not None and experiment.timing.of_source:
        each = [integrals[_at_time(flavour, number)] for number in range(experiment.timing.edges_us.size - 1)]
        timed = _diluted(definition, experiment, np.stack(each, axis=1))
        return timed.reshape(-1, timed.shape[-1])
    diluted = _diluted(definition, experiment, integrals[flavour])
    if experiment.timing is None or not experiment.timing.shares:
        return diluted
    shares = experiment.timing.of(flavour)
    return np.asarray(diluted[:, None, :] * shares[:, None]).reshape(-1, diluted.shape[-1])


def _diluted(definition: Definition, experiment: Experiment, integrals: FloatArray) -> FloatArray:
    """Return integrals at the detector's place, from those at the source's reference distance."""
    return integrals * (definition.source_of(experiment).reference_distance_m / experiment.distance_m) ** 2
