"""What a problem proves of its minima, and what it says at one of them: spectra, errors and correlations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from scanengine.definition import ParameterMap
from scanengine.errors import InputError
from scanengine.grid.arguments import number
from scanengine.inference import proving
from scanengine.inference.fitting import Minimum
from scanengine.inference.joint import JointFit, joint_fit
from scanengine.inference.proving import Proof
from scanengine.inference.spectra import Spectrum, spectra
from scanengine.scan.problem import Problem
from scanengine.scan.statements import fit, polynomial_likelihood

_MOST_PROOFS = 4
"""So many times at most, places that a proof has found are added to the fit."""


def prove(problem: Problem, minima: Sequence[Minimum], delta_chi2: float) -> Proof:
    """Return what is proven of minima, as `Scan.prove` says."""
    delta_chi2 = number(delta_chi2, "delta_chi2")
    if not delta_chi2 > 0.0:
        raise InputError(f"delta_chi2 must be above zero: found {delta_chi2:g}")
    if problem.squares is None:
        raise InputError(
            "a proof needs a chi2 that is a sum of squared quadratics in the axes: with Poisson counts, nuisances "
            "that change a signal, errors of two sides or a given cross-section minima are found, not proven"
        )
    places = np.array([list(each.place.values()) for each in minima]).reshape(-1, len(problem.shape))
    if not len(places):
        raise InputError("there are no minima to prove: give those that fit returns")
    parameters = problem.definition.parameters
    proof = proving.prove(problem.squares, problem.coordinates.axes, parameters.coordinates(places), delta_chi2)
    return _on_axes(proof, parameters)


def _on_axes(proof: Proof, parameters: ParameterMap) -> Proof:
    """Return a proof in coordinates as one on the axes: of an axis over g, its boxes are those of g^2."""
    if not any(parameters.squared):
        return proof
    roots = dict(zip(parameters.axes, parameters.squared, strict=True))
    boxes = tuple(
        {name: (_root(a), _root(b)) if roots[name] else (a, b) for name, (a, b) in box.items()} for box in proof.boxes
    )
    return replace(proof, boxes=boxes, missed=parameters.from_coordinates(proof.missed))


def _root(x: float) -> float:
    return math.sqrt(max(x, 0.0))


def fit_and_prove(problem: Problem, starts: Sequence[Mapping[str, float]]) -> tuple[list[Minimum], Proof | None]:
    """Return minima and what is proven of them, as `Scan.fit_and_prove` says."""
    names = [axis.name for axis in problem.definition.axes]
    minima, proof = fit(problem, starts), None
    if problem.squares is None:
        return minima, None
    known = list(starts)
    for _ in range(_MOST_PROOFS):
        proof = prove(problem, minima, proving.PROVEN_DELTA_CHI2)
        if not len(proof.missed):
            break
        known += [dict(zip(names, place, strict=True)) for place in proof.missed.tolist()]
        minima = fit(problem, known)
    return minima, proof


def spectra_at(problem: Problem, axis_values: Mapping[str, float]) -> list[Spectrum]:
    """Return data, signal and backgrounds of each channel at a point, as `Scan.spectra` says."""
    likelihood = polynomial_likelihood(problem, "a spectrum")
    return spectra(likelihood, problem.coordinates, problem.theta(**axis_values))


def joint(problem: Problem, starts: Sequence[Mapping[str, float]]) -> JointFit:
    """Return the best fit with its errors and correlations, as `Scan.joint_fit` says."""
    likelihood = polynomial_likelihood(problem, "a fit")
    return joint_fit(likelihood, problem.definition, fit(problem, starts)[0])
