"""Results with one bit flipped anywhere: what is read of them is what was written, or they are refused.

    python fuzz/flips.py [--flips 10000] [--seed 0]

A seed gives the same flips.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.faults.test_flips import flip_anywhere


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", type=int, default=10_000, help="of each kind of file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for keep in ("grid", "profiles"):
        with tempfile.TemporaryDirectory() as folder:
            refused = flip_anywhere(Path(folder) / "out.h5", keep, random.Random(options.seed), options.flips)
        print(f"{keep}: {options.flips} flips, {refused} refused, the others read as written", flush=True)


if __name__ == "__main__":
    main()
