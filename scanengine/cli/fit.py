"""`scanengine fit`: the best fit between the grid's points, and all other minima."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanengine.cli.minimum import fit_record, print_fit
from scanengine.cli.options import DataOption, JsonOption, SetOption, load_scan
from scanengine.cli.proofs import print_proof, proof_record
from scanengine.cli.words import chi2_of
from scanengine.errors import InputError

if TYPE_CHECKING:
    from scanengine.api import Minimum, Scan


def fit(
    file: Annotated[str, typer.Argument(metavar="FILE|NAME|OUT.h5", help="A scan, or a result to start from as well.")],
    overrides: SetOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find all minima of chi2 within the axes.

    Minima are found between the grid points, too; where it is possible, the list is proven to be complete.
    """
    starts = []
    if Path(file).suffix in (".h5", ".hdf5"):
        from scanengine.api import Scan, open_result

        if overrides or data:
            raise InputError("--set and --data go with a scan file: a result has its own, data are in $SCANENGINE_DATA")
        result = open_result(Path(file))
        loaded, starts = Scan(result.definition), [result.best_fit]
    else:
        loaded = load_scan(file, overrides, data, quiet=as_json)
    minima, proof = loaded.fit_and_prove(*starts)
    if as_json:
        print(json.dumps({**fitted(minima), **proof_record(proof)}, indent=1))
        return
    print_minima(loaded, minima)
    print_proof(proof)


def fitted(minima: Sequence[Minimum]) -> dict[str, Any]:
    """Return minima, the lowest first, for JSON."""
    records = [
        {
            "chi2": each.chi2,
            "delta_chi2": each.above(minima[0]),
            "place": each.place,
            "errors": each.errors,
            "covariance": None if each.covariance is None else each.covariance.tolist(),
            "at_edge": list(each.at_edge),
            "is_parabolic": each.is_parabolic,
            "is_flat": each.is_flat,
            **({"extent": {name: list(ends) for name, ends in each.extent.items()}} if each.is_flat else {}),
            **fit_record(each.chi2, each.fit),
        }
        for each in minima
    ]
    return {"minimum": minima[0].chi2, "best_fit": minima[0].place, "minima": records}


def print_minima(scan: Scan, minima: Sequence[Minimum]) -> None:
    """Print all minima, the lowest first."""
    from scanengine.api.words import after_several, quantity, with_error

    units = {axis.name: axis.units for axis in scan.definition.axes}
    for number, each in enumerate(minima):
        what = "best fit" if number == 0 else f"minimum {number + 1}"
        above = each.above(minima[0])
        words = "" if number == 0 else f", {above:.4g} above the best fit" if above else " (as low as the best fit)"
        print(f"{what}: chi2 = {chi2_of(each.chi2)}{words} at")
        for name, value in each.place.items():
            unit = units[name]
            written = quantity(value, unit, 6) if each.errors is None else with_error(value, each.errors[name], unit)
            edge = "  (at the end of its axis)" if name in each.at_edge else ""
            print(f"  {name} = {written}{edge}")
        if each.is_flat:
            print("  one point of a connected set of equal minima, which extends over")
            for name, (low, high) in each.extent.items():
                print(f"    {name} from {low:.4g} to {high:.4g}{after_several(units[name])}")
        elif not each.is_parabolic:
            print("  no errors: chi2 is flat in some direction, or is not parabolic")
        print_fit(each.chi2, each.fit)
