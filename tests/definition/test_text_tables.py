"""Tables as other programs write them: read to the same numbers, or refused in a sentence that says what to write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scanengine.definition import Definition, parse
from scanengine.errors import DefinitionError
from scanengine.inputs.acceptances import PiecewiseLinear
from scanengine.inputs.quenching import TabulatedQuenching
from scanengine.inputs.reconstruction import Reconstruction
from tests.definition.example import edited

KEY = 'efficiency = "eff.csv"'


def scan(folder: Path, content: bytes, key: str = KEY) -> Definition:
    (folder / "eff.csv").write_bytes(content)
    return parse(edited(("efficiency = 0.8", key)), directory=folder)


def fault(folder: Path, content: bytes, key: str = KEY) -> str:
    with pytest.raises(DefinitionError) as caught:
        scan(folder, content, key)
    (found,) = caught.value.faults
    return found.message


SAME: dict[str, bytes | tuple[bytes, str]] = {
    "plain": b"5 0\n10.5 0.25\n20 1\n",
    "semicolons": b"5;0.0\n10.5 ; 0.25\n2e1;1\n",
    "Latin-1 in comments": "# Wirkungsgrad f\u00fcr Xe\n5 0.0\n10.5 0.25 # 5 \u00b5s\n2e1 1\n".encode("latin-1"),
    "tabs, CRLF and a mark": "\ufeff# \u03b5\r\n5\t0.0\r\n10.5\t0.25\r\n2e1\t1\r\n".encode(),
    "header": b"recoil energy,efficiency at it\n5,0\n10.5,0.25\n20,1\n",
    "header with blanks": b"E (keV) eff\n5 0\n10.5 0.25\n20 1\n",
    "header of other order": b"efficiency;recoil_keV\n0;5\n0.25;10.5\n1;20\n",
    "Excel, German": b"Energie;Effizienz\r\n5;0\r\n10,5;0,25\r\n20;1\r\n",
    "Excel, separator and empty cells": b"sep=;\r\nE;eff;;\r\n5;0;;\r\n10,5;0,25;;\r\n20;1;;\r\n;;;\r\n",
    "Excel, Unicode text": "E\teff\r\n5\t0\r\n10,5\t0,25\r\n20\t1\r\n".encode("utf-16"),
    "decimal commas between blanks": b"5 0\n10,5 0,25\n20 1\n",
    "quoted": b'"E","eff"\n"5","0"\n"10,5","0,25"\n"20","1"\n',
    "WebPlotDigitizer": b"5, 0\n10.5, 0.25\n20, 1\n",
    "WebPlotDigitizer, all data": b"Default Dataset,\nX,Y\n5,0\n10.5,0.25\n20,1\n",
    "per cent signs": b"5;0%\n10,5;25 %\n20;100%\n",
    "per cents": (b"5 0\n10.5 25\n20 100\n", '{ file = "eff.csv", per_cent = true }'),
    "chosen columns": (
        b"n,E,eff,error\n1,5,0,0\n2,10.5,0.25,0.1\n3,20,1,0\n",
        '{ file = "eff.csv", columns = ["E", "eff"] }',
    ),
    "named columns": (
        b"1 5 0\n2 10.5 0.25\n3 20 1\n",
        '{ file = "eff.csv", columns = ["n", "recoil_keV", "efficiency"] }',
    ),
    "a page's signs": "5 0\n10.5 +0.25\n20\u00a01\n".encode(),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_table_is_read_in_every_form(name: str, tmp_path: Path) -> None:
    given = SAME[name]
    content, value = given if isinstance(given, tuple) else (given, '"eff.csv"')
    efficiency = scan(tmp_path, content, f"efficiency = {value}").experiments[0].efficiency
    assert_array_equal(efficiency.T_keV, [5.0, 10.5, 20.0])
    assert_array_equal(efficiency.values, [0.0, 0.25, 1.0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b"5,0,0,1\n6,0,0,2\n",
            "found 4 columns, it must hold 2 numbers: recoil_keV, efficiency; if commas",
        ),
        (b"5;0,1\n6;0.2\n", "found decimal commas in line 1 and points in line 2: use one of them"),
        (b"1.234,5;0\n", 'eff.csv:1: found "1.234,5", it must hold 2 numbers'),
        (b"E,eff,error\n1,0,0\n", 'found the columns "E", "eff" and "error": say which are recoil_keV and efficiency'),
        (b"A,,B,\nX,Y,X,Y\n1,0,2,0\n", 'found the columns "X", "Y", "X" and "Y"'),
        (b"recoil_keV,efficiency,efficiency\n1,0,0\n", 'its header has "efficiency" twice: keep one table in a file'),
        (b"5 1\n4 0.5\n", "found recoil_keV = 4 after 5, it must increase from 0 or above: sort the rows"),
        (
            b"5 1\n6 50\n",
            "found efficiency = 50, it must lie in [0, 1]; for per cent, write",
        ),
        (b"E eff\nkeV per cent\n", "found no numbers, it must hold lines of 2 numbers: recoil_keV, efficiency"),
        (b"PK\x03\x04\x00", "eff.csv is a workbook, not text: save its sheet as CSV"),
        ("5 0\n6 1\n".encode("utf-16-be"), "eff.csv is not a text file: it has null bytes; save it as UTF-8 text"),
        (b"5 0\n6 nan\n", 'eff.csv:2: found "nan", it must hold 2 numbers'),
    ],
)
def test_what_is_not_read_is_told_with_what_to_write(content: bytes, words: str, tmp_path: Path) -> None:
    assert words in fault(tmp_path, content)


def test_columns_that_are_not_in_the_header(tmp_path: Path) -> None:
    told = fault(tmp_path, b"E,eff\n1,0\n", 'efficiency = { file = "eff.csv", columns = ["E", "epsilon"] }')
    assert 'there must be one named recoil_keV; its header has "E" and "eff"' in told


RESPONSE = """\
[[experiments]]
name = "real"
target = "NaI"
mass_kg = 1.0
live_time_yr = 1.0
distance_m = 20.0
[experiments.response]
quenching = { Na = "na.csv", I = { file = "i.csv", columns = ["E", "QF"], per_cent = true } }
efficiency = "eff.csv"
bins = [0.5, 1.0, 2.0]
[[experiments.backgrounds]]
name = "b"
counts = "b.csv"
[experiments.data]
counts = { file = "d.csv", columns = ["energy", "counts"] }
[axes]
"""


def test_a_path_alone_is_a_table_everywhere(tmp_path: Path) -> None:
    files = {
        "na.csv": "recoil_keV,factor\n10,0.1\n30,0.2\n",
        "i.csv": "QF;E\n5;10\n9,5;30\n",
        "eff.csv": "0.5 0.2\n1.0 0.9\n",
        "b.csv": "0.7,3\n1.5,4\n",
        "d.csv": "counts,energy\n8,0.7\n9,1.5\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    found = parse(edited(("[axes]\n", RESPONSE)), directory=tmp_path).experiments[-1]
    response = found.reconstruction
    assert isinstance(response, Reconstruction)
    sodium, iodine = (response.quenching.each[isotope] for isotope in found.target.isotopes)  # type: ignore[union-attr]
    assert isinstance(sodium, TabulatedQuenching)
    assert isinstance(iodine, TabulatedQuenching)
    assert_array_equal(sodium.factors, [0.1, 0.2])
    np.testing.assert_allclose(iodine.factors, [0.05, 0.095], rtol=1e-15)
    assert isinstance(response.efficiency, PiecewiseLinear)
    assert_array_equal(found.backgrounds["b"], [3.0, 4.0])
    assert found.data is not None
    assert_array_equal(found.data, [8.0, 9.0])


def test_paths_of_form_factors_and_spectra(tmp_path: Path) -> None:
    (tmp_path / "ff.txt").write_text("q_invfm;F_p;F_n\n0;1;1\n1;0,9;0,8\n3;0,7;0,6\n5;0,5;0,4\n")
    (tmp_path / "flux.txt").write_text("0 0\n30 1e6\n50 0\n")
    text = edited(
        ('form_factor = "helm"', 'form_factor = "ff.txt"'),
        ('kind = "stopped-pion"\nflux_per_cm2_s = 1.0e7\n', 'kind = "tabulated"\n'),
        (
            "[physics]",
            '[source.spectra]\nnu_e = "flux.txt"\nnu_mu = "flux.txt"\nnu_mubar = ["flux.txt", "flux.txt"]\n[physics]',
        ),
    )
    found = parse(text, directory=tmp_path)
    assert found.experiments[0].form_factors(found.experiments[0].target.isotopes[0])[0].q_max_invfm == 5.0
    assert found.source.spectra["nu_mubar"].total_per_cm2_s == 2.0 * found.source.spectra["nu_e"].total_per_cm2_s
