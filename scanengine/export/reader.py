"""chi2 of a likelihood file in plain Python: this file can be copied, it needs nothing but the standard library.

    likelihood = json.load(open("likelihood.json"))
    chi2, pulls = minimised(likelihood, {"sin2_theta_w": 0.23, ...})

docs/likelihood-files.md says what is evaluated; reader.js does the same in JavaScript.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, log1p, prod
from typing import Any, NamedTuple

WALL = 1e-5
"""A count without data falls this far below zero before chi2 rises by one."""


class Term(NamedTuple):
    """A square or a Poisson count at given parameters: its value at nominal nuisances, and its changes per standard
    deviation of each nuisance, above and below zero.
    """

    data: float | None
    weights: Sequence[float]
    nominal: float
    changes: list[tuple[float, float]]


Bend = tuple[float, float, list[float]]
"""The first and second derivative of a term of chi2 by its value, and that value's slopes by the nuisances."""

Derivatives = tuple[float, list[float], list[Bend]]


def likelihood_at(document: dict[str, Any], x: Mapping[str, float]) -> dict[str, Any]:
    """Return the likelihood of a file at values of its outer axes, by name; without such axes the file itself.

    Raises ValueError between these values, where there is none.
    """
    place = 0
    for axis in document.get("outer", []):
        values, wanted = axis["values"], x[axis["name"]]
        nearest = min(range(len(values)), key=lambda i: abs(values[i] - wanted))
        if abs(values[nearest] - wanted) > 1e-9 * abs(values[nearest]):
            raise ValueError(f"there is no likelihood at {axis['name']} = {wanted}: the nearest is {values[nearest]}")
        place = place * len(values) + nearest
    found: dict[str, Any] = document["likelihoods"][place] if "outer" in document else document
    return found


def terms_at(likelihood: dict[str, Any], x: Mapping[str, float]) -> list[Term]:
    """Return the terms of chi2 at parameters x, by name."""
    values = [x[p["name"]] ** (2 if p.get("squared") else 1) for p in likelihood["parameters"]]
    t = [(v - p["centre"]) / p["half_width"] for v, p in zip(values, likelihood["parameters"], strict=True)]
    monomials: list[float] = [prod(v**e for v, e in zip(t, powers, strict=True)) for powers in likelihood["exponents"]]
    nuisances = likelihood.get("nuisances", [])

    def value(row: list[float]) -> float:  # rows leave out the zeros they end in
        return sum((c * m for c, m in zip(row, monomials, strict=False)), 0.0)

    def changes(kind: str, i: int) -> list[tuple[float, float]]:
        return [(value(n["above"][kind][i]), value(n.get("below", n["above"])[kind][i])) for n in nuisances]

    squares, poisson = likelihood["squares"], likelihood.get("poisson", {"counts": []})
    weights = likelihood.get("weights", [(1.0, 1.0)] * len(squares))
    return [Term(None, weights[i], value(row), changes("squares", i)) for i, row in enumerate(squares)] + [
        Term(poisson["data"][i], (), value(row) + poisson["background"][i], changes("counts", i))
        for i, row in enumerate(poisson["counts"])
    ]


def term(mu: float, n: float | None, weights: Sequence[float]) -> tuple[float, float, float]:
    """Return what a square, or a count mu where n were seen, adds to chi2, and its first and second derivative."""
    if n is None:
        w = weights[0] if mu > 0.0 else weights[1]
        return w * mu * mu, 2.0 * w * mu, 2.0 * w
    if n == 0.0:
        below = min(mu, 0.0) / WALL
        return 2.0 * mu + below * below, 2.0 + 2.0 * below / WALL, 2.0 / WALL**2 if mu < 0.0 else 0.0
    if mu <= 0.0:
        return inf, 0.0, 0.0
    u = (mu - n) / n
    return 2.0 * n * (u - log1p(u)), 2.0 * (1.0 - n / mu), 2.0 * n / mu**2


def log_pull(z: float, width: float) -> tuple[float, float, float]:
    """Return 2 (y - ln(1 + y)) / width^2 at y = width z, and its first and second derivative by z."""
    y = width * z
    if y <= -1.0:
        return inf, 0.0, 0.0
    return 2.0 * (y - log1p(y)) / width**2, 2.0 * y / (1.0 + y) / width, 2.0 / (1.0 + y) ** 2


