"""Responses that are matrices: read from text and from HDF5, varied by nuisances, and what is wrong with them."""

from __future__ import annotations

from math import inf
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.testing import assert_allclose

from scanengine.definition import Definition, parse
from scanengine.errors import DefinitionError
from scanengine.inputs.response_matrix import ResponseMatrix
from scanengine.likelihood.counts import standard_model_counts
from scanengine.response.integrals import responses

pytestmark = pytest.mark.jit_only

ENERGIES = np.array([2.0, 5.0, 20.0, 60.0])
EDGES = (("light", np.array([0.0, 1.0, 4.0])), ("shape", np.array([0.0, 0.5, 1.0, 2.0])))
TEXT = """\
[source]
kind = "stopped-pion"
flux_per_cm2_s = 1.0e7
reference_distance_m = 20.0
[statistic]
kind = "poisson"
[[experiments]]
name = "A"
target = "Ar40"
mass_kg = 100.0
live_time_yr = 1.0
distance_m = 20.0
channels = { all = ["nu_e", "nu_mu"] }
backgrounds = [{ name = "flat", counts = { file = "flat.h5", dataset = "histogram", factor = 2.0 } }]
[experiments.response]
matrix = { glob = "mono_*_keV.h5", dataset = "histogram" }
[experiments.response.bins]
light = [0.0, 1.0, 4.0]
shape = [0.0, 0.5, 1.0, 2.0]
[experiments.data.counts]
file = "events.csv"
columns = ["light", "shape"]
[[nuisances]]
name = "yield"
[nuisances.matrix.A]
plus = { glob = "high_*_keV.h5", dataset = "histogram" }
minus = { file = "low.txt" }
"""
SHARES = np.random.default_rng(5).uniform(0.0, 0.15, (4, 2, 3))


