"""Keys with a value for each element or isotope: whose it is, and what is wrong in one sentence."""

from __future__ import annotations

import pytest

from scanengine.definition import Definition, parse
from scanengine.errors import DefinitionError
from scanengine.inputs.by_isotope import ByIsotope
from scanengine.inputs.quenching import PolynomialQuenching
from scanengine.inputs.reconstruction import Reconstruction
from tests.scan_files import SOURCE_TEXT

TEXT = f"""\
{SOURCE_TEXT}
[[experiments]]
name = "Ge"
target = "GeO2"
mass_kg = 1.0
live_time_yr = 1.0
distance_m = 20.0
channels = {{ all = ["nu_e"] }}
[experiments.response]
quenching = {{ Ge = 0.2, O = 0.3 }}
bins = [1.0, 3.0]
"""
BOTH = "{ Ge = 0.2, O = 0.3 }"


def read(old: str, new: str) -> Definition:
    assert old in TEXT
    return parse(TEXT.replace(old, new), require_axes=False)


def factors(scan: Definition) -> dict[str, float]:
    response = scan.experiments[0].reconstruction
    assert isinstance(response, Reconstruction)
    assert isinstance(response.quenching, ByIsotope)
    found = {}
    for isotope, quenching in response.quenching.each.items():
        assert isinstance(quenching, PolynomialQuenching)
        found[str(isotope)] = float(quenching.coefficients[1])
    return found


def test_an_isotope_has_its_own_value_or_that_of_its_element() -> None:
    found = factors(read(BOTH, "{ Ge = 0.2, Ge76 = 0.25, O = 0.3 }"))
    assert found["Ge76"] == 0.25
    assert found["Ge74"] == 0.2
    assert found["O16"] == found["O18"] == 0.3


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (BOTH, "{ Ge = 0.2 }", "quenching: found none for O16, O17 and O18: give one for each of Ge and O"),
        (BOTH, "{ Ge = 0.2, O = 0.3, Na = 0.1 }", 'quenching.Na: found "Na", of which the target has none'),
        (BOTH, "{ Ge = 0.2, O = -0.3 }", "quenching.O: found -0.3, it must be a positive number"),
        (BOTH, '{ Ge = { kind = "lindhard" }, O = 0.3 }', "quenching.Ge.k: missing, it must be given"),
        (
            BOTH,
            "{ Ge = 0.2, O = 0.3, O16 = 0.1, O17 = 0.1, O18 = 0.1 }",
            "quenching.O: each isotope of O has a value of its own: leave it out",
        ),
        ("bins", "light_yield_PE_per_keVee = { Ge = 3.0, O = 0 }\nbins", "light_yield_PE_per_keVee.O: found 0"),
        (BOTH, '"lindhard"', 'quenching: found "lindhard", it must be a table with its kind'),
        (BOTH, '{ Ge = "ge.csv", O = 0.3 }', "quenching.Ge.file: there is no file "),
        (
            "bins",
            "threshold_keVee = 2.0\nlight_yield_PE_per_keVee = { Ge = 3.0, O = 1.0 }\nbins",
            "threshold_keVee: found with a light yield for each element",
        ),
        (
            "bins",
            'resolution = { Ge = { kind = "poisson" }, O = { kind = "none" } }\nlight_yield_PE_per_keVee = 9\nbins',
            None,
        ),
        (
            "bins = [1.0, 3.0]",
            'resolution = { Ge = { kind = "poisson" }, O = { kind = "none" } }\nbins = [1.1, 1.3]',
            "found [1.1, 1.3], in which there is no whole number of photo-electrons",
        ),
    ],
)
def test_fault_is_one_sentence(old: str, new: str, words: str | None) -> None:
    if words is None:
        read(old, new)
        return
    with pytest.raises(DefinitionError) as caught:
        read(old, new)
    (fault,) = caught.value.faults
    assert words in str(fault)


def test_backgrounds_with_a_spectrum_need_one_light_yield() -> None:
    light = "light_yield_PE_per_keVee = { Ge = 3.0, O = 1.0 }\nbins"
    background = '[[experiments.backgrounds]]\nname = "b"\nspectrum = "constant"\nper_kg_day_keV = 1\n'
    with pytest.raises(DefinitionError, match=r"b\.spectrum: found with a light yield for each element"):
        parse(TEXT.replace("bins", light) + background, require_axes=False)


def test_quenching_varies_by_element_in_a_nuisance() -> None:
    nuisance = '[[nuisances]]\nname = "q"\nquenching = { Ge = { plus = { Ge = 0.21, O = 0.3 }, minus = 0.2 } }\n'
    (varied,) = parse(TEXT + nuisance, require_axes=False).nuisances[0].responses
    assert isinstance(varied.plus.reconstruction, Reconstruction)
    assert isinstance(varied.plus.reconstruction.quenching, ByIsotope)
