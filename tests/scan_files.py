"""Scan files for tests: written from Python values, with a stopped-pion source and a neon detector unless told
otherwise, and a small one as its user would write it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from scanengine.definition import Definition, parse

SOURCE = {"kind": "stopped-pion", "flux_per_cm2_s": 1.0e7, "reference_distance_m": 20.0}
EXPERIMENT = {
    "name": "A",
    "target": "Ne20",
    "mass_kg": 100.0,
    "live_time_yr": 1.0,
    "distance_m": 20.0,
    "recoil_window_keV": [10.0, inf],
    "channels": {"delayed": ["nu_e", "nu_mubar"], "prompt": ["nu_mu"]},
}
Table = Mapping[str, Any]

NEED_DATA = ("coherent/", "combined/", "solar/xenonnt")
"""How the names of bundled scans begin that read what collaborations released."""

SOURCE_TEXT = """\
[source]
kind = "stopped-pion"
flux_per_cm2_s = 1.0e7
reference_distance_m = 20.0
"""
NEON_TEXT = """\
[[experiments]]
name = "Ne"
target = "Ne20"
mass_kg = 100.0
live_time_yr = 1.0
distance_m = 20.0
recoil_bins_keV = [10.0, 30.0, 200.0]
channels = { delayed = ["nu_e", "nu_mubar"], prompt = ["nu_mu"] }
systematic = 0.10
"""
XENON_TEXT = """\
[[experiments]]
name = "Xe"
target = "Xe132"
mass_kg = 100.0
live_time_yr = 1.0
distance_m = 20.0
recoil_window_keV = [10.0, inf]
channels = { delayed = ["nu_e", "nu_mubar"] }
"""
TWO_AXES_TEXT = """\
eps_ee_uV = { min = -1.2, max = 0.8, points = 81 }
eps_ee_dV = { min = -0.8, max = 1.4, points = 89 }
"""
SMALL = f'title = "Two axes"\n{SOURCE_TEXT}{NEON_TEXT}{XENON_TEXT}[axes]\n{TWO_AXES_TEXT}'
"""A scan of 7209 points, in no time."""


def experiment(**keys: Any) -> dict[str, Any]:
    """The neon detector with other keys, and without those that are None."""
    return {name: value for name, value in {**EXPERIMENT, **keys}.items() if value is not None}


def definition(
    experiments: Sequence[Table] = (EXPERIMENT,),
    axes: Table | None = None,
    fixed: Table | None = None,
    tied: Table | None = None,
    physics: Table | None = None,
    source: Table | None = None,
    statistic: str = "gaussian",
    nuisances: Sequence[Table] = (),
    correlations: Sequence[Sequence[Any]] = (),
    mediators: Table | None = None,
    output: Table | None = None,
) -> Definition:
    """Read the scan file of these tables."""
    text = written(
        experiments, axes, fixed, tied, physics, source, statistic, nuisances, correlations, mediators, output
    )
    return parse(text, require_axes=axes is not None)


def written(
    experiments: Sequence[Table] = (EXPERIMENT,),
    axes: Table | None = None,
    fixed: Table | None = None,
    tied: Table | None = None,
    physics: Table | None = None,
    source: Table | None = None,
    statistic: str = "gaussian",
    nuisances: Sequence[Table] = (),
    correlations: Sequence[Sequence[Any]] = (),
    mediators: Table | None = None,
    output: Table | None = None,
) -> str:
    """Write the scan file of these tables."""
    lines = [f"correlations = {_toml(correlations)}"] if correlations else []
    lines += ["[source]", *_lines(source or SOURCE), "[physics]", *_lines(physics or {})]
    lines += ["[statistic]", f'kind = "{statistic}"']
    for table in experiments:
        lines += ["[[experiments]]", *_lines(table)]
    for table in nuisances:
        lines += ["[[nuisances]]", *_lines(table)]
    for name, optional in (("axes", axes), ("fixed", fixed), ("tied", tied)):
        lines += [f"[{name}]", *_lines(optional or {})]
    lines += [line for name, table in (mediators or {}).items() for line in (f"[mediators.{name}]", *_lines(table))]
    lines += ["[output]", *_lines(output)] if output else []
    return "\n".join(lines)


def _lines(table: Table) -> list[str]:
    return [f"{_toml_key(name)} = {_toml(value)}" for name, value in table.items()]


def _toml_key(name: str) -> str:
    return json.dumps(name)


def _toml(value: Any) -> str:
    match value:
        case bool() | str():
            return json.dumps(value)
        case Mapping():
            return "{ " + ", ".join(_lines(value)) + " }"
        case Sequence():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
    return repr(float(value)) if isinstance(value, float) else repr(int(value))
