"""The result file: written tile by tile, read back with every fault named (the only package that imports h5py)."""

from scanengine.store.chunks import encode_chunk
from scanengine.store.layout import FORMAT, FORMAT_VERSION, AttributeValue, ResponseArray, check_axis_names
from scanengine.store.paths import check_output, format_bytes, partial_path
from scanengine.store.reader import StoredResult, open_result
from scanengine.store.writer import GridWriter

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "AttributeValue",
    "GridWriter",
    "ResponseArray",
    "StoredResult",
    "check_axis_names",
    "check_output",
    "encode_chunk",
    "format_bytes",
    "open_result",
    "partial_path",
]
