"""What scripts do instead: amplitudes by broadcasting, counts per channel, chi2 summed; by NumPy, and by what else is
installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from scanengine.api import Scan
from scanengine.grids import FloatArray


@dataclass(frozen=True)
class _Channel:
    """One count: its flavours, each whether it is nu_e with its integrals, and its events in the Standard Model."""

    flavours: tuple[tuple[bool, tuple[float, float, float, float]], ...]
    expected: float


def peers(scan: Scan) -> Iterator[tuple[str, Callable[[], FloatArray]]]:
    """Yield the name and the chi2 of each peer on a scan's grid, whose axes are the parameters of `_chi2`, in order."""
    channels = _channels(scan)
    axes = np.meshgrid(*(axis.values for axis in scan.definition.axes), indexing="ij", sparse=True)
    yield "NumPy, broadcasting", lambda: np.asarray(_chi2(channels, *axes))
    if find_spec("numexpr"):
        import numexpr

        names = ("u", "d", "et", "mu", "s2")
        expression = str(_chi2(channels, *(_Text(name) for name in names)))
        numexpr.set_num_threads(1)
        arrays = dict(zip(names, axes, strict=True))
        yield "numexpr, one thread", lambda: np.asarray(numexpr.evaluate(expression, arrays))
    if find_spec("jax"):
        import jax

        jax.config.update("jax_enable_x64", True)
        compiled = jax.jit(lambda *parameters: _chi2(channels, *parameters))
        yield "JAX, jit", lambda: np.asarray(compiled(*axes).block_until_ready())


def _channels(scan: Scan) -> list[_Channel]:
    found: dict[tuple[str, str], list[tuple[bool, tuple[float, float, float, float]]]] = {}
    for response in scan.responses:
        pp, pn, nn, magnetic = response.integrals.sum(axis=0).tolist()
        key = response.experiment, response.channel
        found.setdefault(key, []).append((response.flavour == "nu_e", (pp, pn, nn, magnetic)))
    expected = dict.fromkeys(found, 0.0)
    for event in scan.events():
        expected[event.experiment, event.channel] += event.counts
    return [_Channel(tuple(flavours), expected[key]) for key, flavours in found.items()]


def _chi2(channels: list[_Channel], u: Any, d: Any, et: Any, mu: Any, s2: Any) -> Any:
    """chi2 of eps_ee_uV, eps_ee_dV, eps_et_dV, mu_nu and sin2_theta_w, for arrays or whatever has their operators.

    With statistical errors alone and one bin per channel, as in Kosmas et al. 2015, eq. 12.
    """
    total = 0.0
    for channel in channels:
        excess = -channel.expected
        for electron, (pp, pn, nn, magnetic) in channel.flavours:
            g_p = 0.5 - 2.0 * s2
            p, n = (g_p + 2.0 * u + d, -0.5 + u + 2.0 * d) if electron else (g_p, -0.5)
            excess = (pp * p * p + 2.0 * pn * p * n + nn * n * n) + magnetic * mu * mu + excess
            if electron:
                excess = (pp + 4.0 * pn + 4.0 * nn) * et * et + excess
        total = excess * excess / channel.expected + total
    return total


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
