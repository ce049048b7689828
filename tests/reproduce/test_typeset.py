"""Text of the report, as it is set."""

from __future__ import annotations

import pytest

from scanengine.reproduce.typeset import typeset


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "limit on eps_et_uV, eps_tt and eps_V",
            "limit on ε<sub>eτ</sub><sup>uV</sup>, ε<sub>ττ</sub> and ε<sup>V</sup>",
        ),
        ("eps_mm_dL", "ε<sub>μμ</sub><sup>dL</sup>"),
        ("nu_e, nu_mubar", "ν<sub>e</sub>, ν̅<sub>μ</sub>"),
        ("mu_nu in 10^-10 mu_B", "μ<sub>ν</sub> in 10<sup>−10</sup> μ<sub>B</sub>"),
        ("20Ne and 132Xe, 100 kg", "<sup>20</sup>Ne and <sup>132</sup>Xe, 100 kg"),
        ("|ε_eτ^qP| of ν̄_μ below T_max", "|ε<sub>eτ</sub><sup>qP</sup>| of ν̄<sub>μ</sub> below T<sub>max</sub>"),
        ("sin²θ_W, mu_tot", "sin²θ<sub>W</sub>, mu_tot"),
        ("sin2_theta_w", "sin<sup>2</sup>θ<sub>W</sub>"),
        ("Delta chi2 = 2.71 per cm^2", "Δχ<sup>2</sup> = 2.71 per cm<sup>2</sup>"),
        ("a < b & scans/nu_e.toml, my_nu_e, f{mu_nu}", "a &lt; b &amp; scans/<>.toml, my_nu_e, f{mu_nu}"),
    ],
)
def test_what_stands_for_symbols_is_set(text: str, wanted: str) -> None:
    assert typeset(text) == wanted.replace("<>", "ν<sub>e</sub>")


def test_markup_of_a_stranger_is_text() -> None:
    assert "\x1b" not in typeset("a\x1b[31m")
    assert typeset("<b>nu_e</b>") == "&lt;b&gt;ν<sub>e</sub>&lt;/b&gt;"
