"""No kernel reads or writes outside of an array: what `NUMBA_BOUNDSCHECK=1` finds, in processes of their own.

All tests of kernels run with it in `.ci/run`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BLOCKS = """
import numpy as np
from scanengine_kernels import _simd as simd
from scanengine_kernels._bytes import gather_bytes
from scanengine_kernels._jit import jit_uncached

@jit_uncached
def copied(given, at, out, to):
    simd.store(out, to, simd.load(given, at))

@jit_uncached
def streamed(given, out, to):
    simd.stream(out, to, simd.load(given, 0))

@jit_uncached
def gathered(words, at, planes):
    gather_bytes(words, at, np.uint64(0), ~np.uint64(0), planes)

given, out = np.arange(16.0), simd.aligned(16)
words, planes = np.arange(128, dtype=np.uint64), np.zeros((8, 128), dtype=np.uint8)
copied(given, 8, out, 8)
assert out[8:].tolist() == given[8:].tolist()
streamed(given, out, 8)
assert out[8:].tolist() == given[:8].tolist()
gathered(words, 64, planes)
assert planes[0].tolist() == [0] * 64 + words[64:].tolist()
outside = [(copied, (given, at, out, to)) for at, to in ((9, 0), (-1, 0), (0, 9), (0, -1), (0, 2**62))]
outside += [(streamed, (given, out, 16)), (streamed, (given, out, -8))]
outside += [(gathered, (words, at, planes)) for at in (65, -1)]
outside += [(gathered, (words, 0, planes[:, :63].copy())), (gathered, (words, 0, np.zeros((9, 128), dtype=np.uint8)))]
for kernel, given_arguments in outside:
    try:
        kernel(*given_arguments)
    except IndexError:
        continue
    raise SystemExit(f"no error: {kernel} {given_arguments[1:]}")
"""

NARROW_BINS = """
from dataclasses import replace
from math import inf, nextafter
import numpy as np
from scanengine.response import integrals
from scanengine.response.integrals import responses
from tests.scan_files import definition, experiment

integrals.INTERPRETED_PANELS = -1
def rounded_up(edges):
    return np.array([*edges, nextafter(edges[-1], inf)])
wide = np.linspace(5.0, 24.95, 40).tolist()
scan = definition([experiment(target=name, name=name, recoil_window_keV=[5.0, inf]) for name in ("Ge", "CsI")])
for narrow, whole in ((rounded_up(wide), wide), (rounded_up([10.0]), None), (np.array([10.0, 10.0]), None)):
    of_edges = [
        responses(replace(scan, experiments=tuple(replace(e, bin_edges_keV=np.array(edges)) for e in scan.experiments)))
        for edges in (narrow, whole or narrow)
    ]
    for found, wanted in zip(*of_edges):
        last = found.integrals[-1]
        assert np.all((last >= 0.0) & (last <= 1e-9 * wanted.integrals[0])) or whole is None, last
        assert np.all(np.isfinite(found.integrals))
        if whole is not None:
            np.testing.assert_allclose(found.integrals[:-1], wanted.integrals, rtol=1e-12)
"""


def run(code: str, **environment: str) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "NUMBA_DISABLE_JIT"}
    path = os.pathsep.join([str(ROOT), str(ROOT / "kernels")])
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=kept | {"PYTHONPATH": path} | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.jit_only
def test_blocks_outside_of_an_array_are_found_in_compiled_kernels() -> None:
    run(BLOCKS, NUMBA_BOUNDSCHECK="1")


def test_blocks_outside_of_an_array_are_found_by_python() -> None:
    run(BLOCKS, NUMBA_DISABLE_JIT="1")


@pytest.mark.jit_only
def test_bins_of_no_width_write_nowhere_else() -> None:
    run(NARROW_BINS, NUMBA_BOUNDSCHECK="1")
