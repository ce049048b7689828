"""F = 1."""

from __future__ import annotations

from scanengine.inputs.form_factors import unity
from tests.inputs.form_factors.evaluated import AR40, F


def test_unity_is_one_everywhere() -> None:
    for made in unity()(AR40):
        assert [F(made, q) for q in (0.0, 0.3, 50.0)] == [1.0, 1.0, 1.0]
