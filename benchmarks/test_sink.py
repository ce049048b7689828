"""A grid written to a file, from the scan file to the last fsync, beside what the disk takes at most.

`pytest benchmarks/test_sink.py -s` prints the ratios. Disks are noisy: raw writes of as many bytes go before and after
each run, and of all of them the median counts. SCANENGINE_BENCHMARK_POINTS sets the size (default: small, as a test).
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

import numpy as np
import pytest

import scanengine
from benchmarks.grids import NAMES
from scanengine.scan.grid_scan import GridScan

POINTS = int(os.environ.get("SCANENGINE_BENCHMARK_POINTS", "3_000_000"))
KINDS = {
    "uncompressed": ["output.compression=none"],
    "deflate": [],
    "deflate, rounded to 1e-6": ["output.relative_error=1e-6"],
}
_BLOCK = 1 << 20


def raw_seconds(path: Path, n_bytes: int) -> float:
    """Return how long it takes to write so many bytes, and to force them to the disk."""
    block = np.random.default_rng(0).bytes(_BLOCK)
    began = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for _ in range(max(1, n_bytes // _BLOCK)):
            file.write(block)
        os.fsync(file.fileno())
    taken = time.perf_counter() - began
    path.unlink()
    return taken


@pytest.mark.jit_only
def test_sink_beside_the_raw_disk(tmp_path: Path) -> None:
    inner = 40 if POINTS > 40**4 else 20
    points = dict.fromkeys(NAMES, inner) | {NAMES[0]: max(3, POINTS // inner**4)}
    axes = [f"axes.{name}.points={number}" for name, number in points.items()]
    scans = {
        kind: scanengine.load("large/nsi-5d", [*axes, "output.profile=grid", *options])
        for kind, options in KINDS.items()
    }
    n_bytes = 8 * GridScan(scans["deflate"].problem).tiles.points
    raw, taken, cpu, sizes = [], {kind: [] for kind in KINDS}, {kind: [] for kind in KINDS}, {}
    for scan in scans.values():  # the first time compiles, and integrates
        scan.run(tmp_path / "warm.h5", overwrite=True)
    for _ in range(7):
        for kind, scan in scans.items():
            raw.append(raw_seconds(tmp_path / "raw", n_bytes))
            path, began, busy = tmp_path / "out.h5", time.perf_counter(), time.process_time()
            scan.run(path, overwrite=True)
            taken[kind].append(time.perf_counter() - began)
            cpu[kind].append(time.process_time() - busy)
            sizes[kind] = path.stat().st_size
            path.unlink()
    limit = statistics.median(raw)
    print(f"\nraw write and fsync of {n_bytes / 1e9:.2f} GB: {n_bytes / limit / 1e9:.2f} GB/s")
    for kind in KINDS:
        median = statistics.median(taken[kind])
        print(
            f"{kind}: {limit / median:.2f} of it, {sizes[kind] / n_bytes:.3f} of the bytes, "
            f"{n_bytes / statistics.median(cpu[kind]) / 8e6:.0f} million points per second of processor time"
        )
    assert sizes["deflate, rounded to 1e-6"] < sizes["deflate"] < sizes["uncompressed"]
