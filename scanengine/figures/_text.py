"""Text in figures: what is mathtext is drawn as that if matplotlib can, and all else as the characters that it is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.mathtext import MathTextParser

from scanengine.errors import escape, on_one_line
from scanengine.figures._style import FONT
from scanengine.grid.axes import Axis
from scanengine.inputs.parameters import PARAMETERS

UNIT_SYMBOLS = {"1e-10 mu_B": r"$10^{-10}\,\mu_\mathrm{B}$", "1e-32 cm^2": r"$10^{-32}\,\mathrm{cm}^2$"}

_SIZE = 9.0
_WIDEST, _HIGHEST = 144.0, 30.0
"""Points that a symbol may take at most."""
_LONGEST = 200


def literal(text: str) -> str:
    """Return text so that matplotlib draws its characters, with dollar signs; escapes for what is not in our font."""
    known = _glyphs()
    shown = "".join(each if ord(each) in known else escape(each) for each in on_one_line(text))
    # a backslash would take the dollar sign of what may follow
    return shown.replace("$", r"\$") + (" " if shown.endswith("\\") else "")


def drawable(text: str) -> str:
    """Return mathtext, in lines, as it is if matplotlib can draw it, and as literal text otherwise."""
    lines = text.split("\n")
    return "\n".join(line if _extent(line) else literal(line) for line in lines)


def symbol(axis: Axis) -> str:
    """Return an axis' symbol between dollar signs if it has one that can be drawn, its name otherwise."""
    math = f"${axis.symbol}$"
    if 0 < len(axis.symbol) <= _LONGEST and "$" not in axis.symbol and (extent := _extent(math)):
        width, height = extent
        if width <= _WIDEST and height <= _HIGHEST:
            return math
    return literal(axis.name)


def symbol_of(name: str, axes: Sequence[Axis] = ()) -> str:
    """Return how a parameter is written in running text: its symbol if it has one, its name otherwise."""
    for axis in axes:
        if axis.name == name:
            return symbol(axis)
    return f"${PARAMETERS[name].symbol}$" if name in PARAMETERS else literal(name)


def units(name: str) -> str:
    """Return units as they are drawn."""
    return UNIT_SYMBOLS.get(name) or literal(name)


def label(axis: Axis) -> str:
    """Return the label of an axis: the symbol with its units."""
    return symbol(axis) if axis.units == "1" else f"{symbol(axis)} [{units(axis.units)}]"


def label_of(name: str) -> str:
    """Return the label of an axis of which only the name is known."""
    drawn = symbol_of(name)
    return (
        drawn
        if name not in PARAMETERS or PARAMETERS[name].units == "1"
        else f"{drawn} [{units(PARAMETERS[name].units)}]"
    )


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(FONT)).get_charmap())


@cache
def _extent(text: str) -> tuple[float, float] | None:
    """Return width and height of a line of mathtext, or None if it cannot be drawn."""
    if not text.isprintable() or any(ord(each) not in _glyphs() for each in text):
        return None
    try:
        parsed = MathTextParser("path").parse(text, 72, FontProperties(size=_SIZE, math_fontfamily="stix"))
    except Exception:  # noqa: BLE001  (a stranger's text: whatever ails it)
        return None
    return float(parsed.width), float(parsed.height + parsed.depth)
