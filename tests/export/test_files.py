"""Likelihood files: what is in them, and what is said of files that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanengine import InputError, export, load, read_likelihood
from scanengine.api import Scan
from scanengine.export.published import PublishedLikelihood
from tests.likelihood.test_constraints import FALLING_KNOWN, FLUX, scan_of
from tests.random_scans import random_scan
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PublishedLikelihood]:
    path = tmp_path_factory.mktemp("files") / "fig08.json"
    return path, load("scholberg2006/fig08").export(path)


MASS = "mediators.zp.mass_MeV"


def over_masses() -> Scan:
    """A Poisson likelihood with a nuisance over two parameters, at three masses of a mediator."""
    axes = {
        MASS: {"values": [3.0, 30.0, 300.0]},
        "g_zp": {"min": 0.0, "max": 4e-5, "points": 5},
        "eps_ee_uV": {"min": -0.3, "max": 0.3, "points": 5},
    }
    seen = experiment(recoil_window_keV=None, recoil_bins_keV=[10.0, 30.0, 100.0], data={"counts": [400.0, 240.0]})
    seen["channels"] = {"all": ["nu_e", "nu_mubar", "nu_mu"]}
    nuisances = [{"name": "flux", "width": 0.1, "signal": ["A"]}]
    mediators = {"zp": {"kind": "vector", "charges": "B-L", "mass_MeV": 30.0}}
    return Scan(definition([seen], axes, nuisances=nuisances, mediators=mediators, statistic="poisson"))


def fits(value: Any, schema: dict[str, Any], path: str = "$") -> None:
    """Fail unless a value is what a JSON schema says, of the keywords that ours uses."""
    known = {"$schema", "title", "description", "type", "properties", "required", "additionalProperties", "items"}
    known |= {"enum", "const", "minItems", "maxItems", "minimum", "exclusiveMinimum", "oneOf"}
    assert schema.keys() <= known, path
    if "oneOf" in schema:  # ours are told apart by the version
        schema = next(
            each for each in schema["oneOf"] if each["properties"]["format_version"]["const"] == value["format_version"]
        )
    assert value == schema.get("const", value), path
    assert value in schema.get("enum", [value]), path
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int}
    wanted = schema.get("type", [])
    names = [wanted] if isinstance(wanted, str) else wanted
    if names:
        assert any(
            isinstance(value, (int, float)) and not isinstance(value, bool)
            if name == "number"
            else isinstance(value, kinds[name])
            for name in names
        ), path
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", {})
        assert set(schema.get("required", ())) <= value.keys(), path
        for key, item in value.items():
            assert key in properties or others is not False, f"{path}.{key}"
            fits(item, properties.get(key, others), f"{path}.{key}")
    if isinstance(value, list):
        assert schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)), path
        for i, item in enumerate(value):
            fits(item, schema.get("items", {}), f"{path}[{i}]")
    if isinstance(value, (int, float)):
        assert value >= schema.get("minimum", value), path
        assert "exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"], path


def test_files_are_as_the_schema_says(published: tuple[Path, PublishedLikelihood], tmp_path: Path) -> None:
    fits(json.loads(published[0].read_text()), export.schema())
    other = Scan(scan_of([FLUX | {"width": [0.2, 0.1]}, FALLING_KNOWN], nonnegative=["falling"]))
    document = other.export(tmp_path / "other.json").document
    assert {"weights", "poisson", "nuisances", "pulls"} <= document.keys()
    fits(json.loads((tmp_path / "other.json").read_text()), export.schema())
    with pytest.raises(AssertionError, match="squares"):
        fits(document | {"squares": [["1"]]}, export.schema())


def test_a_file_of_an_outer_axis_has_a_likelihood_at_each_of_its_values(tmp_path: Path) -> None:
    scan = over_masses()
    written = scan.export(tmp_path / "list.json")
    fits(json.loads((tmp_path / "list.json").read_text()), export.schema())
    read = read_likelihood(tmp_path / "list.json")
    assert read.parameters == (MASS, "g_zp", "eps_ee_uV")
    assert read.outer == {MASS: (3.0, 30.0, 300.0)}
    for mass in read.outer[MASS]:
        at = {MASS: mass, "g_zp": 2e-5, "eps_ee_uV": 0.1}
        assert read.chi2(**at) == pytest.approx(scan.chi2(**at), rel=1e-11)
        assert read.pulls(**at) == pytest.approx({each.name: each.pull for each in scan.fit_at(**at).nuisances})
    assert read.minimum == min(each["minimum"] for each in written.document["likelihoods"])
    assert read.chi2() == pytest.approx(read.minimum, abs=1e-9)
    with pytest.raises(InputError, match=r"no likelihood at mediators\.zp\.mass_MeV = 31\.0: the nearest is 30\.0"):
        read.chi2(**{MASS: 31.0})
    short = written.document | {"likelihoods": written.document["likelihoods"][:2]}
    (tmp_path / "short.json").write_text(json.dumps(short))
    with pytest.raises(InputError, match="has 2 likelihoods for 3 values"):
        read_likelihood(tmp_path / "short.json")


def test_outer_axes_alone_have_no_polynomial(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"along mediators\.zp\.mass_MeV alone there is no polynomial"):
        Scan(over_masses().definition.at({"axes": {MASS: {"values": [3.0, 5.0]}}})).export(tmp_path / "none.json")


def test_a_file_has_best_fit_standard_model_and_definition(published: tuple[Path, PublishedLikelihood]) -> None:
    _, read = published
    scan = load("scholberg2006/fig08")
    assert read.minimum == pytest.approx(0.0, abs=1e-12)
    assert read.chi2(**read.document["standard_model"]) == pytest.approx(0.0, abs=1e-12)
    assert [minimum["chi2"] for minimum in read.document["minima"]] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert read.document["definition"] == scan.definition.text
    assert [p["spacing"] for p in read.document["parameters"]] == ["linear", "linear"]
    assert repr(read) == "PublishedLikelihood('" + scan.definition.title + "'; parameters: eps_ee_uV, eps_ee_dV)"


def test_bins_have_the_counts_of_the_scan() -> None:
    scan = Scan(random_scan(2, "poisson", most_axes=2).definition())
    axes = scan.definition.axes
    x = {axis.name: float(axis.values[1]) for axis in axes}
    variables = scan.likelihood.count_polynomials(axes, scan.definition.parameters)
    t = (np.array(list(x.values())) - variables.centre) / variables.half_width
    monomials = variables.monomials.values(t)
    summed: dict[tuple[str, str, float], float] = {}
    for each in scan.events(**x):
        key = each.experiment, each.channel, each.bin.energy[0]
        summed[key] = summed.get(key, 0.0) + each.counts
    listed: list[Any] = export.bins(scan.definition, scan.likelihood)
    found = {
        (each["experiment"], each["channel"], each["energy"][0]): float(
            np.dot(each["signal"], monomials[: len(each["signal"])])
        )
        for each in listed
    }
    assert found == pytest.approx(summed, rel=1e-10)


def test_logarithmic_axes_are_said_to_be(tmp_path: Path) -> None:
    scan = load("scholberg2006/fig08", 'axes.eps_ee_uV={min=0.01,max=1.0,points=31,spacing="log"}')
    document = scan.export(tmp_path / "log.json").document
    assert [p["spacing"] for p in document["parameters"]] == ["log", "linear"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no JSON", "not JSON"),
        ("[]", '"format" is not "scanengine-likelihood"'),
        ('{"format": "scanengine-likelihood", "format_version": 7}', "format version 7"),
        ('{"format": "scanengine-likelihood", "format_version": 1, "title": ""}', "has no 'best_fit'"),
    ],
)
def test_other_files_are_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(InputError, match=words):
        read_likelihood(tmp_path / "other.json")


def test_what_cannot_be_is_said(published: tuple[Path, PublishedLikelihood], tmp_path: Path) -> None:
    path, read = published
    with pytest.raises(InputError, match="'mu_nu' is no parameter of this likelihood: eps_ee_uV, eps_ee_dV are"):
        read.chi2(mu_nu=1.0)
    with pytest.raises(InputError, match="eps_ee_uV"):
        read.chi2(eps_ee_uV=float("nan"))
    with pytest.raises(InputError, match="cannot be read"):
        read_likelihood(tmp_path / "missing.json")
    scan = load("scholberg2006/fig08")
    with pytest.raises(InputError, match="exists: pass --overwrite"):
        scan.export(path)
    with pytest.raises(InputError, match=r"ends in \.json"):
        scan.export(tmp_path / "fig08.txt")
    with pytest.raises(InputError, match="no directory"):
        scan.export(tmp_path / "nowhere" / "fig08.json")
    with pytest.raises(InputError, match="an export needs the polynomial"):
        load("scholberg2006/fig08", 'physics.evaluation="direct"').export(tmp_path / "direct.json")
    assert [each.name for each in tmp_path.iterdir()] == []
