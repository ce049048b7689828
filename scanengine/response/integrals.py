"""Responses: the counts per unit of each product of amplitudes, integrated once for every experiment, channel, bin and
flavour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from scanengine.definition import Definition, Physics
from scanengine.definition.identity import leaves
from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.detectors import Binning, Experiment
from scanengine.inputs.electrons import Binding, RecoilKind
from scanengine.inputs.flavours import ends
from scanengine.inputs.form_factors import TABLE
from scanengine.inputs.nuclei import Isotope
from scanengine.inputs.sources import Propagation, Spectrum
from scanengine.inputs.terms.interactions import Interactions, Interfering, standard_model_point
from scanengine.response.panels import InnerGrid, inner_grid
from scanengine.response.recoils import Recoils
from scanengine.response.references import changed_reference

__all__ = ["INTERPRETED_PANELS", "KnownRecoils", "Recoils", "Response", "arriving_state", "responses"]

_LOST = 1e-2
"""The largest fraction of a signal that may move to bins in which a template has no counts."""

INTERPRETED_PANELS = 300
"""Number of panels that Python integrates in the time Numba takes to import; compiling takes thirty times longer."""

KnownRecoils = MutableMapping[str, Recoils]
"""Recoils that were laid out before, by all that they depend on: for definitions that differ in little."""


@dataclass(frozen=True, eq=False)
class Response:
    """What one flavour contributes to one channel of one experiment, or the coherence of two.

    Of recoiling nuclei, or of recoiling electrons. integrals (bins, pairs) in counts, of the products of amplitudes
    f_i f_j that interfere: with c_bi the couplings to the final family b, N = sum over structures, b, i and j of
    integrals_ij c_bi c_bj. Of a coherence, c_bi are the couplings of one flavour and c_bj those of the other.
    """

    experiment: str
    channel: str
    flavour: str
    binning: Binning
    integrals: FloatArray
    interactions: Interactions
    recoil: RecoilKind = "nucleus"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Experiment, channel, flavour and recoil, by which a response is known among others."""
        return self.experiment, self.channel, self.flavour, self.recoil

    def counts(self, theta: FloatArray) -> FloatArray:
        """Return the counts (..., bins) at parameter vectors theta (..., parameters)."""
        return np.asarray(self.products(theta) @ self.integrals.T)

    def scaled(self, scale: FloatArray) -> Response:
        """Return the response with its bins (energies, times) times a scale (energies, extra bins, times)."""
        return replace(self, integrals=_scaled(self.integrals, scale))

    def products(self, theta: FloatArray) -> FloatArray:
        """Return what the integrals are multiplied with (..., pairs) at parameter vectors theta (..., parameters)."""
        one_theta = np.concatenate((np.ones((*theta.shape[:-1], 1)), theta), axis=-1)
        products = []
        for group, one, other in self._forms():
            c = np.einsum("fat,...t->...fa", one, one_theta)
            d = c if other is one else np.einsum("fat,...t->...fa", other, one_theta)
            for i, j in group.pairs:
                crossed = 0.0 if i == j else c[..., j] * d[..., i]
                products.append((c[..., i] * d[..., j] + crossed).sum(-1))
        return np.asarray(np.stack(products, axis=-1))

    def count_forms(self, to_parameters: FloatArray) -> FloatArray:
        """Return Q (bins, k, k) with N = y^T Q y, where (1, theta) is to_parameters (1 + parameters, k) @ y."""
        products = []
        for group, one, other in self._forms():
            c, d = one @ to_parameters, other @ to_parameters
            for i, j in group.pairs:
                product = c[:, i].T @ d[:, j] + (0.0 if i == j else c[:, j].T @ d[:, i])
                products.append(0.5 * (product + product.T))
        return np.asarray(np.einsum("bt,tij->bij", self.integrals, np.stack(products)))

    def _forms(self) -> Iterator[tuple[Interfering, FloatArray, FloatArray]]:
        """Yield amplitudes that interfere, with their linear forms for the flavour, or for the two of a coherence."""
        one, other = ends(self.flavour)
        forms = self.interactions.forms
        return zip(self.interactions.interfering, forms[one], forms[other], strict=True)


