"""A sound scan file gives the objects that it describes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from scanengine.definition import Definition, bundled_scans, parse, read, schema
from scanengine.errors import InputError
from scanengine.inputs.parameters import PARAMETER_INDEX
from tests.definition.example import TEXT, edited
from tests.scan_files import NEED_DATA


@pytest.fixture(scope="module")
def definition() -> Definition:
    return parse(TEXT)


def test_experiments(definition: Definition) -> None:
    neon, csi = definition.experiments
    assert (neon.name, csi.name) == ("Ne", "CsI")
    assert [str(isotope) for isotope in csi.target.isotopes] == ["Cs133", "I127"]
    assert (neon.mass_kg, csi.mass_kg) == (100.0, 14.6)
    assert (neon.live_time_s, csi.live_time_s) == (365.25 * 86400, 2.4e7)
    assert (neon.distance_m, csi.distance_m) == (20.0, 19.3)
    assert (neon.systematic, csi.systematic) == (0.10, 0.0)
    assert_array_equal(neon.bin_edges_keV, [10.0, np.inf])
    assert_array_equal(csi.bin_edges_keV, [5.0, 10.0, 20.0, 40.0])
    assert dict(neon.channels) == {"delayed": ("nu_e", "nu_mubar"), "prompt": ("nu_mu",)}
    assert_array_equal(neon.efficiency.values, [0.8])
    assert_array_equal(csi.efficiency.values, [1.0])


def test_source_and_options(definition: Definition) -> None:
    assert set(definition.source.spectra) == {"nu_e", "nu_mu", "nu_mubar"}
    assert definition.source.reference_distance_m == 20.0
    assert_array_equal(definition.source.spectra["nu_mu"].line_fluxes_per_cm2_s, [1.0e7])
    assert definition.physics.sin2_theta_w == 0.23
    assert (definition.physics.kinematics, definition.physics.evaluation) == ("leading", "polynomial")
    assert (definition.output.keep, definition.output.precision) == ("profiles", "float64")
    assert definition.title == "Two targets"
    assert definition.text == TEXT


def test_axes(definition: Definition) -> None:
    assert [axis.name for axis in definition.axes] == ["eps_ee_uV", "eps_ee_dV", "mu_nu"]
    assert_allclose(definition.axes[0].values, np.linspace(-1.0, 1.0, 201), rtol=0, atol=0)
    assert_allclose(definition.axes[2].values, np.geomspace(0.1, 10.0, 11), rtol=1e-15)
    assert [axis.units for axis in definition.axes] == ["1", "1", "1e-10 mu_B"]
    assert definition.axes[2].symbol == r"\mu_\nu"


def test_axis_of_values_and_of_another_name() -> None:
    definition = parse(
        edited(
            (
                "{ min = -2, max = 2, points = 101 }",
                "{ values = [-1, 0.5, 3] }\nr_u = { min = 0, max = 1, points = 3 }",
            ),
            ("[tied]\n", "[tied]\neps_tt_uV = { r_u = 2.0 }\n"),
        )
    )
    assert_array_equal(definition.axes[1].values, [-1.0, 0.5, 3.0])
    free = definition.axes[2]
    assert (free.name, free.units, free.symbol) == ("r_u", "1", r"\mathrm{r\_u}")


def test_line_energy() -> None:
    definition = parse(edited(("distance_m = 20.0\n[phys", "distance_m = 20.0\nline_energy_MeV = 29.9\n[phys")))
    assert definition.source.spectra["nu_mu"].E_max_MeV == 29.9


@pytest.mark.parametrize(
    "form_factor",
    [
        '"unity"',
        '"klein-nystrand"',
        '"symmetrised-fermi"',
        '{ kind = "helm", rms_fm = 3.0 }',
        '{ kind = "helm", rms_p_fm = 2.9, rms_n_fm = 3, s_fm = 1.0 }',
        '{ kind = "klein-nystrand", radius_fm = 3.1, a_fm = 0 }',
        '{ kind = "symmetrised-fermi", c_fm = 2.8, a_fm = 0.5 }',
        '{ kind = "unity" }',
    ],
)
def test_form_factors(form_factor: str) -> None:
    experiment = parse(edited(('"helm"', form_factor))).experiments[0]
    proton, neutron = experiment.form_factors(experiment.target.isotopes[0])
    kind = form_factor.strip('{ "').removeprefix("kind").strip('= "').split('"')[0]
    assert proton.code == neutron.code == ["unity", "helm", "klein-nystrand", "symmetrised-fermi"].index(kind)
    assert np.array_equal(proton.parameters, neutron.parameters) == ("rms_n_fm" not in form_factor)


def test_bin_above_reach_is_noted() -> None:
    definition = parse(edited(("[5, 10, 20, 40]", "[5, 10, 60, 80]")))
    assert definition.notes == (
        "experiment CsI, channel all: bin [60, 80] keV is above T_max = 47.19 keV of nu_e on I127: dropped",
    )


def test_bin_without_efficiency_is_noted() -> None:
    curve = "recoil_bins_keV = [5, 10, 20, 40]\nefficiency = { recoil_keV = [10, 20], values = [0, 1] }"
    definition = parse(edited(("recoil_bins_keV = [5, 10, 20, 40]", curve)))
    assert definition.notes == ("experiment CsI, channel all: the efficiency is zero in bin [5, 10] keV: dropped",)


def test_axis_that_nothing_depends_on_is_noted() -> None:
    assert parse(edited(("mu_nu =", "eps_tt_uV ="))).notes == ("no flavour that is counted depends on eps_tt_uV",)
    assert parse(edited(("mu_nu =", "eps_mt_uV ="))).notes == ()
    assert parse(edited(("mu_nu =", "r2_nu_tau ="))).notes == ("no flavour that is counted depends on r2_nu_tau",)


def test_read_keeps_text_and_path(tmp_path: Path) -> None:
    path = tmp_path / "scan.toml"
    text = TEXT.replace("\n", "\r\n")
    path.write_bytes(text.encode())
    definition = read(path, ["experiments.Ne.mass_kg=50"])
    assert definition.text == text
    assert definition.path == path
    assert definition.overrides == ("experiments.Ne.mass_kg=50",)
    assert definition.experiments[0].mass_kg == 50.0


def test_fault_names_the_path(tmp_path: Path) -> None:
    path = tmp_path / "scan.toml"
    path.write_text(edited(("= 14.6", "= -1")))
    with pytest.raises(InputError) as caught:
        read(path)
    assert (
        str(caught.value)
        == f"{path}:24: experiments.CsI.mass_kg: found -1, it must be a positive number, 1e-30 or more"
    )


ELECTRONS = {
    f"kosmas2015/{figure}-optimistic": f"experiments Ne, Ar, Ge and Xe: electron recoils are not counted, and at "
    f"such low energies they may limit {moments} more strongly than nuclear recoils: "
    'recoils = ["nucleus", "electron"] would count them'
    for figure, moments in (
        ("fig03", "mu_nu_e, mu_nu_mu and mu_nu_mubar"),
        ("fig05", "mu_nu_mu and mu_nu_mubar"),
        ("fig06", "mu_nu_e and mu_nu_mubar"),
    )
}
"""What Kosmas et al. leave out as well: they scan moments with thresholds of 1 keV."""


@pytest.mark.parametrize("name", [name for name in bundled_scans() if not name.startswith(NEED_DATA)])
def test_bundled_scans_are_sound(name: str) -> None:
    definition = read(name)
    assert definition.title
    if name == "mediators/tensor":
        (note,) = definition.notes
        assert "upper estimate" in note
    else:
        assert definition.notes == ((ELECTRONS[name],) if name in ELECTRONS else ())


def test_the_main_job() -> None:
    definition = read("large/nsi-5d")
    assert [axis.name for axis in definition.axes] == ["eps_ee_uV", "eps_ee_dV", "eps_et_dV", "mu_nu", "sin2_theta_w"]
    assert [e.target.name for e in definition.experiments] == ["Ne20", "Ar40", "Ge76", "Xe132"]


def test_unknown_scan_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no scan file large/nsi5d, and .* the nearest bundled one is large/nsi-5d"):
        read("large/nsi5d")
    with pytest.raises(InputError, match=r"the nearest bundled one is scholberg2006/fig08"):
        read("scholberg/fig08.toml")


def test_scan_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "scan.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n\xff\xfe")
    with pytest.raises(InputError, match="not a scan file: it is not text"):
        read(path)


def test_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "scan.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert read(path).title == "Two targets"


def test_asimov_angle_is_the_default_of_the_parameter(definition: Definition) -> None:
    assert definition.parameters.matrix[PARAMETER_INDEX["sin2_theta_w"], 0] == 0.23


def test_schema_describes_every_key_with_units() -> None:
    tables = schema()
    assert tables["additionalProperties"] is False
    experiment = tables["$defs"]["ExperimentTable"]["properties"]
    assert experiment["mass_kg"] == {
        "description": "Mass of the target material, kg.",
        "exclusiveMinimum": 0,
        "maximum": 1e30,
        "minimum": 1e-30,
        "type": "number",
    }
    for table in (tables, *tables["$defs"].values()):
        for name, key in table["properties"].items():
            assert "description" in key or name == "kind"
            assert {"type": "null"} not in key.get("anyOf", [])
