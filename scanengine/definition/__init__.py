"""Scan file -> objects: what a scan is, read strictly, with all faults of a file reported at once."""

from scanengine.definition.build import parse, read
from scanengine.definition.model import (
    Correlation,
    Definition,
    Output,
    ParameterMap,
    Statistic,
    TemplateReference,
    chosen,
    signal_numbers,
)
from scanengine.definition.reading.bundled import bundled_scans, scans_folder
from scanengine.definition.tables.schema import schema
from scanengine.inputs.physics import Physics

__all__ = [
    "Correlation",
    "Definition",
    "Output",
    "ParameterMap",
    "Physics",
    "Statistic",
    "TemplateReference",
    "bundled_scans",
    "chosen",
    "parse",
    "read",
    "scans_folder",
    "schema",
    "signal_numbers",
]
