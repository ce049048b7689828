"""Likelihood files, evaluated in plain Python and in JavaScript, against chi2 as it is defined and the scan's own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scanengine.export.reader as plain
from scanengine import export, read_likelihood
from scanengine.api import Scan
from scanengine.definition import Definition
from scanengine.inference.fitting import Minimum
from tests import naive
from tests.export.test_files import MASS, over_masses
from tests.likelihood.test_constraints import FALLING_KNOWN, FLAT_KNOWN, FLUX, TILT, by_definition, scan_of
from tests.random_scans import random_scan
from tests.scan_files import definition

pytestmark = pytest.mark.jit_only

Document = dict[str, Any]
NODE = shutil.which("node")
READER = Path(plain.__file__).with_suffix(".js")


def in_javascript(documents: Sequence[Document], points: Sequence[dict[str, float]], folder: Path) -> list[Any]:
    """chi2 and pulls of each document at its point."""
    if NODE is None:
        pytest.skip("no node: the reader in JavaScript is not run")
    (folder / "given.json").write_text(json.dumps(list(zip(documents, points, strict=True))))
    program = f"""
    const {{ minimised }} = require({json.dumps(str(READER))});
    const given = JSON.parse(require("fs").readFileSync({json.dumps(str(folder / "given.json"))}));
    console.log(JSON.stringify(given.map(([likelihood, x]) => minimised(likelihood, x))));
    """
    done = subprocess.run([NODE, "-e", program], capture_output=True, text=True, check=True, timeout=60)
    found: list[Any] = json.loads(done.stdout)
    return found


def document_of(scan: Scan) -> Document:
    """The likelihood, without a search for its minima."""
    place = {axis.name: float(axis.values[0]) for axis in scan.definition.axes}
    nowhere = Minimum(0.0, place, (), False, None, scan.fit_at(**place))
    return export.build(scan.definition, scan.likelihood, [nowhere], scan.standard_model)


def points_in(document: Document, number: int, seed: int = 1) -> list[dict[str, float]]:
    random = np.random.default_rng(seed)
    return [
        {p["name"]: float(random.uniform(p["min"], p["max"])) for p in document["parameters"]} for _ in range(number)
    ]


def exact(scan: Definition, x: dict[str, float]) -> float:
    """chi2 without nuisances by its definition, from the counts."""
    likelihood = Scan(scan).likelihood
    counts = likelihood.counts(scan.parameters.values([x[axis.name] for axis in scan.axes]))
    names = [cell.experiment for cell in likelihood.cells]
    if scan.statistic.kind == "poisson":
        return naive.poisson_chi2(counts.tolist(), likelihood.data.tolist())
    known = {experiment.name: experiment.systematic for experiment in scan.experiments}
    return naive.chi2(counts, likelihood.expected, np.array([known[name] for name in names]), names)


@pytest.mark.parametrize("kind", ["gaussian", "poisson"])
@pytest.mark.parametrize("seed", range(3))
def test_without_nuisances_it_is_the_chi2_of_its_definition(kind: str, seed: int, tmp_path: Path) -> None:
    scan = replace(random_scan(seed, kind, most_axes=3).definition(), nuisances=())
    document = document_of(Scan(scan))
    assert "nuisances" not in document
    points = points_in(document, 5, seed)
    for x, (found, _) in zip(points, (plain.minimised(document, x) for x in points), strict=True):
        assert found == pytest.approx(exact(scan, x), rel=1e-12, abs=1e-12)
        assert Scan(scan).chi2(**x) == pytest.approx(found, rel=1e-11, abs=1e-11)
    for x, each in zip(points, in_javascript([document] * 5, points, tmp_path), strict=True):
        assert each["chi2"] == pytest.approx(exact(scan, x), rel=1e-12, abs=1e-12)
        assert each["pulls"] == []


TWO_SIDED = [FLUX | {"width": [0.2, 0.1]}, FALLING_KNOWN | {"width": [0.1, 0.4]}, FLAT_KNOWN, TILT]
NUISANCES: dict[str, dict[str, Any]] = {
    "linear": {"nuisances": [FLUX, FALLING_KNOWN, FLAT_KNOWN], "kinds": ("gaussian", "gaussian")},
    "poisson": {"nuisances": [FLUX, FALLING_KNOWN, TILT]},
    "mixed": {"nuisances": [FLUX, FALLING_KNOWN], "kinds": ("gaussian", "poisson")},
    "mixed, log": {"nuisances": [FLUX | {"pull": "log"}, FALLING_KNOWN], "kinds": ("gaussian", "poisson")},
    "two sides": {"nuisances": TWO_SIDED},
    "correlated": {
        "nuisances": [FLUX, FALLING_KNOWN, FLAT_KNOWN],
        "correlations": [["flux", "falling", 0.6], ["falling", "flat", -0.7]],
    },
    "an empty bin": {
        "nuisances": [FLUX, FALLING_KNOWN],
        "data": {"A": [100.0, 52.0, 30.0, 0.0], "B": [30.0, 12.0, 0.0, 9.0]},
    },
    "not negative": {
        "nuisances": [FLUX, FALLING_KNOWN | {"width": 2.0}],
        "nonnegative": ["falling"],
        "data": {"A": [60.0, 30.0, 30.0, 22.0], "B": [30.0, 12.0, 6.0, 9.0]},
    },
}


@pytest.mark.parametrize("name", NUISANCES)
def test_nuisances_are_those_of_the_definition_and_chi2_is_least_over_them(name: str, tmp_path: Path) -> None:
    given = NUISANCES[name]
    scan = scan_of(**given)
    document = document_of(Scan(scan))
    assert [each["name"] for each in document["nuisances"]] == [each["name"] for each in given["nuisances"]]
    random = np.random.default_rng(3)
    points = points_in(document, 4)
    for x in points:
        theta = scan.parameters.values([x["eps_ee_uV"]])
        defined = by_definition(scan, theta, _data(scan))
        terms = plain.terms_at(document, x)
        for z in random.uniform(-0.3, 0.3, (4, len(scan.nuisances))):
            logs = [(v, each.width) for v, each in zip(z.tolist(), scan.nuisances, strict=True) if each.pull == "log"]
            expected = defined(z) + sum(naive.log_pull(v, width) - v**2 for v, width in logs)
            assert plain.chi2_at(document, terms, z.tolist())[0] == pytest.approx(expected, rel=1e-12)
        found, pulls = plain.minimised(document, x)
        assert found == pytest.approx(Scan(scan).chi2(**x), rel=1e-11)
        fitted = [each.pull for each in Scan(scan).fit_at(**x).nuisances]
        if "log" not in name:
            assert pulls == pytest.approx(fitted, abs=1e-6)
    for x, each in zip(points, in_javascript([document] * 4, points, tmp_path), strict=True):
        found, pulls = plain.minimised(document, x)
        assert each["chi2"] == pytest.approx(found, rel=1e-12)
        assert each["pulls"] == pytest.approx(pulls, abs=1e-9)


def test_readers_find_the_likelihood_at_an_outer_value(tmp_path: Path) -> None:
    scan = over_masses()
    document = scan.export(tmp_path / "list.json").document
    points = [{MASS: mass, "g_zp": 3e-5, "eps_ee_uV": -0.2} for mass in (3.0, 300.0)]
    in_python = [plain.minimised(document, x) for x in points]
    for x, (found, _) in zip(points, in_python, strict=True):
        assert found == pytest.approx(scan.chi2(**x), rel=1e-11)
    for each, (found, pulls) in zip(in_javascript([document] * 2, points, tmp_path), in_python, strict=True):
        assert each["chi2"] == pytest.approx(found, rel=1e-12)
        assert each["pulls"] == pytest.approx(pulls, abs=1e-9)


def _data(scan: Definition) -> dict[str, list[float]]:
    found = {}
    for experiment in scan.experiments:
        assert experiment.data is not None
        found[experiment.name] = experiment.data.tolist()
    return found


def test_derivatives_are_those_of_chi2() -> None:
    document = document_of(Scan(scan_of(**NUISANCES["mixed, log"])))
    terms = plain.terms_at(document, points_in(document, 1)[0])
    z, step = [0.2, -0.3], 1e-5
    _, first, bends = plain.chi2_at(document, terms, z)
    second = np.sum([bend * np.outer(slopes, slopes) for _, bend, slopes in bends], axis=0)
    for k in range(2):
        ahead, behind = ([v + sign * step * (j == k) for j, v in enumerate(z)] for sign in (1.0, -1.0))
        above, below = plain.chi2_at(document, terms, ahead), plain.chi2_at(document, terms, behind)
        assert first[k] == pytest.approx((above[0] - below[0]) / (2.0 * step), rel=1e-6)
        assert second[k] == pytest.approx((np.array(above[1]) - np.array(below[1])) / (2.0 * step), rel=1e-6)


@pytest.mark.parametrize("name", ["poisson", "mixed"])
def test_signals_that_are_huge_and_cancelled_by_their_normalisation(name: str, tmp_path: Path) -> None:
    scan = scan_of(**NUISANCES[name])
    wide = Scan(replace(scan, axes=(replace(scan.axes[0], values=np.array([-1e4, 0.0, 1e4])),)))
    document = document_of(wide)
    points = [{"eps_ee_uV": x} for x in (-7e3, 0.1, 1e4)]
    in_python = [plain.minimised(document, x)[0] for x in points]
    in_javascript_too = [each["chi2"] for each in in_javascript([document] * 3, points, tmp_path)]
    expected = [wide.chi2(**x) for x in points]
    assert in_python == pytest.approx(expected, rel=1e-7)
    assert in_javascript_too == pytest.approx(expected, rel=1e-7)


def test_shared_nuisances_add_up_before_the_minimum(tmp_path: Path) -> None:
    scan = Scan(scan_of(**NUISANCES["poisson"]))
    together = document_of(scan)
    apart = [document_of(scan.only(name)) for name in "AB"]
    x, z = points_in(together, 1)[0], {"flux": 0.4, "falling": -0.2, "tilt": 0.1}
    chi2 = []
    for document in (together, *apart):
        at = [z[each["name"]] for each in document["nuisances"]]
        chi2.append(plain.chi2_at(document, plain.terms_at(document, x), at)[0])
    assert chi2[1] + chi2[2] - z["flux"] ** 2 == pytest.approx(chi2[0], rel=1e-12)


def test_a_file_is_read_back(tmp_path: Path) -> None:
    scan = Scan(scan_of(**NUISANCES["poisson"]))
    written = scan.export(tmp_path / "A.json")
    read = read_likelihood(tmp_path / "A.json")
    assert read.document == written.document
    assert read.parameters == ("eps_ee_uV",)
    assert read.nuisances == ("flux", "falling", "tilt")
    (best, *_) = scan.fit()
    assert read.minimum == pytest.approx(best.chi2, rel=1e-9)
    assert read.chi2() == pytest.approx(best.chi2, rel=1e-9)
    assert read.chi2(eps_ee_uV=0.1) == pytest.approx(scan.chi2(eps_ee_uV=0.1), rel=1e-11)
    pulls = {each.name: each.pull for each in scan.fit_at(eps_ee_uV=0.1).nuisances}
    assert read.pulls(eps_ee_uV=0.1) == pytest.approx(pulls, abs=1e-6)


def test_a_coupling_whose_square_enters_is_given_as_it_is(tmp_path: Path) -> None:
    mediators = {"zp": {"kind": "vector", "mass_MeV": 30.0, "charges": "universal"}}
    axes = {
        "g_zp": {"min": 1e-6, "max": 1e-3, "points": 7, "spacing": "log"},
        "sin2_theta_w": {"min": 0.2, "max": 0.3, "points": 3},
    }
    scan = Scan(definition(mediators=mediators, axes=axes))
    document = document_of(scan)
    assert [p.get("squared", False) for p in document["parameters"]] == [True, False]
    points = [{"g_zp": g, "sin2_theta_w": s} for g, s in ((1e-6, 0.21), (5e-5, 0.23), (9e-4, 0.29))]
    found = [plain.minimised(document, x)[0] for x in points]
    assert found == pytest.approx([scan.chi2(**x) for x in points], rel=1e-9)
    assert found[0] != pytest.approx(found[2], rel=0.1)
    assert [each["chi2"] for each in in_javascript([document] * 3, points, tmp_path)] == pytest.approx(found, rel=1e-12)
