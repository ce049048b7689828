"""`scanengine events`: expected counts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from scanengine.cli.options import AtOption, DataOption, JsonOption, ScanArgument, SetOption, axis_values, load_scan
from scanengine.cli.words import finite

if TYPE_CHECKING:
    from scanengine.api import Scan


def events(
    scan: ScanArgument,
    at: AtOption = None,
    overrides: SetOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count expected events by flavour and bin.

    Backgrounds and data are shown beside them. Fixed and tied parameters have their values, axes those that --at
    gives them, or else that of the Standard Model.
    """
    loaded = load_scan(scan, overrides, data, quiet=as_json)
    values = axis_values(at)
    if as_json:
        records = [
            {
                "experiment": record.experiment,
                "channel": record.channel,
                "flavour": record.flavour,
                "bin": [finite(end) for end in record.bin.energy],
                **({} if record.units == "keV" else {"units": record.units}),
                **({"time_bin_us": list(record.bin.time_us)} if record.bin.time_us else {}),
                "recoil": record.recoil,
                "counts": record.counts,
            }
            for record in loaded.events(**values)
        ]
        print(json.dumps(records, indent=1))
        return
    print_events(loaded, values)


def print_events(scan: Scan, values: Mapping[str, float] | None = None) -> None:
    """Print what the targets are made of, expected counts as a table with their total, and what was seen."""
    values = values or {}
    counted = scan.events(**values)
    print("\n".join(scan.definition.targets))
    all_keV = all(record.units == "keV" for record in counted)
    rows = [("experiment", "channel", "flavour", "recoil", "recoil energy [keV]" if all_keV else "energy", "events")]
    for record in counted:
        interval = _range(record.bin.energy) + ("" if all_keV else f" {record.units}")
        if record.bin.time_us:
            interval += ", {:g} to {:g} us".format(*record.bin.time_us)
        rows.append((*record[:3], record.recoil, interval, f"{record.counts:.6g}"))
    rows.append(("total", "", "", "", "", f"{sum(record.counts for record in counted):.6g}"))
    _print_table(rows, 5)
    if any(experiment.backgrounds or experiment.data is not None for experiment in scan.definition.experiments):
        _print_bins(scan, values)


def _print_bins(scan: Scan, values: Mapping[str, float]) -> None:
    """Print signal, backgrounds and data in each bin of energy."""
    from scanengine.errors import InputError
    from scanengine.scan.binned import bin_counts

    try:
        found = bin_counts(scan.problem, values)
    except InputError as error:  # something was seen where nothing is expected
        print(f"note: {error}")
        return
    print("\nall flavours and times, nuisances at their nominal values:")
    names = list(dict.fromkeys(name for each in found for name in each.backgrounds))
    counted = any(each.data is not None for each in found)
    rows = [("experiment", "channel", "energy", "signal", *names, *(["data"] if counted else []))]
    for each in found:
        backgrounds = [f"{each.backgrounds[name]:.4g}" if name in each.backgrounds else "" for name in names]
        data = "" if each.data is None else f"{each.data:.6g}"
        energy = f"{_range(each.energy)} {each.units}"
        rows.append(
            (each.experiment, each.channel, energy, f"{each.signal:.4g}", *backgrounds, *([data] if counted else []))
        )
    _print_table(rows, 3)


def _range(energy: tuple[float, float]) -> str:
    low, high = energy
    return f"above {low:g}" if high == float("inf") else f"{low:g} to {high:g}"


def _print_table(rows: Sequence[tuple[str, ...]], words: int) -> None:
    """Print rows whose first so many columns are words, and the others numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [f"{cell:{'<' if i < words else '>'}{widths[i]}}" for i, cell in enumerate(row)]
        print("  ".join(cells).rstrip())