@dataclass(frozen=True, eq=False)
class PropagatedResponse(Response):
    """What a flavour contributes where couplings change the share of it that arrives, or of the coherence of two.

    `by_node` (bins, nodes, pairs) are the integrals over the spectrum of each node of the `arriving` state, `integrals`
    those of the Standard Model's flavours.
    """

    by_node: FloatArray = field(kw_only=True)
    arriving: _Arriving = field(kw_only=True)

    def counts(self, theta: FloatArray) -> FloatArray:
        """Return the counts (..., bins) at parameter vectors theta (..., parameters)."""
        weights = self.arriving.weights(theta.reshape(-1, theta.shape[-1]), self.flavour)
        products = self.products(theta).reshape(len(weights), -1)
        counts = np.einsum("pn,bnt,pt->pb", weights, self.by_node, products, optimize=True)
        return np.asarray(counts.reshape(*theta.shape[:-1], -1))

    def scaled(self, scale: FloatArray) -> PropagatedResponse:
        """Return the response with its bins (energies, times) times a scale (energies, extra bins, times)."""
        return replace(self, integrals=_scaled(self.integrals, scale), by_node=_scaled(self.by_node, scale))

    def count_forms(self, to_parameters: FloatArray) -> FloatArray:  # noqa: ARG002  (there are none)
        """Raise InputError: counts are no polynomials."""
        raise InputError(
            f"experiments.{self.experiment}: NSI change the flavours in which its neutrinos arrive, and counts are no "
            "polynomials of them: only chi2 on a grid or at points is there; leave out nsi_in_propagation for the rest"
        )


def _scaled(integrals: FloatArray, scale: FloatArray) -> FloatArray:
    """Return integrals (energies and times, ...) times a scale (energies, extra bins, times)."""
    energies, _, times = scale.shape
    rest = integrals.shape[1:]
    scaled = scale.reshape(*scale.shape, *(1 for _ in rest)) * integrals.reshape(energies, 1, times, *rest)
    return np.asarray(scaled.reshape(-1, *rest))


class _Arriving:
    """The states in which the neutrinos of an experiment arrive."""

    def __init__(self, propagation: Propagation, parameters: Sequence[str]) -> None:
        self._propagation = propagation
        self._columns = {name: column for column, name in enumerate(parameters) if name in propagation.felt}

    def weights(self, theta: FloatArray, flavour: str) -> FloatArray:
        """Return what counts of each node are multiplied with (points, nodes) at theta (points, parameters)."""
        couplings = {name: theta[:, column] for name, column in self._columns.items()}
        return self._propagation.weights(self._propagation.states(couplings), flavour)


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
    return tuple(_like_templates(definition, found, threads, known))


def _response(
    definition: Definition,
    experiment: Experiment,
    channel: str,
    flavour: str,
    recoil: RecoilKind,
    integrals: Mapping[str, FloatArray],
    arriving: _Arriving | None,
) -> Response:
    """Return the response of a flavour, of integrals (bins, pairs) by what arrives: flavours, or nodes of a state."""
    interactions = definition.interactions.of(recoil)
    of_channel = experiment.name, channel, flavour, experiment.binning
    if arriving is None:
        return Response(
            *of_channel, _at_detector(definition, experiment, flavour, integrals[flavour]), interactions, recoil
        )
    nodes = [_at_detector(definition, experiment, flavour, of_node) for of_node in integrals.values()]
    by_node = np.stack(nodes, axis=1)
    (weights,) = arriving.weights(standard_model_point(definition.physics)[None], flavour)
    expected = np.einsum("n,bnt->bt", weights, by_node)
    return PropagatedResponse(*of_channel, expected, interactions, recoil, by_node=by_node, arriving=arriving)


def coherences(definition: Definition, experiment: Experiment, flavours: Sequence[str]) -> tuple[str, ...]:
    """Return the coherences between flavours that arrive together, of which the interactions make counts."""
    source, interactions = definition.source_of(experiment), definition.interactions
    return tuple(name for name in source.coherences if {*ends(name)} <= {*flavours} and interactions.mix(*ends(name)))


def arriving_state(definition: Definition, experiment: Experiment) -> _Arriving | None:
    """Return the state in which neutrinos arrive, if couplings of the definition change it."""
    propagation = definition.source_of(experiment).propagation
    if propagation is None or not propagation.felt & definition.interactions.used:
        return None
    return _Arriving(propagation, [parameter.name for parameter in definition.interactions.parameters])


def _spectra(definition: Definition, experiment: Experiment) -> dict[str, Spectrum]:
    """Return the spectra that recoils are integrated over: of the flavours that any channel counts and their
    coherences, or of the nodes of a state that couplings change.
    """
    source = definition.source_of(experiment)
    if source.propagation is not None and arriving_state(definition, experiment) is not None:
        return {f"node {number}": spectrum for number, spectrum in enumerate(source.propagation.spectra)}
    names = (*experiment.flavours, *coherences(definition, experiment, experiment.flavours))
    return {name: source.arriving(name) for name in names}


