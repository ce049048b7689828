"""Exact profiles of random scans against random starts: does a search from anywhere find a cell that is too high?

python fuzz/exact_profiles.py SECONDS [FIRST_SEED]

Each seed is a scan of two to four experiments and three to six axes of few points. Every plane and line is minimised
as `output.profile = "exact"` does, and then every cell is searched from random places and hands on what it finds: cells
that fall by more than 0.001 are printed with the seed, as are lines above the lowest of their planes. Prints the scan
file of each seed that fails, to be pinned in tests/valleys.
"""

from __future__ import annotations

import sys
import time
from itertools import combinations
from typing import Any

import numpy as np

from scanengine import definition as definitions
from scanengine.api import Scan
from scanengine.driver import final_checks
from scanengine.driver.cells import Cells
from scanengine.driver.one_pass import scan_grid
from scanengine.driver.sinks import NoSink
from scanengine.scan.conclusions import exact_of

ENDS = {
    "eps_ee_uV": 2.5,
    "eps_ee_dV": 2.5,
    "eps_mm_uV": 2.5,
    "eps_mm_dV": 2.5,
    "eps_em_uV": 1.2,
    "eps_et_dV": 1.2,
    "eps_mt_dV": 1.2,
    "mu_nu": 20.0,
    "r2_nu_e": 50.0,
    "r2_nu_mu": 40.0,
}
TARGETS = ("Ne20", "Ar40", "Ge76", "Xe132", "Si28", "Ca40", "CsI")
CHANNELS = (
    '{ delayed = ["nu_e", "nu_mubar"], prompt = ["nu_mu"] }',
    '{ all = ["nu_e", "nu_mubar", "nu_mu"] }',
    '{ prompt = ["nu_mu"], e = ["nu_e"], mb = ["nu_mubar"] }',
)
SEARCHES = 10
VISIBLE = 1e-3


def scan_file(seed: int) -> str:
    """Return a random scan, whose data are the Standard Model's expectations."""
    random = np.random.default_rng(seed)
    source = 'kind = "stopped-pion"\nflux_per_cm2_s = 1.0e7\nreference_distance_m = 20.0'
    lines = ['title = "Random scan"', "[source]", source]
    for number in range(int(random.integers(2, 5))):
        edges = np.cumsum(random.uniform(3.0, 12.0, size=int(random.integers(1, 5))))
        bins = f"recoil_bins_keV = {edges.tolist()}" if edges.size > 1 else f"recoil_window_keV = [{edges[0]}, inf]"
        lines.append(
            f'[[experiments]]\nname = "X{number}"\ntarget = "{random.choice(TARGETS)}"\n'
            f"mass_kg = {10.0 ** random.uniform(0.0, 3.0)}\nlive_time_yr = 1.0\ndistance_m = 20.0\n{bins}\n"
            f"channels = {random.choice(CHANNELS)}\nsystematic = {random.choice([0.0, 0.02, 0.1, 0.2])}"
        )
    lines.append("[axes]")
    for name in random.choice(list(ENDS), size=int(random.integers(3, 7)), replace=False):
        low, high = -random.uniform(0.2, 1.0) * ENDS[name], random.uniform(0.2, 1.0) * ENDS[name]
        low = 0.0 if name == "mu_nu" else low
        lines.append(f"{name} = {{ min = {low}, max = {high}, points = {random.integers(4, 9)} }}")
    return "\n".join([*lines, '[output]\nprofile = "exact"\nkeep = "profiles"\n'])


class Kept(list[tuple[Cells, Any]]):
    """The planes as they were settled, with their axes."""

    def settle(self, plane: Cells, grid: Any, pair: tuple[int, int]) -> final_checks.Checks:
        """Do as `final_checks` does, and keep the plane."""
        checks = _settle(plane, grid, pair)
        self.append((plane, pair))
        return checks


_settle = final_checks.settle


def too_high(plane: Cells, random: np.random.Generator) -> tuple[int, float]:
    """Return in how many cells random starts find less than a plane has, and by how much at most."""
    if not plane.hidden.searched:
        return 0, 0.0
    before, cells, box = plane.chi2.copy(), np.arange(plane.chi2.size), plane.hidden.box
    for _ in range(SEARCHES):
        plane.search(cells, random.uniform(box.lower, box.upper, size=(cells.size, box.lower.size)))
        plane.hand_on()
    fell = before - plane.chi2
    return int(np.count_nonzero(fell > VISIBLE)), float(fell.max())


def main() -> None:
    """Try one seed after another until the time is over."""
    until = time.monotonic() + float(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    cells = wrong = scans = excluded = 0
    while time.monotonic() < until:
        kept = Kept()
        final_checks.settle = kept.settle
        text = scan_file(seed)
        scan = Scan(definitions.parse(text))
        grid = scan_grid(scan.problem.evaluator, scan.definition.axes, NoSink(), compiled=scan.problem.compiled)
        _, exact = exact_of(scan.problem, grid, 1)
        random = np.random.default_rng((2, seed))
        failed = False
        for plane, pair in kept:
            before = plane.chi2.copy()
            number, most = too_high(plane, random)
            now_allowed = (plane.chi2 < exact.minimum + 4.605) & (before > exact.minimum + 4.605 + VISIBLE)
            excluded += int(np.count_nonzero(now_allowed))
            cells, wrong = cells + before.size, wrong + number
            if number:
                failed = True
                names = " and ".join(scan.definition.axes[i].name for i in pair)
                allowed = np.count_nonzero(now_allowed)
                print(f"seed {seed}: {names}: {number} of {before.size} cells fall, by {most:.3g}; {allowed} allowed")
        names = [axis.name for axis in scan.definition.axes]
        for x, y in combinations(names, 2):
            for name, along in ((x, 1), (y, 0)):
                line = exact.planes[x, y].min(axis=along)
                if np.any(exact.lines[name] > line + VISIBLE):
                    failed = True
                    print(f"seed {seed}: the line of {name} is above the plane of {x} and {y}")
        if failed:
            print(text)
        scans, seed = scans + 1, seed + 1
    print(f"{scans} scans, {cells} cells, {wrong} too high, {excluded} of them wrongly excluded")


if __name__ == "__main__":
    main()
