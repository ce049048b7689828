"""Results, unfinished files, shards and calibrations with damaged bytes: read or refused in sentences.

    python fuzz/damaged.py [--count 5000] [--seed 0] FOLDER

Each is opened in a process of its own with little memory and time. FOLDER keeps what came to anything else, as `odd-*`;
a seed gives the same files.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.faults.strangers import open_damaged


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=5000, help="files")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    odd = open_damaged(options.folder, options.seed, options.count)
    for what in odd:
        print(f"{what['what']} ({what['times']} times, first {what['first']})")
    print(f"{options.count} files, {len(odd)} kinds of what is neither read nor refused")
    return int(bool(odd))


if __name__ == "__main__":
    sys.exit(main())
