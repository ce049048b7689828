"""All form factors that a scan file can name: each is known by its list, and travels."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from scanengine.definition import schema
from scanengine.inputs import form_factors
from scanengine.inputs.form_factors import KINDS, Kind, NuclearFormFactors
from scanengine_kernels import form_factors as kernels
from tests.inputs.form_factors.evaluated import AR40, F

CODES = {"unity": 0, "helm": 1, "klein-nystrand": 2, "symmetrised-fermi": 3, "tabulated": 4, "bcs": 5}
"""As results have been written with."""

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def made(kind: Kind) -> NuclearFormFactors:
    """By default, or with columns that fall from 1."""
    q = np.linspace(0.0, 2.0, 6)
    return kind.make(q, *[np.exp(-(q**2))] * (len(kind.columns) - 1)) if kind.columns else kind.make()


def test_each_file_has_its_kind_in_the_list() -> None:
    files = {path.stem for path in Path(form_factors.__path__[0]).glob("*.py")} - {"__init__", "form_factor"}
    assert {kind.name.replace("-", "_") for kind in KINDS} == files


@every_kind
def test_each_kind_has_its_code_and_is_one_at_rest(kind: Kind) -> None:
    for form_factor in made(kind)(AR40):
        assert form_factor.code == CODES[kind.name]
        assert F(form_factor, 0.0) == 1.0
    last = max(value for name, value in vars(kernels).items() if name.isupper() and isinstance(value, int))
    assert last == max(CODES.values())


@every_kind
def test_each_kind_travels_to_other_processes(kind: Kind) -> None:
    here, there = made(kind)(AR40), pickle.loads(pickle.dumps(made(kind)))(AR40)
    for one, other in zip(here, there, strict=True):
        assert (one.code, one.parameters.tolist(), one.q_max_invfm) == (
            other.code,
            other.parameters.tolist(),
            other.q_max_invfm,
        )


@every_kind
def test_the_schema_has_the_keys_of_each_kind(kind: Kind) -> None:
    (table,) = (table for table in schema()["$defs"].values() if table.get("description") == kind.summary)
    lengths, columns = {length.key for length in kind.lengths}, set(kind.columns)
    assert set(table["properties"]) == {"kind"} | lengths | columns | ({"file"} if columns else set())
    assert table["properties"]["kind"]["const"] == kind.name
    for length in kind.lengths:
        assert table["properties"][length.key].get("default") == length.default


def test_formulas_are_known_at_every_momentum_transfer() -> None:
    for kind in KINDS:
        if not kind.columns:
            assert all(form_factor.q_max_invfm == np.inf for form_factor in made(kind)(AR40))
