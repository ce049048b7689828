"""Runs of small scans that are killed at random moments and go on: nothing acknowledged is lost.

    python fuzz/kills.py [--kills 100] [--seed 0]

Each kind of scan is killed so many times, by the clock: a seed gives the same moments, and nearly the same kills.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.faults.kills import KINDS, PAUSE, RUN, Kind, finish, kill_again_and_again, run_whole
from tests.faults.nursery import Child, Nursery, nursery
from tests.faults.scans import write_scan


def kill_at_random(serving: Nursery, folder: Path, kind: Kind, chance: random.Random, kills: int) -> None:
    (folder / "whole").mkdir()
    result, seconds = run_whole(serving, folder / "whole", kind, PAUSE)
    write_scan(folder, kind[0], kind[1])

    def start() -> Child:
        threads = str(chance.randint(1, 3))
        child = serving.start(folder, *RUN, "--threads", threads, compiled=kind[2], pause=PAUSE)
        time.sleep(chance.uniform(0.02, seconds))
        child.kill()
        return child

    killed = 0
    while killed < kills:
        killed += kill_again_and_again(folder, result, [start] * 10)
    finish(serving, folder, kind, result, chance.randint(1, 3))
    print(f"{kind}: killed {killed} times, nothing lost", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="of each kind of scan")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with nursery() as serving:
        for kind in KINDS:
            with tempfile.TemporaryDirectory() as folder:
                kill_at_random(serving, Path(folder), kind, random.Random(f"{kind} {options.seed}"), options.kills)


if __name__ == "__main__":
    main()
