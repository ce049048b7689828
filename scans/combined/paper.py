"""All independent data: what is fitted, and what the recipes share."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from scanengine import Result, Scan, figures
from scanengine.inference.levels import delta_chi2
from scanengine.reproduce import Check, Paper

paper = Paper(
    Path(__file__).parent,
    "All independent data: COHERENT, CONUS+ and XENONnT",
    "CsI of arXiv:2110.07730, Ar of 2006.12659, Ge of 2406.13806, CONUS+ of 2501.05206, XENONnT of 2604.06002",
)

EXPERIMENTS = {
    "COHERENT CsI": ("CsI2021",),
    "COHERENT Ar": ("LAr2020",),
    "COHERENT Ge": ("Ge2024",),
    "CONUS+": ("CONUS",),
    "XENONnT": ("SR0", "SR1", "SR2"),
}
"""What is fitted alone, and the experiments of the scan files that it is."""

ALL = "all"
STROKE = {name: number for number, name in enumerate((ALL, *EXPERIMENTS))}
RELEASES = ("csi2021", "lar2020", "xenonnt")
ONE_SIGMA = 0.682689492137086
CL = 0.90
NUCLEI_ALONE = {f"experiments.{name}.recoils": ["nucleus"] for name in ("CsI2021", "Ge2024", "CONUS")}


def absent() -> list[str]:
    """Return the folders of data that are not there."""
    folder = os.environ.get("SCANENGINE_DATA")
    return [name for name in RELEASES if not folder or not (Path(folder) / name).is_dir()]


def not_run(what: str) -> list[Check]:
    """Return a line of the report if data are absent."""
    return [Check.not_run(f"All independent data: {what}", "")] if absent() else []


def missing_note() -> list[str]:
    """Return the note that says which data are absent; none if all are there."""
    missing = ", ".join(absent())
    said = (
        f"Not run, as data are absent: {missing}. --data DIR or SCANENGINE_DATA names the folder that has these as "
        "folders; `scanengine data combined/weak-mixing-angle` says where to get them."
    )
    return [said] if missing else []


@cache
def loaded(scan: str) -> Scan:
    """Return a scan of the paper."""
    return paper.load(scan)


def of(scan: Scan, name: str) -> Scan:
    """Return a scan of one of the `EXPERIMENTS`, or of all."""
    return scan if name == ALL else scan.only(*EXPERIMENTS[name])


def interval_words(found: Result, cl: float, name: str) -> str:
    """Return a parameter's allowed intervals in words; an end that leaves the axis is open."""
    (intervals,) = [each for each in found.limits(cl) if each.axis == name]
    first, last = found.profile(name).axes[0].values[[0, -1]]
    words = []
    for lo, hi in intervals.intervals:
        start = f"{lo:.3g}" if lo is not None else "0" if first == 0.0 else f"below {first:.4g}"
        words.append(f"{start} to {f'{hi:.3g}' if hi is not None else f'above {last:.4g}'}")
    return " or ".join(words)


def profile_panel(lines: list[figures.Line], x_label: str, title: str, x_range: tuple[float, float]) -> figures.Panel:
    """Return a panel of Delta chi2 over a parameter."""
    return figures.Panel(
        tuple(lines),
        x_label,
        r"$\Delta\chi^2$",
        title,
        x_range=x_range,
        y_range=(0.0, 6.0),
        levels=((delta_chi2(ONE_SIGMA, 1), r"1$\sigma$"), (delta_chi2(CL, 1), "90%")),
    )
