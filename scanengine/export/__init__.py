"""Likelihoods to take away: chi2 as a file that is evaluated without this package, and read back with it."""

from scanengine.export.bins import bins
from scanengine.export.document import FORMAT, FORMAT_VERSION, LIST_VERSION, Document, build, build_list
from scanengine.export.published import PublishedLikelihood, read_likelihood
from scanengine.export.schema import schema
from scanengine.export.writing import check, write, write_text

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "LIST_VERSION",
    "Document",
    "PublishedLikelihood",
    "bins",
    "build",
    "build_list",
    "check",
    "read_likelihood",
    "schema",
    "write",
    "write_text",
]
