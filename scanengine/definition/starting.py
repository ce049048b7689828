"""A first scan file of one's own: a detector at a known source, with comments on what may be changed."""

from __future__ import annotations

from math import floor, log10

from scanengine.definition.reading.sentences import listed, nearest_or_all, quoted
from scanengine.definition.reading.toml import as_toml_value
from scanengine.errors import InputError
from scanengine.inputs.constants import M_MU_MEV
from scanengine.inputs.detectors import T_max_keV
from scanengine.inputs.facilities import FACILITIES, Facility
from scanengine.inputs.nuclei import Target, target

_COMMENTS_AT = 37
_BEYOND = 'above_8_MeV = "none"                 # where its parametrisation ends; or "extrapolated"\n'


def new_scan(material: str, source: str, mass_kg: float, distance_m: float | None = None) -> str:
    """Return the text of a scan file that runs as it is: a detector of a material at a facility.

    Raises InputError if there is no such material or facility.
    """
    if source not in FACILITIES:
        raise InputError(f"unknown source {quoted(source)}, {nearest_or_all(source, FACILITIES)}")
    made_of, facility = target(material), FACILITIES[source]
    edges = _bins_keV(made_of, facility)
    is_reactor = facility.keys["kind"] == "reactor"
    flavours = ("nu_ebar",) if is_reactor else ("nu_mu", "nu_e", "nu_mubar")
    elements = list(dict.fromkeys(isotope.symbol for isotope in made_of.isotopes))
    factors = ", ".join(f"{element} = 0.1" for element in elements)
    # axes along both of which counts are bounded: their allowed sets are a ring about the weak charge's zero
    second, low, high = ("eps_etau_uV", -0.7, 0.7) if is_reactor else ("eps_mumu_uV", -0.5, 0.9)
    distance = facility.distance_m if distance_m is None else distance_m
    threshold = 0.1 * edges[0]
    text = f"""\
title = "{material} at {source}"

# {facility.summary[:1].upper()}{facility.summary[1:]}.
# {_wrapped(facility.references)}
[source]
preset = "{source}"                       # {listed(list(FACILITIES), "or")}; keys added below replace the preset's
{_BEYOND if is_reactor else ""}
[[experiments]]
name = "{material}"
target = "{material}"                     # a nuclide, a natural element or a compound
mass_kg = {mass_kg:g}
live_time_yr = 1.0{"" if is_reactor else "                   # at full power; a year of beam has some 5000 h, 0.57 yr"}
distance_m = {distance:g}
recoil_bins_keV = {as_toml_value(edges)}
efficiency = 1.0                     # or a file with recoil energies in keV and efficiencies: efficiency = "eff.csv"
channels = {{ all = {as_toml_value(list(flavours))} }}   # one channel; several are counted separately
systematic = 0.10                    # relative uncertainty of the signal's normalisation

# In place of recoil_bins_keV, what the detector reconstructs, in keVee:
# [experiments.response]
# quenching = {{ {factors} }}          # for each element, or one for all; or a file: "quenching.csv"
# resolution = {{ kind = "gaussian", b = 0.1 }}   # b sqrt(E), in keVee
# threshold_keVee = {threshold:.2g}
# bins = {as_toml_value([float(f"{0.1 * edge:.3g}") for edge in edges])}

[[experiments.backgrounds]]
name = "flat"
spectrum = "constant"                # or "exponential", "power", "line"; or counts in each bin
per_kg_day_keV = {10.0 if is_reactor else 0.01:g}

# Without data, the Standard Model's expected counts are used. For your own, one number for each bin:
# [experiments.data]
# counts = [...]

[[nuisances]]
name = "flat"
background = ["{material}.flat"]
width = 0.10                         # relative; without a width the background is free

[axes]
eps_ee_uV = {{ min = -0.5, max = 0.9, points = 71 }}
{second} = {{ min = {low:g}, max = {high:g}, points = 71 }}

[output]
profile = "exact"                    # also minimised between the grid points; not for a Poisson statistic
"""
    return "".join(map(_aligned, text.splitlines(keepends=True)))


def _bins_keV(made_of: Target, facility: Facility) -> list[float]:
    """Return edges of five bins, from a tenth of the largest recoil energy to that of the lightest isotope."""
    E_max_MeV = 8.0 if facility.keys["kind"] == "reactor" else M_MU_MEV / 2.0  # where their spectra end
    ends = [T_max_keV(E_max_MeV, isotope.mass_MeV) for isotope in made_of.isotopes]
    low, high = _rounded(0.1 * min(ends)), max(ends)
    return [low, *(_rounded(low + (high - low) * share) for share in (0.08, 0.2, 0.4, 1.0))]


def _aligned(line: str) -> str:
    """Return a line with the comment behind a key at the same column as all others."""
    key, mark, comment = line.partition("  # ")
    return f"{key.rstrip() + '  ':<{_COMMENTS_AT}}{mark.strip()} {comment}" if mark and key.strip() else line


def _rounded(value: float) -> float:
    """Return a number with two digits."""
    return round(value, 1 - floor(log10(value)))


def _wrapped(text: str) -> str:
    return text.replace("; ", ";\n# ")
