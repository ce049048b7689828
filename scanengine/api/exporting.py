"""What is taken away from a scan: its likelihood as a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from scanengine import export
from scanengine.export import Document, PublishedLikelihood

if TYPE_CHECKING:
    from scanengine.api.scan import Scan


def document_of(scan: Scan, *starts: Mapping[str, float]) -> Document:
    """Return a scan's likelihood as `export` writes it, its minima found from these starts and the Standard Model."""
    likelihood = scan.polynomial_likelihood("an export")
    return export.build(scan.definition, likelihood, scan.fit(*starts), scan.standard_model)


def export_scan(
    scan: Scan, output: str | Path, starts: tuple[Mapping[str, float], ...], *, overwrite: bool
) -> PublishedLikelihood:
    """Write a scan's likelihood to a file and return it, see `Scan.export`."""
    target = Path(output)
    export.check(target, ".json", overwrite=overwrite)
    document = document_of(scan, *starts)
    export.write(document, target, overwrite=overwrite)
    return PublishedLikelihood(document)
