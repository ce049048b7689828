"""`scanengine list` and `scanengine schema`: the bundled scans, and what a scan file may hold."""

from __future__ import annotations

import json
import tomllib
from typing import Annotated

import typer


def list_scans() -> None:
    """List the bundled scans."""
    from scanengine.definition import bundled_scans

    scans = bundled_scans()
    width = max(map(len, scans), default=0)
    for name, path in scans.items():  # their titles alone: form factors from nuclear structure take a while to set up
        print(f"{name:<{width}}  {tomllib.loads(path.read_text(encoding='utf-8'))['title']}")


def schema(
    likelihood: Annotated[bool, typer.Option("--likelihood", help="The schema of likelihood files.")] = False,
) -> None:
    """Print the JSON schema of the scan file."""
    if likelihood:
        from scanengine.export import schema as likelihood_schema

        print(json.dumps(likelihood_schema(), indent=1))
        return
    from scanengine.definition import schema as scan_file_schema

    print(json.dumps(scan_file_schema(), indent=1))
