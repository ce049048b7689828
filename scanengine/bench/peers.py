"""What scripts do instead: amplitudes, counts per channel and bin, chi2 summed over them; by NumPy and Numba, and by
what else is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from scanengine.api import Scan
from scanengine.grid.axes import FloatArray


@dataclass(frozen=True)
class _Count:
    """One bin of a channel: flavours, each whether it is nu_e with its integrals, and the Standard Model's events."""

    flavours: tuple[tuple[bool, tuple[float, float, float, float]], ...]
    expected: float


def peers(scan: Scan) -> Iterator[tuple[str, Callable[[], FloatArray]]]:
    """Yield the name and the chi2 of each peer on a scan's grid, whose axes are the parameters of `_term`, in order."""
    counts = _counts(scan)
    values = [axis.values for axis in scan.definition.axes]
    axes = np.meshgrid(*values, indexing="ij", sparse=True)
    yield "NumPy, broadcasting", lambda: np.asarray(sum(_term(count, *axes) for count in counts))
    by_numba, table, grid = _with_numba(), _table(counts), np.empty([v.size for v in values])

    def loop() -> FloatArray:
        by_numba(*table, *values, grid)
        return grid

    yield "Numba, a loop over points and bins", loop
    if find_spec("numexpr"):
        import numexpr

        names = ("u", "d", "et", "mu", "s2")
        expressions = [str(_term(count, *(_Text(name) for name in names))) for count in counts]
        numexpr.set_num_threads(1)
        arrays = dict(zip(names, axes, strict=True))
        yield "numexpr, one thread", lambda: np.asarray(sum(numexpr.evaluate(text, arrays) for text in expressions))
    if find_spec("jax"):
        import jax

        config: Any = jax.config
        config.update("jax_enable_x64", True)
        compiled = jax.jit(lambda *parameters: sum(_term(count, *parameters) for count in counts))
        yield "JAX, jit", lambda: np.asarray(compiled(*axes).block_until_ready())


def _counts(scan: Scan) -> list[_Count]:
    found: dict[tuple[str, str, int], list[tuple[bool, tuple[float, float, float, float]]]] = {}
    for response in scan.responses:
        for number, (pp, pn, nn, magnetic) in enumerate(response.integrals.tolist()):
            key = response.experiment, response.channel, number
            found.setdefault(key, []).append((response.flavour == "nu_e", (pp, pn, nn, magnetic)))
    s2 = scan.definition.physics.sin2_theta_w
    expected = [_excess(_Count(tuple(flavours), 0.0), 0.0, 0.0, 0.0, 0.0, s2) for flavours in found.values()]
    # no flavour of a channel reaches some of its bins
    return [_Count(tuple(flavours), n) for flavours, n in zip(found.values(), expected, strict=True) if n > 0.0]


def _excess(count: _Count, u: Any, d: Any, et: Any, mu: Any, s2: Any) -> Any:
    """Events above the Standard Model's; parameters as for `_term`."""
    excess = -count.expected
    for electron, (pp, pn, nn, magnetic) in count.flavours:
        g_p = 0.5 - 2.0 * s2
        p, n = (g_p + 2.0 * u + d, -0.5 + u + 2.0 * d) if electron else (g_p, -0.5)
        excess = (pp * p * p + 2.0 * pn * p * n + nn * n * n) + magnetic * mu * mu + excess
        if electron:
            excess = (pp + 4.0 * pn + 4.0 * nn) * et * et + excess
    return excess


def _term(count: _Count, u: Any, d: Any, et: Any, mu: Any, s2: Any) -> Any:
    """What a count adds to chi2 at eps_ee_uV, eps_ee_dV, eps_et_dV, mu_nu and sin2_theta_w, for arrays or whatever has
    their operators.

    With statistical errors alone, as in Kosmas et al. 2015, eq. 12.
    """
    excess = _excess(count, u, d, et, mu, s2)
    return excess * excess / count.expected


def _table(counts: Sequence[_Count]) -> tuple[FloatArray, FloatArray]:
    """Return the weak integrals of nu_e, of the other flavours, and the magnetic one of all (3 + 3 + 1, counts), and
    the expected events (counts,).
    """
    integrals = np.zeros((len(counts), 7))
    for row, count in zip(integrals, counts, strict=True):
        for electron, (pp, pn, nn, magnetic) in count.flavours:
            first = 0 if electron else 3
            row[first : first + 3] += pp, pn, nn
            row[6] += magnetic
    return np.ascontiguousarray(integrals.T), np.array([count.expected for count in counts])


@cache
def _with_numba() -> Any:
    """Return the loop as one would write it, compiled without restraint on the order of sums."""
    import numba

    @numba.njit(fastmath=True, error_model="numpy")
    def fill(
        integrals: FloatArray,
        expected: FloatArray,
        u: FloatArray,
        d: FloatArray,
        et: FloatArray,
        mu: FloatArray,
        s2: FloatArray,
        chi2: FloatArray,
    ) -> None:
        for i, j, k, m in np.ndindex(u.size, d.size, et.size, mu.size):
            for s in range(s2.size):
                g_p = 0.5 - 2.0 * s2[s]
                p, n = g_p + 2.0 * u[i] + d[j], -0.5 + u[i] + 2.0 * d[j]
                et_squared, mu_squared = et[k] * et[k], mu[m] * mu[m]
                total = 0.0
                for b in range(expected.size):
                    pp, pn, nn = integrals[0, b], integrals[1, b], integrals[2, b]
                    excess = pp * p * p + 2.0 * pn * p * n + nn * n * n + (pp + 4.0 * pn + 4.0 * nn) * et_squared
                    excess += integrals[3, b] * g_p * g_p - integrals[4, b] * g_p + 0.25 * integrals[5, b]
                    excess += integrals[6, b] * mu_squared - expected[b]
                    total += excess * excess / expected[b]
                chi2[i, j, k, m, s] = total

    return fill


@dataclass(frozen=True)
class _Text:
    """A formula as text, that grows with the operators applied to it."""

    text: str

    def __str__(self) -> str:
        return self.text

    def __add__(self, other: object) -> _Text:
        return _Text(f"({self} + {other})")

    def __radd__(self, other: object) -> _Text:
        return _Text(f"({other} + {self})")

    def __rsub__(self, other: object) -> _Text:
        return _Text(f"({other} - {self})")

    def __mul__(self, other: object) -> _Text:
        return _Text(f"({self} * {other})")

    def __rmul__(self, other: object) -> _Text:
        return _Text(f"({other} * {self})")

    def __truediv__(self, other: object) -> _Text:
        return _Text(f"({self} / {other})")