def write(path: Path, histogram: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file["histogram"] = histogram


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for energy, shares in zip(ENERGIES, SHARES, strict=True):
        write(tmp_path / f"mono_{energy:.3f}_keV.h5", shares)
        write(tmp_path / f"high_{energy:.3f}_keV.h5", 1.1 * shares)
    write(tmp_path / "flat.h5", np.arange(1.0, 7.0).reshape(2, 3))
    np.savetxt(tmp_path / "low.txt", np.column_stack((ENERGIES, 0.8 * SHARES.reshape(4, 6))))
    (tmp_path / "events.csv").write_text(",light,shape\n0,0.5,0.7\n1,3.9,0.1\n2,3.0,0.2\n3,9.0,0.2\n")
    return tmp_path


def read(folder: Path, *edits: tuple[str, str]) -> Definition:
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return parse(text, directory=folder, require_axes=False)


def test_matrix_backgrounds_and_events_have_the_bins_of_all_quantities(folder: Path) -> None:
    experiment = read(folder).experiments[0]
    matrix = experiment.reconstruction
    assert isinstance(matrix, ResponseMatrix)
    assert matrix.T_keV.tolist() == ENERGIES.tolist()
    assert_allclose(matrix.table, SHARES.reshape(4, 6))
    assert experiment.binning.shape == (2, 3)
    assert list(experiment.binning.edges) == ["light", "shape"]
    assert experiment.backgrounds["flat"].tolist() == [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]
    assert experiment.data is not None
    assert experiment.data.tolist() == [0.0, 1.0, 0.0, 2.0, 0.0, 0.0]


def test_counts_are_the_spectrum_folded_with_the_matrix(folder: Path) -> None:
    found = read(folder)
    counts = standard_model_counts(found, responses(found))
    edges = np.linspace(2.0, 60.0, 1161)
    fine = read(folder, ("[experiments.response]\n", "[experiments.other]\n"), *ideal(edges))
    spectrum = standard_model_counts(fine, responses(fine))
    middle = 0.5 * (edges[1:] + edges[:-1])
    folded = [np.sum(spectrum * np.interp(middle, ENERGIES, column)) for column in SHARES.reshape(4, 6).T]
    assert_allclose(counts, folded, rtol=2e-5)


def ideal(edges: np.ndarray) -> list[tuple[str, str]]:
    """Edits that leave the experiment with bins of true recoil energy."""
    start, end = TEXT.index("backgrounds ="), TEXT.index("[[nuisances]]")
    middle = TEXT[start:end].replace("[experiments.response]\n", "[experiments.other]\n")
    bins = f"recoil_bins_keV = {edges.tolist()}\n"
    return [(middle, bins), (TEXT[end:], "")]


def test_a_matrix_in_text_is_the_same(folder: Path) -> None:
    np.savetxt(folder / "matrix.txt", np.column_stack((ENERGIES, SHARES.reshape(4, 6))))
    text = read(folder, ('{ glob = "mono_*_keV.h5", dataset = "histogram" }', '{ file = "matrix.txt" }'))
    one, other = text.experiments[0].reconstruction, read(folder).experiments[0].reconstruction
    assert isinstance(one, ResponseMatrix)
    assert isinstance(other, ResponseMatrix)
    assert_allclose(one.table, other.table)


def test_a_nuisance_varies_the_matrix(folder: Path) -> None:
    (nuisance,) = read(folder).nuisances
    (variation,) = nuisance.responses
    plus, minus = variation.plus.reconstruction, variation.minus.reconstruction
    assert isinstance(plus, ResponseMatrix)
    assert isinstance(minus, ResponseMatrix)
    assert_allclose(plus.table, 1.1 * SHARES.reshape(4, 6))
    assert_allclose(minus.table, 0.8 * SHARES.reshape(4, 6))


def test_shares_are_linear_between_energies_and_zero_beyond_them() -> None:
    matrix = ResponseMatrix(ENERGIES, SHARES.reshape(4, 6), EDGES)
    (argon,) = parse(
        TEXT[: TEXT.index("backgrounds =")] + "recoil_window_keV = [1, inf]\n", require_axes=False
    ).experiments[0].target.isotopes  # fmt: skip
    T = np.array([0.0, 1.99, 2.0, 3.5, 5.0, 59.9, 60.0, 60.1, 1e3])
    expected = np.array([np.interp(T, ENERGIES, column, left=0.0, right=0.0) for column in SHARES.reshape(4, 6).T])
    assert_allclose(matrix.shares(T, argon), expected, rtol=1e-12)
    assert not matrix.sees_any_recoil(argon)
    assert matrix.highest_keV(argon, inf) == 60.0


MONO = '{ glob = "mono_*_keV.h5", dataset = "histogram" }'


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ((MONO, '{ glob = "mono_1_keV.h5", dataset = "h" }'), "it must have one * in the file's name"),
        ((MONO, '{ glob = "none_*.h5", dataset = "h" }'), "experiments.A.response.matrix: there is no file none_*.h5"),
        ((MONO, '{ glob = "../*.h5", dataset = "h" }'), 'found "..", it must lie in the scan file\'s directory'),
        ((MONO, '{ glob = "{data}/*.h5", dataset = "h" }'), "in a data folder, and none is named"),
        ((MONO, '{ glob = "mono_*_keV.h5", dataset = "h" }'), 'there is no dataset "h"'),
        ((MONO, '{ glob = "mono_*.h5", dataset = "histogram" }'), 'found "2.000_keV", it must be a recoil energy'),
        ((MONO, '{ glob = "mono_*_keV.h5" }'), "experiments.A.response.matrix.dataset: it must be given with glob"),
        ((MONO, '{ file = "low.txt", glob = "*" }'), "found beside file: give only one of them"),
        ((MONO, '{ file = "events.csv" }'), "events.csv:2: found 3 columns, it must hold 7 numbers: recoil_keV, bin 1"),
        (("shape = [0.0, 0.5, 1.0, 2.0]", "shape = [0.0, 0.5, 1.0]"), "the bins are 2 x 2, the dataset has others"),
        (("shape = [0.0, 0.5, 1.0, 2.0]", "shape = [0.0]"), "experiments.A.response.bins.shape: found [0.0], it must"),
        (('{ file = "flat.h5", dataset = "histogram"', '{ file = "low.txt", dataset = "h"'), "cannot be read as HDF5"),
        (('plus = { glob = "high_*', 'plus = { glob = "hi_*'), "nuisances.yield.matrix.A.plus: there is no file hi_*"),
        (("[nuisances.matrix.A]", "[nuisances.matrix.B]"), 'nuisances.yield.matrix.B: unknown experiment "B"'),
        (("[nuisances.matrix.A]", "[nuisances.quenching.A]"), "the response of A is a matrix: vary it with matrix"),
        (("distance_m = 20.0\nch", 'distance_m = 20.0\nrecoils = ["electron"]\nch'), "which is one of nuclei"),
    ],
)  # fmt: skip
def test_faults(folder: Path, edit: tuple[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCANENGINE_DATA", raising=False)
    with pytest.raises(DefinitionError) as caught:
        read(folder, edit)
    assert expected in caught.value.faults[0].message


@pytest.mark.parametrize(("factor", "expected"), [(-1.0, "found shares from -0."), (10.0, "add up to 1 at most")])
def test_shares_are_probabilities(folder: Path, factor: float, expected: str) -> None:
    np.savetxt(folder / "low.txt", np.column_stack((ENERGIES, factor * SHARES.reshape(4, 6))))
    with pytest.raises(DefinitionError, match=expected):
        read(folder)
