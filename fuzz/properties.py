"""The properties that the tests state, with other examples: rounds of pytest, each with a seed of its own.

    python fuzz/properties.py [--seconds 600] [--seed 0] [PYTEST ARGUMENTS]

It ends with the first round that fails, whose last lines say how to see it again. An example that fails is then pinned:
as `@example` of its test, or as a test of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="no round begins after them")
    parser.add_argument("--seed", type=int, default=0, help="of the first round; the next ones count up")
    options, arguments = parser.parse_known_args()
    chosen = ["-q", "-p", "no:cacheprovider", "--hypothesis-profile=campaign", "-m", "hypothesis", *arguments]
    end, seed = time.monotonic() + options.seconds, options.seed
    while time.monotonic() < end:
        print(f"seed {seed}", flush=True)
        command = [sys.executable, "-m", "pytest", f"--hypothesis-seed={seed}", *chosen]
        if status := subprocess.run(command, cwd=Path(__file__).parent.parent, check=False).returncode:
            return status
        seed += 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
