"""Data files that a scan file names: columns of numbers, whose faults name the file and its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from scanengine.definition import read
from scanengine.errors import DefinitionError
from tests.definition.example import edited


def scan(folder: Path, *edits: tuple[str, str]) -> Path:
    path = folder / "scan.toml"
    path.write_text(edited(*edits))
    return path


def tabulated(spectra: str, *lines: str) -> tuple[str, str]:
    return (
        'kind = "stopped-pion"\nflux_per_cm2_s = 1.0e7\n',
        "\n".join(('kind = "tabulated"', *lines, f"spectra = {{ {spectra} }}", "")),
    )


SPECTRUM = '{ file = "flux.txt" }'
ALL = ", ".join(f"{flavour} = {SPECTRUM}" for flavour in ("nu_e", "nu_mu", "nu_mubar"))


def test_efficiency_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "eff.csv").write_text("# keV, efficiency\n5, 0.0\n\n 10.5,0.25 # half way\n2e1, 1\n")
    efficiency = read(scan(tmp_path, ("= 0.8", '= { file = "eff.csv" }'))).experiments[0].efficiency
    assert_array_equal(efficiency.T_keV, [5.0, 10.5, 20.0])
    assert_array_equal(efficiency.values, [0.0, 0.25, 1.0])


def test_form_factor_from_a_file(tmp_path: Path) -> None:
    q = np.linspace(0.0, 2.0, 41)
    np.savetxt(tmp_path / "f.txt", np.column_stack((q, np.exp(-(q**2)), np.exp(-2.0 * q**2))), header="q F_p F_n")
    experiment = read(scan(tmp_path, ('"helm"', '{ kind = "tabulated", file = "f.txt" }'))).experiments[0]
    proton, neutron = experiment.form_factors(experiment.target.isotopes[0])
    assert proton.q_max_invfm == neutron.q_max_invfm == 2.0


def test_absolute_spectra(tmp_path: Path) -> None:
    (tmp_path / "flux.txt").write_text("0 0\n10 2e5\n20 2e5\n30 0\n40 0\n50 0\n")
    spectrum = read(scan(tmp_path, tabulated(ALL))).source.spectra["nu_e"]
    assert spectrum.E_max_MeV == 30.0
    E = np.array([5.0, 15.0, 25.0])
    values = [np.polynomial.polynomial.polyval(e, spectrum.coefficients[i]) for i, e in enumerate(E)]
    assert_allclose(values, [1e5, 2e5, 1e5], rtol=1e-12)


def test_spectra_scaled_to_a_total(tmp_path: Path) -> None:
    inline = "nu_e = { E_MeV = [0, 10, 60], flux = [0, 3, 0] }, nu_mu = { E_MeV = [0, 50], flux = [1, 1] }"
    spectra = read(
        scan(
            tmp_path,
            tabulated(inline, "flux_per_cm2_s = 5.0e6"),
            ('["nu_e", "nu_mubar"]', '["nu_e"]'),
            ('["nu_e", "nu_mubar", "nu_mu"]', '["nu_e", "nu_mu"]'),
        )
    ).source.spectra
    assert_allclose(spectra["nu_mu"].coefficients[0], [1.0e5, 0.0, 0.0, 0.0])
    assert_allclose(spectra["nu_e"].coefficients[0][1] * 10.0, 5.0e6 / 30.0)


CHROMIUM_51 = "{ line_MeV = [0.7465, 0.7518, 0.4265, 0.4318], flux_per_cm2_s = [80.95, 8.49, 9.49, 0.99] }"


def test_lines_and_points_of_a_flavour_are_added_up_and_scaled_together(tmp_path: Path) -> None:
    components = f"nu_e = [{{ E_MeV = [0, 10, 60], flux = [0, 3, 0] }}, {CHROMIUM_51}]"
    spectra = f"{components}, nu_mu = {{ line_MeV = [235.5], flux_per_cm2_s = [3.0] }}"
    channels = ('["nu_e", "nu_mubar"]', '["nu_e"]'), ('["nu_e", "nu_mubar", "nu_mu"]', '["nu_e", "nu_mu"]')
    absolute = read(scan(tmp_path, tabulated(spectra), *channels)).source.spectra
    assert absolute["nu_e"].lines.tolist() == [[0.7465, 80.95], [0.7518, 8.49], [0.4265, 9.49], [0.4318, 0.99]]
    assert_allclose(absolute["nu_e"].total_per_cm2_s, 90.0 + 99.92, rtol=1e-14)
    assert (absolute["nu_mu"].E_max_MeV, absolute["nu_mu"].total_per_cm2_s) == (235.5, 3.0)
    scaled = read(scan(tmp_path, tabulated(spectra, "flux_per_cm2_s = 1.0e6"), *channels)).source.spectra
    assert_allclose([each.total_per_cm2_s for each in scaled.values()], 1.0e6, rtol=1e-14)
    assert_allclose(scaled["nu_e"].lines[:, 1], absolute["nu_e"].lines[:, 1] * 1.0e6 / 189.92, rtol=1e-14)


FAULTS = {
    "1 0\n2 0.5 0.5\n": "eff.txt:2: found 3 columns, it must hold 2 numbers: recoil_keV, efficiency",
    "1\n2 0.5": "eff.txt:1: found 1 column, it must hold 2 numbers: recoil_keV, efficiency",
    "1 0.5\nkeV eff": 'eff.txt:2: found "keV", it must hold 2 numbers: recoil_keV, efficiency; comments begin with #',
    "# keV\n1 0.5\n2 nan": 'eff.txt:3: found "nan", it must hold 2 numbers',
    "1 0.5\n2 1e999": 'eff.txt:2: found "1e999", it must hold 2 numbers',
    "1,0.5\n2,,": "eff.txt:2: found 1 column",
    "1,0.5\n,2": 'eff.txt:2: found ""',
    "1 0.5\n\n3 0.5\n2 0.5": "eff.txt:4: found recoil_keV = 2 after 3, it must increase from 0 or above",
    "-1 0.5\n2 0.5": "eff.txt:1: found recoil_keV = -1, it must increase from 0 or above",
    "1 0.5\n2 1.5": "eff.txt:2: found efficiency = 1.5, it must lie in [0, 1]",
    "# nothing\n": "eff.txt: found no numbers, it must hold lines of 2 numbers: recoil_keV, efficiency",
}


@pytest.mark.parametrize("content", FAULTS)
def test_fault_names_the_scan_file_and_the_data_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "eff.txt").write_text(content)
    path = scan(tmp_path, ("= 0.8", '= { file = "eff.txt" }'))
    with pytest.raises(DefinitionError) as caught:
        read(path)
    (fault,) = caught.value.faults
    assert fault.where == f"{path}:16"
    assert fault.message.startswith("experiments.Ne.efficiency.file: ")
    assert FAULTS[content] in fault.message


@pytest.mark.parametrize(
    ("spectra", "expected"),
    [
        (ALL.replace("nu_e ", "nu_x "), "source.spectra.nu_x: unknown flavour, the nearest known one is nu_"),
        ("", "source.spectra: found no spectrum, it must have at least one flavour"),
        (f"{ALL}, nu_tau = 3", "source.spectra.nu_tau: found 3, it must be a table, such as { E_MeV"),
        (
            f"{ALL}, nu_tau = {{ E_MeV = [1, 2] }}",
            "source.spectra.nu_tau.flux: missing, it must be given: flux per energy",
        ),
        (
            f"{ALL}, nu_tau = {{ E_MeV = [1, 2], flux = [0, 0] }}",
            "nu_tau.E_MeV: a tabulated spectrum needs fluxes that are",
        ),
        (f"{ALL}, nu_tau = {{ E_MeV = [1, 2], flux = [1, -1] }}", "element 2: found flux = -1, it must be at least 0"),
        (f"{ALL}, nu_tau = {{ E_MeV = [1], flux = [1] }}", "a tabulated spectrum needs at least two points"),
        (
            f"{ALL}, nu_tau = {{ E_MeV = [], flux = [] }}",
            "found no values, there must be at least one of E_MeV and flux",
        ),
        (f'{ALL}, nu_tau = {{ file = "none.txt" }}', "nu_tau.file: there is no file "),
        (f'{ALL}, nu_tau = {{ file = "\\u0000" }}', "nu_tau.file: "),
        (f"{ALL}, nu_tau = []", "source.spectra.nu_tau: found [], it must have a spectrum, such as { E_MeV"),
        (f"{ALL}, nu_tau = [3]", "source.spectra.nu_tau: found 3, it must be a table, such as { E_MeV"),
        (
            f"{ALL}, nu_tau = {{ line_MeV = [1, 2], flux_per_cm2_s = [3] }}",
            "nu_tau.line_MeV: found 2 energies and 1 fluxes, there must be one flux per line",
        ),
        (f"{ALL}, nu_tau = {{ line_MeV = [1], flux_per_cm2_s = [0] }}", "and not all of them zero"),
        (f"{ALL}, nu_tau = {{ line_MeV = [0], flux_per_cm2_s = [1] }}", "nu_tau.line_MeV: found 0, it must"),
        (f"{ALL}, nu_tau = {{ file = 3 }}", "nu_tau.file: found 3, it must be a string in quotes"),
    ],
)
def test_faults_of_spectra(tmp_path: Path, spectra: str, expected: str) -> None:
    (tmp_path / "flux.txt").write_text("0 1\n50 1\n")
    with pytest.raises(DefinitionError) as caught:
        read(scan(tmp_path, tabulated(spectra)))
    (fault,) = caught.value.faults
    assert expected in fault.message


def test_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "eff.txt").write_bytes(b"\xff\xfe\x00\x01\x02")
    with pytest.raises(DefinitionError, match=r"eff\.txt is not a text file"):
        read(scan(tmp_path, ("= 0.8", '= { file = "eff.txt" }')))
