"""form_factor = "bcs" in a scan file: its keys, and faults that say what to do."""

from __future__ import annotations

import pytest

from scanengine.definition import parse, schema
from scanengine.errors import DefinitionError
from scanengine.inputs.form_factors import NuclearFormFactors, bcs
from tests.definition.example import edited, faults_of


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"bcs"', bcs()),
        ('{ kind = "bcs" }', bcs()),
        ('{ kind = "bcs", b_fm = 1.8 }', bcs(b_fm=1.8)),
        ('{ kind = "bcs", rms_charge_fm = 3.1 }', bcs(rms_charge_fm=3.1)),
    ],
)
def test_each_form_is_what_it_says(written: str, meant: NuclearFormFactors) -> None:
    experiment = parse(edited(('"helm"', written))).experiments[0]
    (isotope,) = experiment.target.isotopes
    for found, expected in zip(experiment.form_factors(isotope), meant(isotope), strict=True):
        assert found.code == expected.code
        assert found.parameters.tolist() == expected.parameters.tolist()


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        (
            [('"helm"', '{ kind = "bcs", b_fm = 1.8, rms_charge_fm = 3.0 }')],
            "Ne.form_factor.rms_charge_fm: found b_fm and rms_charge_fm, give b_fm alone, or rms_charge_fm alone",
        ),
        ([('"helm"', '{ kind = "bcs", b_fm = -1.8 }')], "form_factor.b_fm: found -1.8, it must be a positive number"),
        (
            [('"helm"', '{ kind = "bcs", rms_charge = 3 }')],
            "form_factor.rms_charge: unknown key, the nearest known one is rms_charge_fm",
        ),
        ([('"helm"', '{ kind = "bcs", rms_charge_fm = 0.5 }')], "a charge radius of 0.5 fm is not above the proton's"),
        ([('"helm"', '"bsc"')], 'unknown form factor "bsc", the nearest known one is bcs'),
        ([('"helm"', '"bcs"'), ('"Ne20"', '"Ne26"')], "no charge radius of it is tabulated: give rms_charge_fm, or"),
        ([('"helm"', '"bcs"'), ('"Ne20"', '"Xe"')], "Z or N of Xe129, Xe131 is odd, it must be even"),
        ([('"helm"', '"bcs"'), ('"Ne20"', '"CsI"')], "Z or N of Cs133, I127 is odd, it must be even"),
        ([('"helm"', '"bcs"'), ('"Ne20"', '"He[4]"')], "no mass of Z = 0, N = 2 is tabulated"),
    ],
)
def test_fault_is_one_sentence(edits: list[tuple[str, str]], expected: str) -> None:
    (fault,) = faults_of(edited(*edits))
    assert expected in str(fault)


@pytest.mark.parametrize("name", ["Ar", "Xe[132]", "Ge[76]O[16]2"])
def test_elements_and_compounds_of_even_even_isotopes(name: str) -> None:
    assert faults_of_target(name) == []


def faults_of_target(name: str) -> list[str]:
    try:
        parse(edited(('"helm"', '"bcs"'), ('"Ne20"', f'"{name}"')))
    except DefinitionError as error:
        return [str(fault) for fault in error.faults]
    return []


def test_schema_has_the_kind_and_its_keys() -> None:
    table = schema()["$defs"]["BcsFormFactor"]
    assert set(table["properties"]) == {"kind", "b_fm", "rms_charge_fm"}
