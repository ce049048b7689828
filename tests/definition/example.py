"""A sound scan file, and edits of it."""

from __future__ import annotations

import pytest

from scanengine.definition import parse
from scanengine.errors import DefinitionError, Fault

TEXT = """\
title = "Two targets"
[source]
kind = "stopped-pion"
flux_per_cm2_s = 1.0e7
reference_distance_m = 20.0
[physics]
couplings = "tree"
sin2_theta_w = 0.23
magnetic_form_factor = true
[[experiments]]
name = "Ne"
target = "Ne20"
mass_kg = 100.0
live_time_yr = 1.0
distance_m = 20.0
efficiency = 0.8
recoil_window_keV = [10.0, inf]
form_factor = "helm"
channels = { delayed = ["nu_e", "nu_mubar"], prompt = ["nu_mu"] }
systematic = 0.10
[[experiments]]
name = "CsI"
target = "CsI"
mass_kg = 14.6
live_time_s = 2.4e7
distance_m = 19.3
recoil_bins_keV = [5, 10, 20, 40]
channels = { all = ["nu_e", "nu_mubar", "nu_mu"] }
[axes]
eps_ee_uV = { min = -1.0, max = 1.0, points = 201 }
eps_ee_dV = { min = -2, max = 2, points = 101 }
mu_nu = { min = 0.1, max = 10.0, points = 11, spacing = "log" }
[fixed]
eps_mm_uV = 0.05
[tied]
eps_et_dV = { eps_ee_uV = 0.5, constant = 0.1 }
[output]
keep = "profiles"
"""


def edited(*edits: tuple[str, str]) -> str:
    """The example with the first occurrence of each first string replaced by the second."""
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def faults_of(text: str, *overrides: str, require_axes: bool = True) -> tuple[Fault, ...]:
    """The faults that reading a text gives, of which there must be some."""
    with pytest.raises(DefinitionError) as caught:
        parse(text, overrides=overrides, require_axes=require_axes)
    assert caught.value.exit_status == 2
    assert str(caught.value).splitlines() == [str(fault) for fault in caught.value.faults]
    return caught.value.faults
