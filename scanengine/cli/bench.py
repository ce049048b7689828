"""`scanengine bench`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from scanengine.cli.options import JsonOption
from scanengine.cli.progress import steps

if TYPE_CHECKING:
    from scanengine.bench import Measured


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer repetitions.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure speed on this machine.

    Each kernel is compared with a machine limit, or with another library, in the same run.
    """
    from scanengine.bench import GROUPS, run

    with steps("benchmarks", GROUPS) as begin:
        found = run(quick, begin)
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=1))
        return
    print_rates(found)


def print_rates(found: Sequence[Measured]) -> None:
    """Print rates of a benchmark, by the clock and per processor second, with their ratios."""
    group = ""
    for each in found:
        if each.group != group:
            group = each.group
            print(f"{group}:")
        threads = f", {each.threads} threads" if each.threads > 1 else ""
        beside = f"  {each.ratio:.3g} times {each.beside}" if each.ratio is not None else ""
        rates = f"{_rate(each.per_s)} {each.units}/s wall time, {_rate(each.per_cpu_s)} per CPU second"
        print(f"  {each.what}{threads}: {rates}{beside}")


def _rate(value: float) -> str:
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.3g}"