@dataclass(frozen=True, eq=False)
class _Layout:
    """One isotope of one experiment, or the electrons of one element, for all structures whose neutrino turns into a
    particle of the same mass.
    """

    experiment: Experiment
    isotope: Isotope
    atoms_per_kg: float
    recoil: RecoilKind
    final_mass_MeV: float
    recoils: Recoils

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
                layouts.append(_Layout(experiment, isotope, atoms_per_kg, recoil, mass, recoils))
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
    """Return a checksum of all that the layout of any isotope depends on."""
    parts = {
        "spectra": dict(enumerate(spectra)),
        "efficiency": experiment.efficiency,
        "edges": experiment.bin_edges_keV,
        "response": experiment.reconstruction,
    }
    return hashlib.sha256(repr(list(leaves("", parts))).encode()).hexdigest()


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


def _like_templates(definition: Definition, found: list[Response], threads: int, known: KnownRecoils) -> list[Response]:
    """Return responses of which those of nuclei in experiments with a template are scaled to it.

    Raises InputError as `changed_reference` and `_scale_of` do.
    """
    for experiment in definition.experiments:
        if experiment.signal_template is None:
            continue
        scaled = (experiment.name, "nucleus")
        own = [response for response in found if (response.experiment, response.recoil) == scaled]
        scale = _template_scale(definition, experiment, own, threads, known)
        shaped = iter(response.scaled(scale) for response in own)
        found = [next(shaped) if (each.experiment, each.recoil) == scaled else each for each in found]
    return found


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
            found[experiment.name] = _template_scale(definition, experiment, own, threads, {})
    return found


def _template_scale(
    definition: Definition, experiment: Experiment, own: Sequence[Response], threads: int, known: KnownRecoils
) -> FloatArray:
    """Return the scale of an experiment's template, of its responses without it."""
    now = then = _standard_model(own, definition.physics)
    other = changed_reference(definition, experiment)
    if other is not None:
        then = _standard_model(responses(other, threads, known), other.physics)
    assert experiment.signal_template is not None
    return _scale_of(experiment, experiment.signal_template, then, now)


def _at_detector(definition: Definition, experiment: Experiment, flavour: str, integrals: FloatArray) -> FloatArray:
    """Return the integrals (bins, pairs) at the detector's place, in its bins of energy and time, from those at the
    source's reference distance in bins of energy.
    """
    diluted = integrals * (definition.source_of(experiment).reference_distance_m / experiment.distance_m) ** 2
    if experiment.timing is None or not experiment.timing.shares:
        return diluted
    shares = experiment.timing.of(flavour)
    return np.asarray(diluted[:, None, :] * shares[:, None]).reshape(-1, integrals.shape[-1])


def _standard_model(found: Sequence[Response], physics: Physics) -> FloatArray:
    """Return the Standard Model's counts (energies, 1, times) of an experiment, one time where none is calculated."""
    theta = standard_model_point(physics)
    counts = np.sum([response.counts(theta) for response in found], axis=0)
    return np.asarray(counts.reshape(found[0].binning.shape[0], 1, -1))


def _scale_of(experiment: Experiment, template: FloatArray, then: FloatArray, now: FloatArray) -> FloatArray:
    """Return what makes of the counts that the template of an experiment was made with those (bins,) of the template.

    `then` and `now` (energies, 1, times) are the Standard Model's counts, calculated with what the template was made
    with and with what there is. A bin's counts are those of its energy, and of its time where that was calculated,
    in proportion. Raises InputError if the template has counts where the calculation had none, or none where it has
    some now.
    """
    binning = experiment.binning
    energies, _, times = then.shape
    wanted = template.reshape(energies, -1, times)
    beyond = (wanted > 0.0) & (then <= 0.0)
    if np.any(beyond):
        lo, hi = binning.energy_edges[np.argwhere(beyond)[0, 0] :][:2]
        raise InputError(
            f"experiments.{experiment.name}.signal_template: found {wanted[beyond].sum():.3g} counts where the "
            f"response expects none, first in the bin [{lo:g}, {hi:g}] {binning.units}: the two must go together"
        )
    unseen = ~np.any(wanted > 0.0, axis=1, keepdims=True)
    lost = float(now[unseen].sum() / now.sum() - then[unseen].sum() / then.sum())
    if lost > _LOST:
        raise InputError(
            f"experiments.{experiment.name}.signal_template: {lost:.2%} more of the signal would now be in bins in "
            "which the template has no counts to scale: give a new template"
        )
    return np.divide(wanted, then, out=np.zeros_like(wanted), where=wanted > 0.0)
