"""Parameters and nuisances at a minimum, and their common covariance: postfit errors, correlations, impacts.

chi2 of parameters x and nuisances z has at its minimum the second derivatives H; their covariance is 2 H^-1. Where a
nuisance is moved by its own error s_k and everything else is fitted again, x moves by cov(x, z_k) / s_k: its impact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from scanengine.definition import Definition
from scanengine.grid.axes import Axis, FloatArray
from scanengine.inference.fitting import Minimum
from scanengine.likelihood.profiled import Likelihood

_STEP = 1e-3
"""Of an axis' length: counts are quadratic, so that differences are exact but for rounding."""


@dataclass(frozen=True, eq=False)
class JointFit:
    """A minimum of chi2 in `axes` and nuisances: `values` and `errors` (axes + nuisances,), one standard deviation
    each, of nuisances in their own standard deviations, and the `correlation` (axes + nuisances, axes + nuisances).

    `axes` are those along which chi2 has a parabola; the parameters in `held` were kept where they are.
    """

    axes: tuple[Axis, ...]
    nuisances: tuple[str, ...]
    held: tuple[str, ...]
    values: FloatArray
    errors: FloatArray
    correlation: FloatArray
    factors: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Of free nuisances, which have no standard deviations of their own, by what they multiply, with its error."""

    def impacts(self, axis: str) -> FloatArray:
        """Return by how much a parameter moves (nuisances,) where each nuisance is raised by its postfit error."""
        i = [each.name for each in self.axes].index(axis)
        return np.asarray(self.correlation[i, len(self.axes) :] * self.errors[i])


def joint_fit(likelihood: Likelihood, definition: Definition, minimum: Minimum) -> JointFit:
    """Return parameters and nuisances at a minimum with their covariance.

    Parameters at an end of their axis, and all of them where chi2 is no parabola, are held.
    """
    free = [k for k, axis in enumerate(definition.axes) if minimum.is_parabolic and axis.name not in minimum.at_edge]
    axes = tuple(definition.axes[k] for k in free)
    place = np.array([minimum.place[axis.name] for axis in definition.axes])
    theta = definition.parameters.values(place)
    (y,) = likelihood.profiled(theta[None]).z
    H = _second_derivatives(likelihood, definition, place, free, y)
    covariance = 2.0 * np.linalg.inv(H)
    scale = np.concatenate((np.ones(len(free)), likelihood.templates.steps))
    errors = np.sqrt(np.diag(covariance))
    x = np.array([nuisance.width for nuisance in likelihood.nuisances]) * likelihood.templates.steps
    factors = {
        nuisance.name: (1.0 + float(x[k] * y[k]), float(x[k] * errors[len(free) + k]))
        for k, nuisance in enumerate(likelihood.nuisances)
        if nuisance.free
    }
    return JointFit(
        axes,
        tuple(nuisance.name for nuisance in likelihood.nuisances),
        tuple(axis.name for axis in definition.axes if axis not in axes),
        np.concatenate((place[free], y)) * scale,
        errors * scale,
        covariance / np.outer(errors, errors),
        factors,
    )


def _second_derivatives(
    likelihood: Likelihood, definition: Definition, place: FloatArray, free: list[int], y: FloatArray
) -> FloatArray:
    """Return the second derivatives of chi2 by the free axes and the nuisances y, in steps of the templates."""
    templates, rows = likelihood.templates, likelihood.rows
    steps = np.zeros((len(free), place.size))
    for i, k in enumerate(free):
        values = definition.axes[k].values
        steps[i, k] = _STEP * float(values[-1] - values[0])
    length = steps.sum(axis=1)

    def counts(at: FloatArray) -> FloatArray:
        """Templates (templates, cells) at axis values."""
        return likelihood.templates_at(definition.parameters.values(at))

    weights = templates.weights(y)
    sides = np.where(y >= 0.0, np.arange(1, 1 + y.size), templates.below)
    here = counts(place)
    ahead, behind = np.array([counts(place + s) for s in steps]), np.array([counts(place - s) for s in steps])
    shape = (len(free), *here.shape)
    slopes = (ahead - behind).reshape(shape) / (2.0 * length)[:, None, None]
    N = weights @ here
    J = np.concatenate((np.einsum("t,itc->ic", weights, slopes), here[sides]))
    by_count = rows.slopes(N - rows.data)
    n = len(J)
    H = np.zeros((n, n))
    # how fast chi2 bends with each count
    poisson = np.concatenate((rows.seen, rows.empty))
    H += 2.0 * (J[:, poisson] * (rows.data[poisson] / N[poisson] ** 2)) @ J[:, poisson].T
    residuals, at = rows.residuals(J), rows.residuals(N - rows.data)
    H += 2.0 * (residuals * np.where(at > 0.0, 1.0, rows.below)) @ residuals.T
    # how counts bend with the parameters
    for i in range(len(free)):
        for j in range(i + 1):
            corners = [counts(place + a * steps[i] + b * steps[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            bent = weights @ (corners[0] - corners[1] - corners[2] + corners[3]) / (4.0 * length[i] * length[j])
            H[i, j] += by_count @ bent
            H[j, i] = H[i, j]
        mixed = slopes[i][sides] @ by_count
        H[i, len(free) :] += mixed
        H[len(free) :, i] += mixed
    logs = likelihood.log_widths
    pulls = likelihood.constraints.pulls[sides]
    own = np.diag(likelihood.pull_weights / (1.0 + logs * y) ** 2)
    H[len(free) :, len(free) :] += 2.0 * (own + pulls @ pulls.T)
    return H
