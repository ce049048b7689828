"""What other processes do with what is sent to them, and what it means that it came back as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path

import numpy as np

from scanengine.api import Result, Scan
from scanengine.inference.contours import Region
from scanengine.scan.problem import Problem


def run_in_memory(scan: Scan) -> tuple[Result, Region, float]:
    result = scan.run()
    return result, result.region(cl=0.90), scan.chi2(eps_ee_uV=0.3)


def run_to_file(scan: Scan, path: Path) -> Result:
    return scan.run(path, overwrite=True)


def read(result: Result) -> tuple[Region, bytes]:
    return result.region(cl=0.90), result.chi2.tobytes()


def same(one: object, other: object) -> bool:
    """Whether two things hold the same, bit by bit, whatever they are made of."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        assert isinstance(other, np.ndarray)
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    if is_dataclass(one):
        return all(same(getattr(one, each.name), getattr(other, each.name)) for each in fields(one))
    if isinstance(one, partial):
        return same((one.func, one.args, one.keywords), (other.func, other.args, other.keywords))  # type: ignore[attr-defined]
    if isinstance(one, Mapping):
        assert isinstance(other, Mapping)
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        assert isinstance(other, list | tuple)
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Scan | Result | Problem):
        return same(one.__dict__, other.__dict__)
    return bool(one == other) or (one != one and other != other)  # noqa: PLR0124  (nan)
