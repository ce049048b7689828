"""Names, units and symbols from files are drawn as they are, whatever they mean to matplotlib."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text

from scanengine import figures
from scanengine.figures import _text as text
from scanengine.figures._words import limits
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.intervals import Interval, Intervals
from scanengine.inputs.parameters import PARAMETERS

STRANGE = (
    *(r"$\frac{a}{$", r"$\frac{$ 100% _x ^", "$", "$$", "$x$", "a$b", r"\$", "\\", r"ends in \\", r"$\alpha$ \ $"),
    *("x_y^z", "{", "}", "<b>", "[red]", "%s {} {0}", ""),
    *("\x1b]0;x\x07", "two\nlines", "\u202e", "\U0001f600", "\u4e2d\u6587", "\u0627"),
)


def drawn(figure: Figure) -> list[str]:
    """All lines that a figure says, with the escapes of dollar signs undone as matplotlib does it."""
    figure.draw_without_rendering()
    texts = [each.get_text() for each in figure.findobj(Text)]
    return [line.replace(r"\$", "$") for text in texts for line in text.split("\n")]


@pytest.mark.parametrize("name", STRANGE)
def test_literal_text_is_drawn_as_its_characters(name: str) -> None:
    shown = text.literal(name).replace(r"\$", "$")
    assert not is_math_text(text.literal(name))
    figure = Figure()
    # before mathtext of ours its dollar signs, and a backslash at its end, are its own
    beside = figure.text(0.5, 0.5, f"{text.literal(name)} $x$ {text.literal(name)}$y$")
    boxes = MathTextParser("path").parse(beside.get_text(), 72)
    letters = "".join(chr(glyph[2]) for glyph in boxes.glyphs)
    if name.isascii() and name.isprintable() and name:
        assert shown.rstrip(" ") == name
        assert letters.replace(" ", "").count(name.replace(" ", "").replace("-", "\u2212")) == 2
    else:
        assert "\x1b" not in shown
        assert shown.isprintable()


SYMBOLS = (
    *(r"\frac{$", r"\frac{a}{", "x^", "x_", "{", "a}{b", "\\", "$", "x$ $y", r"\nosuch", "\x1b[31m", "x\ny"),
    *("\U0001f600", "x" * 1000, "{" * 5000, r"\hspace{1000}x", "x" * 190, r"\frac{1}{" * 9 + "2" + "}" * 9),
)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_symbol_that_cannot_be_drawn_gives_way_to_the_name(symbol: str) -> None:
    axis = Axis("eps_$x", np.linspace(-1.0, 1.0, 11), r"$\frac{", "", symbol)
    assert text.symbol(axis) == r"eps_\$x"
    grid = ReducedGrid((axis,), 30.0 * axis.values**2, 0.0, ("hidden_$",), (("held_$", 0.5),))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = figures.profile([("", grid)])
        said = drawn(picture)
    assert any(each.startswith("eps_$x") for each in said)


def test_a_symbol_is_drawn_as_mathtext() -> None:
    for name, parameter in PARAMETERS.items():
        axis = Axis(name, np.array([0.0, 1.0]), parameter.units, parameter.long_name, parameter.symbol)
        assert text.symbol(axis) == f"${parameter.symbol}$"
        assert text.label(axis).startswith(f"${parameter.symbol}$")
        assert text.symbol(replace(axis, symbol="")) == name


@pytest.mark.parametrize("symbol", ["", "x"])
@pytest.mark.parametrize("units", ["1", "1e-10 mu_B", "MeV$"])
@pytest.mark.parametrize(
    "intervals", [(), ((None, None),), ((None, 0.5),), ((-0.5, 0.5),), ((-0.5, -0.1), (0.2, None))]
)
def test_limits_can_be_drawn_with_any_symbol_and_units(
    symbol: str, units: str, intervals: tuple[tuple[float | None, float | None], ...]
) -> None:
    axis = Axis("a$b", np.linspace(-1.0, 1.0, 11), units, "", symbol)
    found = Intervals("a$b", 0.9, 1, 2.706, tuple(Interval(*each) for each in intervals))
    said = limits(found, axis)
    assert text.drawable(said) == said
    assert said.replace(r"\$", "").count("$") % 2 == 0


@pytest.mark.parametrize("label", [r"$\frac{$ and $", r"$\frac{$", r"\frac", "$x"])
def test_labels_that_are_no_mathtext_are_drawn_as_they_are(label: str) -> None:
    axis = Axis("x", np.linspace(-1.0, 1.0, 11))
    curve = ReducedGrid((axis,), 30.0 * axis.values**2, 0.0)
    line = figures.Line(axis.values, axis.values, label)
    for picture in (
        figures.profile([(label, curve), ("b", curve)]),
        figures.sheet([[figures.Panel((line,), label, label, label, levels=((0.5, label),))]], heading=[label]),
    ):
        assert any(label in each for each in drawn(picture))


BACKENDS = ("module://nosuch.backend", "nonsense", "agg")
SAVE = """
import os, sys
from scanengine import figures
import numpy as np
from scanengine.grid.axes import Axis
from scanengine.grid.profiles import ReducedGrid
axis = Axis("x", np.linspace(-1.0, 1.0, 11))
figures.save(figures.profile([("", ReducedGrid((axis,), axis.values**2, 0.0))]), sys.argv[1])
import matplotlib
print(os.environ["MPLBACKEND"], matplotlib.rcParams._get("backend"))
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_figures_are_saved_whatever_the_backend(tmp_path: Path, backend: str) -> None:
    target = tmp_path / "a.png"
    done = subprocess.run(
        [sys.executable, "-c", SAVE, target],
        env={**os.environ, "MPLBACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert target.exists()
    assert done.stdout.startswith(backend)  # what a notebook draws by itself is drawn as before
