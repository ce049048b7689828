"""`scanengine limits`: the allowed intervals of each parameter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanengine.cli.marginals import print_credible
from scanengine.cli.minimum import fit_record, print_best_fit, print_fit_of
from scanengine.cli.options import JsonOption, LevelsOption, levels_of
from scanengine.cli.proofs import decided_record, print_borders, print_decided, print_regions
from scanengine.cli.warn import warn

if TYPE_CHECKING:
    from scanengine.api import Result
    from scanengine.api.listed import Limits


def limits(
    result: Annotated[Path, typer.Argument(metavar="OUT.h5", help="A result file.")],
    cl: LevelsOption = "68.27,90,95",
    as_json: JsonOption = False,
    marginal: Annotated[
        bool, typer.Option("--marginal", help="Credible intervals of the posterior densities, in place of limits.")
    ] = False,
) -> None:
    """Print the best fit and the limits on each parameter.

    Intervals have 1 degree of freedom; other parameters are profiled over. With --marginal, they are credible
    intervals, and other parameters integrated over.
    """
    from scanengine.api import open_result, words

    opened = open_result(result)
    levels = levels_of(cl)
    if marginal:
        print_credible(opened, levels, as_json=as_json)
        return
    found = opened.limits(levels)
    if as_json:
        intervals = [
            {
                "parameter": entry.axis,
                "cl": round(100.0 * entry.cl, 10),
                "dof": entry.dof,
                "intervals": [[interval.lo, interval.hi] for interval in entry],
                "cut_by_axis": [list(words.cut_by_axis(interval, found.axes[entry.axis])) for interval in entry],
                "warnings": list(entry.warnings),
                **({"notes": list(entry.notes)} if entry.notes else {}),
            }
            for entry in found
        ]
        found_at = {
            "minimum": opened.minimum,
            "best_fit": opened.best_fit,
            **fit_record(opened.minimum, opened.fit),
        }
        print(json.dumps({**found_at, **decided_record(opened, levels), "intervals": intervals}, indent=1))
        return
    print_best_fit(opened)
    print_limits(opened, found)
    print_fit_of(opened)
    print_borders(opened, levels)
    print_decided(opened, levels)
    print_regions(opened, levels)


def print_limits(result: Result, found: Limits) -> None:
    """Print the allowed intervals, by C.L. with its degrees of freedom, and warnings about them."""
    from scanengine.api import words

    axes = {axis.name: axis for axis in result.axes}
    for cl in dict.fromkeys(entry.cl for entry in found):
        at_level = [entry for entry in found if entry.cl == cl]
        level = f"{100.0 * cl:g}% C.L., {at_level[0].dof} dof (delta chi2 = {at_level[0].level:.3f})"
        print(f"allowed at {level}:")
        for entry in at_level:
            axis = axes[entry.axis]
            errors = words.errors(result.best_fit[axis.name], entry, axis)
            print(f"  {words.limit(entry, axis)}" + (f"   ({errors})" if errors else ""))
    left_out = [axis.name for axis in result.axes if axis.name not in result.shown]
    if left_out:
        print(f"  {', '.join(left_out)}: not in any plane of output.planes")
    for note in dict.fromkeys(note for entry in found for note in entry.notes):
        print(f"note: {note}")
    warn(entry.warnings for entry in found)
