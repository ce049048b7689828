"""Solar sources of a scan file: their fluxes, oscillations and uncertainties, and what is wrong with them."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.definition import Definition, parse
from scanengine.errors import DefinitionError
from scanengine.inputs.solar.source import ASTRONOMICAL_UNIT_M

TEXT = """\
[source]
kind = "solar"
components = ["B8", "hep"]
{source}
[[experiments]]
name = "Xe"
target = "Xe132"
mass_kg = 1000.0
live_time_yr = 1.0
recoil_window_keV = [1.0, inf]
form_factor = "unity"
channels = {{ all = ["nu_e", "nu_mu", "nu_tau"] }}
{experiment}
{more}
"""


def read(source: str = "", experiment: str = "", more: str = "") -> Definition:
    return parse(TEXT.format(source=source, experiment=experiment, more=more), require_axes=False)


def total(found: Definition) -> float:
    return sum(each.total_per_cm2_s for each in found.source.spectra.values())


def test_flux_is_that_of_the_model_or_the_one_given() -> None:
    assert total(read()) == pytest.approx(5.46e6 + 7.98e3, rel=1e-9)
    assert total(read('model = "B16-AGSS09met"')) == pytest.approx(4.50e6 + 8.25e3, rel=1e-9)
    assert total(read("fluxes_per_cm2_s = { B8 = 5.25e6, hep = 0.0 }")) == pytest.approx(5.25e6, rel=1e-9)


def test_the_earth_is_where_the_flux_is_given() -> None:
    assert read().experiments[0].distance_m == ASTRONOMICAL_UNIT_M == read().source.reference_distance_m


def test_fluxes_and_oscillations_are_axes() -> None:
    axes = """
[axes]
"source.fluxes_per_cm2_s.B8" = { values = [4.0e6, 5.0e6] }
"source.oscillation.sin2_theta12" = { values = [0.2, 0.3] }
eps_ee_uV = { min = -0.1, max = 0.1, points = 3 }
"""
    found = read(more=axes)
    states = [
        found.inside({"source.fluxes_per_cm2_s.B8": 5.0e6, "source.oscillation.sin2_theta12": each})
        for each in (0.2, 0.3)
    ]
    assert [total(each) for each in states] == pytest.approx([5.00798e6] * 2, rel=1e-9)
    of_electrons = [each.source.spectra["nu_e"].total_per_cm2_s for each in states]
    # sin^2 theta_12 of the flux far above the resonance, less below it
    assert 1e5 < of_electrons[1] - of_electrons[0] < 5e5


def test_uncertain_fluxes_are_nuisances_of_the_signal() -> None:
    found = read("flux_uncertainty = true")
    hep, boron = found.nuisances
    assert [(each.name, each.width) for each in found.nuisances] == [("flux_hep", 1.0), ("flux_B8", 1.0)]
    (variation,) = boron.responses
    assert variation.plus.source is not None
    assert variation.minus.source is not None
    plus, minus = (
        sum(each.total_per_cm2_s for each in side.spectra.values())
        for side in (variation.plus.source, variation.minus.source)
    )
    assert (plus, minus) == pytest.approx((1.12 * 5.46e6 + 7.98e3, 0.88 * 5.46e6 + 7.98e3), rel=1e-9)
    assert hep.responses[0].plus.name == "Xe"


def test_a_nuisance_of_the_same_name_takes_the_place_of_an_uncertain_flux() -> None:
    own = '[[nuisances]]\nname = "flux_B8"\nwidth = 0.04\nsignal = ["Xe"]\n'
    found = read("flux_uncertainty = true", more=own)
    assert [(each.name, each.signals) for each in found.nuisances] == [("flux_B8", ("Xe",)), ("flux_hep", ())]


def test_a_channel_of_one_flavour_of_the_mixture_is_noted() -> None:
    text = TEXT.format(source="", experiment="", more="").replace('["nu_e", "nu_mu", "nu_tau"]', '["nu_e"]')
    notes = parse(text, require_axes=False).notes
    assert any("it counts nu_e alone, of a mixture of nu_e, nu_mu and nu_tau that interfere" in note for note in notes)
    assert not any("mixture" in note for note in read().notes)


@pytest.mark.parametrize(
    ("source", "experiment", "expected"),
    [
        ("fluxes_per_cm2_s = { B9 = 1 }", "", "source.fluxes_per_cm2_s.B9: unknown component, the nearest known"),
        ("fluxes_per_cm2_s = { B8 = -1 }", "", "source.fluxes_per_cm2_s.B8: found -1, it must not be negative"),
        ("fluxes_per_cm2_s = { B8 = 0, hep = 0 }", "", "source.fluxes_per_cm2_s: found no flux of any component"),
        ('model = "BP2004"', "", 'source.model: found "BP2004", it must be'),
        ('oscillation = "vacuum"', "", 'source.oscillation: found "vacuum", it must be a table'),
        ("oscillation = { sin2_theta12 = 2.0 }", "", "source.oscillation.sin2_theta12: found 2.0, it must be"),
        ("oscillation = { dm2_31_eV2 = 1e-5 }", "", "source.oscillation.dm2_31_eV2: found 1e-05, it must be larger"),
        ("sterile = { dm2_eV2 = 1.0 }", "", "source.sterile: unknown key"),
        ("reference_distance_m = 1.0", "", "source.reference_distance_m: unknown key"),
        ("", "distance_m = 20.0", "experiments.Xe.distance_m: the flux of the source is that at the Earth: leave"),
    ],
)  # fmt: skip
def test_faults(source: str, experiment: str, expected: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read(source, experiment)
    assert caught.value.faults[0].message.startswith(expected)


@pytest.mark.parametrize(
    ("components", "expected"),
    [
        ("[]", "source.components: found [], it must be a list of components: pp, pep"),
        ('["B8", "B8"]', "source.components: found B8 twice"),
        ('["C11"]', 'source.components: unknown component "C11"'),
        ("[1]", "source.components: unknown component 1, known are pp, pep"),
        ("3", "source.components: found 3, it must be a list of components"),
    ],
)
def test_faults_of_components(components: str, expected: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse(TEXT.format(source="", experiment="", more="").replace('["B8", "hep"]', components), require_axes=False)
    assert caught.value.faults[0].message.startswith(expected)


def test_a_fault_of_two_numbers_stands_where_one_of_them_was_set() -> None:
    with pytest.raises(DefinitionError) as caught:
        read().at({"source.oscillation.dm2_21_eV2": 1.0})
    (fault,) = caught.value.faults
    assert "dm2_21_eV2" in fault.where
    assert "found 0.002513, it must be larger than dm2_21_eV2 = 1 in size" in fault.message


def test_arrival_times_are_those_of_no_sun() -> None:
    with pytest.raises(DefinitionError):
        read(experiment="time = { bins_us = [0, 1, 2], pulse_mean_us = 0.1, pulse_width_us = 0.1 }")


def test_density_matrix_of_the_source_has_its_trace_at_every_energy() -> None:
    source = read().source
    E = np.linspace(0.5, 15.9, 40)
    flux = sum(each.per_cm2_s_MeV(E) for each in source.spectra.values())
    alone = read('oscillation = "none"').source.spectra["nu_e"].per_cm2_s_MeV(E)
    assert flux == pytest.approx(alone, rel=1e-9)
