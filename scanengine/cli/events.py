"""`scanengine events`: expected counts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scanengine.cli.options import DataOption, JsonOption, ScanArgument, SetOption, load_scan
from scanengine.cli.words import finite

if TYPE_CHECKING:
    from scanengine.api import Scan


def events(
    scan: ScanArgument, overrides: SetOption = None, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Count expected events per experiment, channel, flavour and bin, at the fixed and tied values."""
    loaded = load_scan(scan, overrides, data, quiet=as_json)
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
            for record in loaded.events()
        ]
        print(json.dumps(records, indent=1))
        return
    print_events(loaded)


def print_events(scan: Scan) -> None:
    """Print what the targets are made of, and expected counts as a table with their total."""
    counted = scan.events()
    print("\n".join(scan.definition.targets))
    all_keV = all(record.units == "keV" for record in counted)
    rows = [("experiment", "channel", "flavour", "recoil", "recoil energy [keV]" if all_keV else "energy", "events")]
    for record in counted:
        lo, hi = record.bin.energy
        interval = f"above {lo:g}" if hi == float("inf") else f"{lo:g} to {hi:g}"
        interval += "" if all_keV else f" {record.units}"
        if record.bin.time_us:
            interval += ", {:g} to {:g} us".format(*record.bin.time_us)
        rows.append((*record[:3], record.recoil, interval, f"{record.counts:.6g}"))
    rows.append(("total", "", "", "", "", f"{sum(record.counts for record in counted):.6g}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for *words, number in rows:
        cells = [f"{word:<{width}}" for word, width in zip(words, widths[:-1], strict=True)]
        print("  ".join([*cells, f"{number:>{widths[-1]}}"]))