def chi2_at(
    likelihood: dict[str, Any], terms: list[Term], z: Sequence[float] = (), up: Sequence[bool] | None = None
) -> Derivatives:
    """Return chi2, its derivatives by the nuisances z, in standard deviations, and how each of its terms is bent.

    `up` says on which side of zero a nuisance is taken to be; by default where it is.
    """
    up = [v >= 0.0 for v in z] if up is None else up
    each = range(len(z))
    chi2, first, bends = 0.0, [0.0 for _ in each], []

    def add(found: tuple[float, float, float], slopes: Sequence[float]) -> None:
        nonlocal chi2
        chi2 += found[0]
        for k in each:
            first[k] += found[1] * slopes[k]
        bends.append((found[1], found[2], list(slopes)))

    for n, weights, nominal, changes in terms:
        slopes = [pair[0] if above else pair[1] for pair, above in zip(changes, up, strict=True)]
        add(term(nominal + sum(s * v for s, v in zip(slopes, z, strict=True)), n, weights), slopes)
    for row in likelihood.get("pulls", []):
        slopes = [*row, *[0.0] * (len(z) - len(row))]
        add(term(sum(s * v for s, v in zip(slopes, z, strict=True)), None, (1.0, 1.0)), slopes)
    for k, nuisance in enumerate(likelihood.get("nuisances", [])):
        if nuisance["pull"] == "log":
            add(log_pull(z[k], nuisance["width"]), [float(j == k) for j in each])
    return chi2, first, bends


def minimised(likelihood: dict[str, Any], x: Mapping[str, float]) -> tuple[float, list[float]]:
    """Return chi2 at parameters x, by name, minimised over the nuisances, and these in standard deviations.

    Of a file with outer axes, x has one of the values of each. By Newton's steps, which end where a nuisance with two
    sides changes its sign: chi2 has a kink there.
    """
    likelihood = likelihood_at(likelihood, x)
    terms = terms_at(likelihood, x)
    kinked = ["below" in n for n in likelihood.get("nuisances", [])]
    z, up, idle = [0.0] * len(kinked), [True] * len(kinked), 0
    for _ in range(500):
        at_kink = [k for k, v in enumerate(z) if kinked[k] and v == 0.0]
        rising, falling = (
            chi2_at(likelihood, terms, z, [side if k in at_kink else up[k] for k in range(len(z))])[1]
            for side in (True, False)
        )
        free = [k for k in range(len(z)) if k not in at_kink or rising[k] < 0.0 or falling[k] > 0.0]
        for k in at_kink:
            up[k] = -rising[k] >= falling[k]
        chi2, first, bends = chi2_at(likelihood, terms, z, up)
        step = newton(bends, free, len(z))
        while backwards := [k for k in free if k in at_kink and (step[k] < 0.0) == up[k] and step[k] != 0.0]:
            free = [k for k in free if k not in backwards]
            step = newton(bends, free, len(z))
        crossed = {k: -z[k] / step[k] for k in free if kinked[k] and z[k] * step[k] < 0.0 and abs(step[k]) > abs(z[k])}
        scale = min(crossed.values(), default=1.0)
        slope = sum(a * b for a, b in zip(first, step, strict=True))
        while scale > 1e-14:
            there = [0.0 if crossed.get(k) == scale else z[k] + scale * step[k] for k in range(len(z))]
            found = chi2_at(likelihood, terms, there, up)[0]
            if found <= chi2 + 1e-4 * scale * slope + 1e-13 * (1.0 + chi2):
                z = there
                idle = idle + 1 if chi2 - found <= 1e-10 * (1.0 + chi2) else 0
                break
            scale *= 0.5
        up = [v > 0.0 if v != 0.0 else up[k] for k, v in enumerate(z)]
        short = max(map(abs, step), default=0.0) < 1e-9 and -slope <= 1e-9 * (1.0 + chi2)
        if scale <= 1e-14 or (scale == 1.0 and short) or idle == 4:  # the last of steps that are rounding
            return chi2_at(likelihood, terms, z, up)[0], z
    raise ArithmeticError(f"no minimum over the nuisances was found at {dict(x)}")


def newton(bends: list[Bend], free: list[int], nuisances: int) -> list[float]:
    """Return the step of the free nuisances to where chi2, if it were quadratic, is least; zero for the others.

    The columns of slopes are made orthogonal one after the other: a sum of second derivatives would forget the pulls
    beside large effects that cancel each other.
    """
    weights = [second for _, second, _ in bends]
    goal = [first / second if second else 0.0 for first, second, _ in bends]
    columns = {k: [slopes[k] for _, _, slopes in bends] for k in free}
    straight = {k: sum(first * slopes[k] for first, second, slopes in bends if not second) for k in free}
    shares: dict[tuple[int, int], float] = {}
    reached: dict[int, float] = {}
    for i, k in enumerate(free):
        column = columns[k]
        square = sum(w * a * a for w, a in zip(weights, column, strict=True))
        straight[k] -= sum(shares[j, k] * straight[j] for j in free[:i])
        for m, other in [*((m, columns[m]) for m in free[i + 1 :]), (-1, goal)]:
            share = sum(w * a * b for w, a, b in zip(weights, column, other, strict=True)) / square
            other[:] = [b - share * a for a, b in zip(column, other, strict=True)]
            shares[k, m] = share
        reached[k] = shares[k, -1] + straight[k] / square
    step = [0.0] * nuisances
    for i, k in reversed(list(enumerate(free))):
        step[k] = -reached[k] - sum(shares[k, m] * step[m] for m in free[i + 1 :])
    return step
