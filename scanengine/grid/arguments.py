"""Arguments of the Python interface: numbers of any kind that NumPy has, whole numbers, confidence levels, paths.

Anything else raises an error that says what was found.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray

LARGEST = 1e30
"""Numbers beyond it are no parameter's, and their products overflow."""

_SIGMA = 8.0
"""Levels up to this are standard deviations by mistake, higher ones per cents."""


def number(value: object, what: str) -> float:
    """Return a finite number: Python's, a NumPy scalar or array without dimensions, a Decimal or a Fraction.

    Raises InputError for anything else: text, a list, a boolean, None, nan, an infinity.
    """
    found = _real(value)
    if found is None:
        raise InputError(f"{what} must be a number: found {_shown(value)}")
    if not abs(found) <= LARGEST:
        raise InputError(f"{what} must be a finite number, from -{LARGEST:g} to {LARGEST:g}: found {found:g}")
    return found


def _real(value: object) -> float | None:
    """Return a number of any kind, finite or not; None for anything that is not a number."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = None if getattr(value, "mask", False) else value.item()
    if isinstance(value, bool | np.bool_):
        return None
    if not isinstance(value, Real | Decimal):
        scalar = None if isinstance(value, str | bytes) else getattr(value, "__array__", None)
        array = np.asarray(value) if callable(scalar) else np.empty(1)
        if array.ndim or array.dtype.kind not in "iuf":
            return None
        value = array.item()
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]} ..."


def numbers(values: object, what: str) -> FloatArray:
    """Return one number or several as an array (n,). Raises InputError as `number` does."""
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind == "f" and np.isfinite(values).all():
        return np.asarray(values, dtype=np.float64)
    return np.array([number(value, what) for value in _items(values)], dtype=np.float64)


def _items(values: object) -> list[object]:
    """Return the elements of any iterable; anything else is its own only element."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        return [values]
    try:
        return list(values)
    except TypeError:  # an array without dimensions
        return [values]


def whole(value: object, what: str, least: int | None = None) -> int:
    """Return a whole number, not below `least`. Raises InputError for anything else."""
    exact = isinstance(value, Integral) and not isinstance(value, bool)
    found = int(value) if exact else number(value, what)  # type: ignore[call-overload]
    if found != int(found):
        raise InputError(f"{what} must be a whole number: found {found:g}")
    if least is not None and found < least:
        raise InputError(f"{what} must be at least {least}: found {found:g}")
    return int(found)


def confidence_level(value: object) -> float:
    """Return a confidence level, a fraction. Raises InputError for anything else, saying what was probably meant."""
    found = _real(value)
    if found is None:
        raise InputError(f"A confidence level is a fraction between 0 and 1, such as 0.9: found {_shown(value)}.")
    if not 0.0 < found < 1.0:
        hint = ""
        if _SIGMA < found < 100.0:
            hint = f"; for {found:g}% write {found / 100.0:g}"
        elif 1.0 <= found <= _SIGMA:
            of_sigma = math.erf(found / math.sqrt(2.0))
            hint = f"; for {found:g} standard deviation{'' if found == 1.0 else 's'} write {_enough(of_sigma)}"
        raise InputError(f"A confidence level is a fraction between 0 and 1: found {found:g}{hint}.")
    return found


def _enough(level: float) -> str:
    """A level near 1 with as many digits as tell it from 1."""
    return f"{level:.{max(4, 2 - math.floor(math.log10(1.0 - level)))}f}" if level < 1.0 else "less"


def confidence_levels(values: object) -> tuple[float, ...]:
    """Return one confidence level or several, in their order. Raises InputError for another, and for none."""
    if isinstance(values, str | bytes) or values is None:
        confidence_level(values)
    found = tuple(confidence_level(value) for value in _items(values))
    if not found:
        raise InputError("At least one confidence level is needed, such as 0.9: found an empty list.")
    return found


def path(value: object, what: str) -> Path:
    """Return a path. Raises InputError for anything that is not a path."""
    if isinstance(value, str) or (isinstance(value, os.PathLike) and isinstance(os.fspath(value), str)):
        return Path(value)
    raise InputError(f"{what} must be a path, as text or a pathlib.Path: found {_shown(value)}")
