"""Scan file -> objects: what a scan is, read strictly, with all faults of a file reported at once."""

from scanengine.definition.data_files import DataFiles, data_files, listing
from scanengine.definition.model import (
    STATISTICS,
    Definition,
    Output,
    ParameterMap,
    Statistic,
    TemplateReference,
    chosen,
    signal_numbers,
)
from scanengine.definition.reading.bundled import bundled_scans, copy_of_bundled, nearest_file, scans_folder
from scanengine.definition.reading.folders import DATA_VARIABLE
from scanengine.definition.scan_file import parse, read
from scanengine.definition.starting import new_scan
from scanengine.definition.tables.schema import schema
from scanengine.inputs.nuisances import Correlation
from scanengine.inputs.physics import Physics

__all__ = [
    "DATA_VARIABLE",
    "STATISTICS",
    "Correlation",
    "DataFiles",
    "Definition",
    "Output",
    "ParameterMap",
    "Physics",
    "Statistic",
    "TemplateReference",
    "bundled_scans",
    "chosen",
    "copy_of_bundled",
    "data_files",
    "listing",
    "nearest_file",
    "new_scan",
    "parse",
    "read",
    "scans_folder",
    "schema",
    "signal_numbers",
]
