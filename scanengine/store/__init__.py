"""The result file: written tile by tile, read back with every fault named (the only package that imports h5py)."""

from scanengine.store.calibrations import is_calibration, open_calibration, write_calibration
from scanengine.store.encoding.chunks import Encoder, Encoding
from scanengine.store.layout import FORMAT, FORMAT_VERSION, AttributeValue, ResponseArray, check_axis_names
from scanengine.store.partial import FRESH, ForeignScan
from scanengine.store.paths import check_not_read, check_output, format_bytes, partial_path, require_room
from scanengine.store.plan import GridPlan
from scanengine.store.reader import StoredResult, open_result
from scanengine.store.shards import (
    Shard,
    absorb,
    check_complete,
    is_of_scan,
    read_shard,
    relative_sources,
    shard_definition,
)
from scanengine.store.unfinished import Unfinished, open_unfinished
from scanengine.store.verify import verify
from scanengine.store.writer import GridWriter

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "FRESH",
    "AttributeValue",
    "Encoder",
    "Encoding",
    "ForeignScan",
    "GridPlan",
    "GridWriter",
    "ResponseArray",
    "Shard",
    "StoredResult",
    "Unfinished",
    "absorb",
    "check_axis_names",
    "check_complete",
    "check_not_read",
    "check_output",
    "format_bytes",
    "is_calibration",
    "is_of_scan",
    "open_calibration",
    "open_result",
    "open_unfinished",
    "partial_path",
    "read_shard",
    "relative_sources",
    "require_room",
    "shard_definition",
    "verify",
    "write_calibration",
]
