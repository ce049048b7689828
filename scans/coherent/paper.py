"""COHERENT's data releases, their scans, and what several of the recipes share."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from scanengine import Result, Scan, figures
from scanengine.inference.levels import delta_chi2
from scanengine.reproduce import Check, Paper

paper = Paper(
    Path(__file__).parent,
    "COHERENT, CsI 2017 and 2021, LAr 2020, Ge 2024",
    "fits to the data releases arXiv:1804.09459, 2110.07730 and 2006.12659 and to the count of 2406.13806",
)

SCANS = {
    "csi2017": "CsI 2017",
    "csi2017-counting": "CsI 2017, one count",
    "csi2021": "CsI 2021",
    "lar2020": "LAr 2020",
    "ge2024": "Ge 2024",
    "combined": "CsI 2021 + LAr + Ge",
    "all-four": "all four",
}
"""Scan files, and how they are called in figures and tables."""

SINGLE = ("csi2017", "csi2021", "lar2020", "ge2024")
SHOWN = (*SINGLE, "combined")
"""What figures show; tables have all scans."""

RELEASES = {
    "csi2017": ("csi2017",),
    "csi2021": ("csi2021",),
    "lar2020": ("lar2020",),
    "combined": ("csi2021", "lar2020"),
    "all-four": ("csi2017", "csi2021", "lar2020"),
}
"""The folders of data that a scan reads; the others read none."""

STROKE = {scan: number for number, scan in enumerate(("combined", *SINGLE))}

ONE_SIGMA = 0.682689492137086
CL = 0.90


def absent(scan: str) -> list[str]:
    """Return the folders of data of a scan that are not there."""
    folder = os.environ.get("SCANENGINE_DATA")
    return [name for name in RELEASES.get(scan, ()) if not folder or not (Path(folder) / name).is_dir()]


def there(scans: Iterable[str]) -> list[str]:
    """Return those scans whose data are there."""
    return [scan for scan in scans if not absent(scan)]


def not_run(what: str, scans: Iterable[str]) -> list[Check]:
    """Return a line of the report for each scan whose data are absent."""
    return [Check.not_run(f"{SCANS[scan]}: {what}", "") for scan in scans if absent(scan)]


def missing_note(scans: Iterable[str]) -> list[str]:
    """Return the note that says which data are absent and where to get them; none if all are there."""
    missing = sorted({folder for scan in scans for folder in absent(scan)})
    if not missing:
        return []
    where = {
        "csi2017": "csi2017 (the data release arXiv:1804.09459)",
        "csi2021": "csi2021 (the ancillary files of arXiv:2110.07730)",
        "lar2020": "lar2020 (the data release arXiv:2006.12659)",
    }
    return [
        "Not run, as data are absent: "
        + ", ".join(where[name] for name in missing)
        + ". --data DIR or SCANENGINE_DATA names the folder that has these as folders."
    ]


@paper.cache
def loaded(scan: str, overrides: tuple[str, ...] = ()) -> Scan:
    """Return a scan of the paper with its integrals done."""
    made = paper.load(scan, *overrides)
    made.events()
    return made


@paper.cache
def result(scan: str, axes: str, *overrides: str) -> Result:
    """Return the result of a scan over other axes than its file's, as "sin2_theta_w = { min = 0.0, ... }"."""
    return loaded(scan, (f"axes={{ {axes} }}", *overrides)).run()


def without_nuisances(scan: Scan, *names: str) -> Scan:
    """Return a scan with some of its nuisances held at zero."""
    nuisances = tuple(each for each in scan.definition.nuisances if each.name not in names)
    held = Scan(replace(scan.definition, nuisances=nuisances))
    held.problem.responses = scan.responses
    return held


def interval_words(found: Result, cl: float, name: str) -> str:
    """Return a parameter's allowed intervals in words; an end that leaves the axis is open."""
    (intervals,) = [each for each in found.limits(cl) if each.axis == name]
    first, last = found.profile(name).axes[0].values[[0, -1]]
    words = []
    for lo, hi in intervals.intervals:
        start = f"{lo:.4g}" if lo is not None else "0" if first == 0.0 else f"below {first:.4g}"
        words.append(f"{start} to {f'{hi:.4g}' if hi is not None else f'above {last:.4g}'}")
    return " or ".join(words)


def profile_panel(axes: str, name: str, x_label: str, title: str, *overrides: str, top: float = 6.0) -> figures.Panel:
    """Return a panel with Delta chi2 over a parameter, from each scan that is shown."""
    lines = [
        figures.Line.of_profile(result(scan, axes, *overrides).profile(name), SCANS[scan], STROKE[scan])
        for scan in there(SHOWN)
    ]
    return figures.Panel(
        tuple(lines),
        x_label,
        r"$\Delta\chi^2$",
        title,
        y_range=(0.0, top),
        levels=((delta_chi2(ONE_SIGMA, 1), r"1$\sigma$"), (delta_chi2(CL, 1), "90%")),
    )
