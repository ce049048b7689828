"""Symbols in pages."""

from __future__ import annotations

import pytest

from scanengine.explorer.typeset import html, runs
from scanengine.inputs.parameters import PARAMETERS


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("eps_et_dV", "ε<sub>eτ</sub><sup>dV</sup>"),
        ("sin2_theta_w", "sin<sup>2</sup>θ<sub>W</sub>"),
        ("mu_nu", "μ<sub>ν</sub>"),
        ("mu_nu_mubar", "μ<sub>ν̅μ</sub>"),
        ("r2_nu_e", "⟨r<sup>2</sup><sub>νe</sub>⟩"),
    ],
)
def test_symbols_of_parameters(name: str, wanted: str) -> None:
    assert html(PARAMETERS[name].symbol) == wanted


def test_every_symbol_is_set_without_commands() -> None:
    for parameter in PARAMETERS.values():
        text = "".join(run.text for run in runs(parameter.symbol))
        assert not set(text) & set("\\{}_^")


@pytest.mark.parametrize(("symbol", "wanted"), [("x_1^2", "x<sub>1</sub><sup>2</sup>"), ("a<b", "a&lt;b"), ("{", "")])
def test_others(symbol: str, wanted: str) -> None:
    assert html(symbol) == wanted
