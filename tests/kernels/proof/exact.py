"""Sums of squared quadratic residuals in rational arithmetic, and families of them that break careless margins."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scanengine_kernels.minimise import Box, Residuals
from scanengine_kernels.proof.quadratics import Quadratics, bends_of, error_of, size_of
from tests.naive import FloatArray

LANES = 8


class Case(NamedTuple):
    """Residuals in a box."""

    residuals: Residuals
    box: Box


class KnownMinimum(NamedTuple):
    """A case whose minimum is known to 20 digits."""

    name: str
    case: Case
    minimum: Fraction


def known_minima() -> list[KnownMinimum]:
    """Return polynomials with their minima, found and proven in arithmetic of 40 digits."""
    found = []
    for each in json.loads(Path(__file__).with_name("minima.json").read_text(encoding="utf-8")):
        lower, upper = (np.array(each[end], dtype=np.float64) for end in ("lower", "upper"))
        n = lower.size
        parts = (np.array(each[name], dtype=np.float64) for name in ("c", "b", "A"))
        c, b, A = (part.reshape(-1, *shape) for part, shape in zip(parts, ((), (n,), (n, n)), strict=True))
        found.append(KnownMinimum(each["name"], Case(Residuals(c, b, A), Box(lower, upper)), Fraction(each["minimum"])))
    return found


def padded(residuals: Residuals) -> Residuals:
    """Return the residuals with more that are zero, so that their number is a multiple of eight."""
    more = -residuals.c.size % LANES
    c, b, A = (np.concatenate((part, np.zeros((more, *part.shape[1:])))) for part in residuals)
    return Residuals(c, b, np.ascontiguousarray(A))


def linear(residuals: Residuals) -> int:
    """Return how many of the last variables do not bend the residuals."""
    bent = np.flatnonzero(residuals.A.any(axis=(0, 2)))
    return int(residuals.b.shape[1] - (bent[-1] + 1 if bent.size else 0))


def error(case: Case) -> float:
    """Return e of Lemma 1."""
    b, A = np.ascontiguousarray(case.residuals.b.T), np.ascontiguousarray(case.residuals.A.transpose(1, 2, 0))
    return float(error_of(size_of(case.residuals.c, b, A, *case.box), b.shape[0], 0.0))


def quadratics(case: Case) -> Quadratics:
    """Return the residuals as the bounds take them."""
    residuals = padded(case.residuals)
    m = residuals.b.shape[1] - linear(residuals)
    A = np.ascontiguousarray(residuals.A[:, :m, :m].transpose(1, 2, 0))
    return Quadratics(residuals.c, np.ascontiguousarray(residuals.b.T), A, bends_of(A), error(case))


def exact_chi2(residuals: Residuals, x: FloatArray) -> Fraction:
    """Return the exact sum of squares of the stored coefficients at a stored point."""
    t = [Fraction(float(value)) for value in x]
    total = Fraction(0)
    for c, b, A in zip(residuals.c.tolist(), residuals.b.tolist(), residuals.A.tolist(), strict=True):
        r = Fraction(c)
        for i, each in enumerate(t):
            r += each * (Fraction(b[i]) + sum(Fraction(a) * other for a, other in zip(A[i], t, strict=True)))
        total += r * r
    return total


def generic(random: Any) -> Case:
    """Return residuals of order one in a random box."""
    n, K = int(random.integers(1, 5)), int(random.integers(1, 10))
    return _in_box(random, random.normal(size=K), random.normal(size=(K, n)), random.normal(size=(K, n, n)))


def nearly_opposite_slopes(random: Any) -> Case:
    """Return residuals with two slopes of up to 1e6 that nearly cancel, and a small one that decides."""
    n, K = int(random.integers(2, 5)), int(random.integers(2, 7))
    size = 10.0 ** random.uniform(3.0, 6.0)
    b = random.normal(size=(K, n))
    b[:, 1] = -b[:, 0] * size + random.normal(size=K)
    b[:, 0] *= size
    A = random.normal(size=(K, n, n)) * 10.0 ** random.uniform(-6.0, 0.0)
    c = random.normal(size=K)
    middle = random.uniform(-1.0, 1.0) * np.ones(n)
    width = 10.0 ** random.uniform(-8.0, 0.0)
    return _symmetric(c - b @ middle, b, A, np.clip(middle - width, -1.0, 1.0), np.clip(middle + width, -1.0, 1.0))


def scales_apart(random: Any) -> Case:
    """Return residuals of sizes from 1e-8 to 1e8."""
    case = generic(random)
    scale = 10.0 ** random.uniform(-8.0, 8.0, size=case.residuals.c.size)
    c, b, A = (part * scale.reshape(-1, *(1,) * (part.ndim - 1)) for part in case.residuals)
    return Case(Residuals(c, b, A), case.box)


def bent_valley(random: Any) -> Case:
    """Return residuals that are small along a bent line: y - a x^2 and little else."""
    K, n = 3, 2
    b, A = np.zeros((K, n)), np.zeros((K, n, n))
    size = 10.0 ** random.uniform(0.0, 4.0)
    b[0, 1], A[0, 0, 0] = size, -size * random.uniform(0.2, 1.0)
    b[1], A[2, 0, 0] = random.normal(size=n) * 1e-3, 1e-3
    return _in_box(random, np.array([0.0, random.normal(), random.normal()]), b, A)


FAMILIES: dict[str, Callable[[Any], Case]] = {
    "generic": generic,
    "nearly opposite slopes": nearly_opposite_slopes,
    "scales apart": scales_apart,
    "bent valley": bent_valley,
}


def _in_box(random: Any, c: FloatArray, b: FloatArray, A: FloatArray) -> Case:
    n = b.shape[1]
    middle, width = random.uniform(-1.0, 1.0, size=n), 10.0 ** random.uniform(-6.0, 0.0)
    width = width * random.choice([1.0, 1e-3, 0.0], p=[0.8, 0.1, 0.1], size=n)
    return _symmetric(c, b, A, np.clip(middle - width, -1.0, 1.0), np.clip(middle + width, -1.0, 1.0))


def _symmetric(c: FloatArray, b: FloatArray, A: FloatArray, lower: FloatArray, upper: FloatArray) -> Case:
    return Case(Residuals(c, b, 0.5 * (A + A.transpose(0, 2, 1))), Box(lower, upper))
