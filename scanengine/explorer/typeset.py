"""Symbols of parameters, which are mathtext, as text with sub- and superscripts for pages."""

from __future__ import annotations

import re
from html import escape
from typing import NamedTuple

_LETTERS = {
    "varepsilon": "ε",
    "epsilon": "ε",
    "mu": "μ",
    "nu": "ν",
    "tau": "τ",
    "theta": "θ",
    "delta": "δ",
    "Delta": "Δ",
    "chi": "χ",
    "sigma": "σ",
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "kappa": "κ",
    "Lambda": "Λ",
    "phi": "φ",
    "langle": "⟨",
    "rangle": "⟩",
    "sin": "sin",
    "cos": "cos",
    "times": "×",
    "cdot": "·",
    "pm": "±",
    "prime": "′",
    ",": " ",
    ";": " ",
    " ": " ",
    "ell": "ℓ",
    "rm": "",
    "mathrm": "",
    "mathit": "",
    "text": "",
    "left": "",
    "right": "",
    "infty": "∞",
    "lambda": "λ",
    "eta": "η",
    "rho": "ρ",
    "pi": "π",
    "omega": "ω",
    "Omega": "Ω",
}
_BAR = "\N{COMBINING OVERLINE}"
_TOKEN = re.compile(r"\\([A-Za-z]+|.)\s*|([{}_^])|(.)", re.DOTALL)


class Run(NamedTuple):
    """A piece of a symbol: text on the line (""), below it ("sub") or above it ("sup")."""

    text: str
    kind: str


def runs(symbol: str) -> list[Run]:
    """Return mathtext, without dollar signs, in runs; what is below what is below stands beside it."""
    found: list[Run] = []
    depth, kind, closes = 0, "", -1
    bar = False
    pending = ""
    for command, structure, letter in _TOKEN.findall(symbol):
        if structure in {"_", "^"} and structure:
            if not kind:
                pending = "sub" if structure == "_" else "sup"
            continue
        if structure == "{":
            depth += 1
            if pending:
                kind, closes, pending = pending, depth, ""
            continue
        if structure == "}":
            if depth == closes:
                kind, closes = "", -1
            depth -= 1
            continue
        if command in {"bar", "overline"}:
            bar = True
            continue
        text = _LETTERS.get(command, command) if command else letter
        if text and bar:
            text, bar = text[0] + _BAR + text[1:], False
        if text:
            found.append(Run(text, pending or kind))
            pending = ""
    return _joined(found)


def html(symbol: str) -> str:
    """Return mathtext, without dollar signs, as HTML."""
    return "".join(f"<{kind}>{escape(text)}</{kind}>" if kind else escape(text) for text, kind in runs(symbol))


def _joined(found: list[Run]) -> list[Run]:
    joined: list[Run] = []
    for run in found:
        if joined and joined[-1].kind == run.kind:
            joined[-1] = Run(joined[-1].text + run.text, run.kind)
        else:
            joined.append(run)
    return joined
