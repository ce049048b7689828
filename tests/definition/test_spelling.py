"""Suggestions for unknown names: the spelling that was meant, and none of another meaning or size."""

from __future__ import annotations

import pytest

from scanengine.definition.reading.sentences import nearest_or_all
from scanengine.definition.reading.spelling import alike, nearest
from scanengine.definition.reading.table import Table
from scanengine.definition.tables.experiment_schema import ExperimentTable
from scanengine.definition.tables.reactor import Reactor
from scanengine.definition.tables.stopped_pion import StoppedPion
from scanengine.inputs.parameters import FLAVOURS, PARAMETERS
from tests.definition.example import edited, faults_of


@pytest.mark.parametrize(
    ("name", "table", "words"),
    [
        (
            "live_time_d",
            ExperimentTable,
            "live_time_yr and live_time_s are known, in other units: 1 d = 0.00273785 yr, 1 d =",
        ),
        ("live_time_days", ExperimentTable, "1 day = 86400 s"),
        ("livetime_h", ExperimentTable, "1 h = 3600 s"),
        ("mass_g", ExperimentTable, "mass_kg is known, in another unit: 1 g = 0.001 kg"),
        ("mass_t", ExperimentTable, "1 t = 1000 kg"),
        ("mass_MG", ExperimentTable, "mass_kg is known, in another unit"),  # milligrams or megagrams
        ("distance_km", ExperimentTable, "1 km = 1000 m"),
        ("recoil_window_MeV", ExperimentTable, "recoil_window_keV is known, in another unit: 1 MeV = 1000 keV"),
        ("systematic_percent", ExperimentTable, "systematic is known, which is a fraction: 0.1 for 10 per cent"),
        ("flux_per_m2_s", StoppedPion, "flux_per_cm2_s is known, in another unit: 1 per m2 = 0.0001 per cm2"),
        ("flux_per_cm2_d", StoppedPion, "1 per d = 1.15741e-05 per s"),
        ("line_energy_keV", StoppedPion, "1 keV = 0.001 MeV"),
        ("power_MW", Reactor, "power_GW is known, in another unit: 1 MW = 0.001 GW"),
    ],
)
def test_name_in_other_units_is_told_the_factor(name: str, table: type[Table], words: str) -> None:
    said = nearest_or_all(name, table.model_fields)
    assert words in said
    assert "nearest" not in said


def test_units_are_told_in_one_fault_for_the_key() -> None:
    (fault,) = faults_of(edited(("live_time_s = 2.4e7", "live_time_d = 277")))
    assert "CsI.live_time_d: unknown key, live_time_yr and live_time_s are known, in other units" in str(fault)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("anti_nu_mu", "nu_mubar"),
        ("antinu_mu", "nu_mubar"),
        ("nubar_mu", "nu_mubar"),
        ("nu_mu_bar", "nu_mubar"),
        ("numubar", "nu_mubar"),
        ("nu_mubr", "nu_mubar"),
        ("anti_nu_e", "nu_ebar"),
        ("nuebar", "nu_ebar"),
        ("anti_nu_tau", "nu_taubar"),
        ("numu", "nu_mu"),
        ("nue", "nu_e"),
    ],
)
def test_antineutrinos_stay_antineutrinos(name: str, meant: str) -> None:
    assert nearest(name, FLAVOURS) == meant


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("eps_me_uV", "eps_em_uV"),
        ("eps_te_dV", "eps_et_dV"),
        ("eps_tm_dV", "eps_mt_dV"),
        ("mu_anti_nu_e", "mu_nu_ebar"),
        ("r2_nubar_mu", "r2_nu_mubar"),
        ("sin2_tetha_w", "sin2_theta_w"),
        ("eps_mm_uX", "eps_mm_uV"),
        ("eps_ee_uA", None),  # axial
        ("eps_me_eA", "eps_em_eA"),
        ("eps_ee_eR", None),
        ("eps_ee_uL", None),
        ("g_zp", None),
        ("d_nu_e", None),
    ],
)
def test_parameter_of_another_meaning_is_not_suggested(name: str, meant: str | None) -> None:
    assert nearest(name, PARAMETERS) == meant


def test_square_is_told_from_its_root() -> None:
    assert nearest_or_all("sin_theta_w", PARAMETERS) == "sin2_theta_w is known, which is its square"


@pytest.mark.parametrize("name", ["below_8_MeV", "above_3_MeV"])
def test_other_numbers_in_a_name_are_no_misspelling(name: str) -> None:
    assert nearest(name, Reactor.model_fields) is None


def test_names_that_people_give_are_compared_by_their_letters_alone() -> None:
    assert alike("large/nsi-6d", ["large/nsi-5d", "reactor/conus-plus"]) == "large/nsi-5d"
    assert alike("zzz", ["large/nsi-5d"]) is None
