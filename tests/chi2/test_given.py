"""Cross-sections of the user's own that cannot be used are told what they should be."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

from scanengine.api import Scan
from scanengine.chi2.given import OwnCrossSection
from scanengine.errors import InputError, RunError, ScanengineError
from tests.naive import FloatArray
from tests.scan_files import definition, experiment

pytestmark = pytest.mark.jit_only
needs_jit = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="there is nothing to be compiled")


def constant(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    return 1e-40


def negative(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    return -1e-40


def fails(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    raise ValueError("too bad")


def fails_somewhere(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    if E > 31.0:
        raise ValueError("too bad")
    return 1e-40


def several(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> Any:
    return np.array([1e-40, 2e-40])


def words(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> str:
    return "many"


def of_two(E: float, T: float) -> float:
    return 1e-40


def nothing(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    return np.nan


def elastic(E: float, M: float) -> float:
    return 2.0 * E * E / M


def of_energy(E: float) -> float:
    return E


def fails_above(E: float, M: float) -> float:
    if E > 31.0:
        raise ValueError("too bad")
    return 2.0 * E * E / M


WANTED = r"it is called with \(E_MeV, T_MeV, nucleus, flavour, parameters\) and returns cm\^2/MeV"


def scan_with(dsigma_dT: Any, T_max: Any = None) -> Scan:
    seen = experiment(channels={"all": ["nu_e"]})
    return Scan(definition([seen], axes={"mu_nu": {"values": [0.0, 1.0]}}), OwnCrossSection(dsigma_dT, T_max))


@pytest.mark.parametrize(
    ("function", "error", "sentence"),
    [
        (fails, InputError, f"cross_section fails: ValueError: too bad; {WANTED}"),
        (fails_somewhere, RunError, "cross_section, which was given, failed: ValueError: too bad"),
        (several, InputError, rf"cross_section returns array\(.*\), it must be a number; {WANTED}"),
        (words, InputError, f"cross_section returns 'many', it must be a number; {WANTED}"),
        (of_two, InputError, f"cross_section fails: TypeError: .*; {WANTED}"),
        (nothing, RunError, "the cross-section gave counts that are not finite"),
        (negative, RunError, r"the cross-section is negative: it gave -.* counts in a bin"),
    ],
)
def test_cross_sections_that_cannot_be_are_told(
    function: Callable[..., Any], error: type[ScanengineError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        scan_with(numba.njit(function)).chi2(mu_nu=0.0)
    if function not in {fails_somewhere, nothing, negative}:
        with pytest.raises(error, match=sentence):
            scan_with(numba.njit(function)).cross_section_cm2_per_keV("A", "nu_e", 40.0, np.array([20.0]))


@pytest.mark.parametrize(
    ("function", "error", "sentence"),
    [
        (of_energy, InputError, r"T_max fails: TypeError: .*; it is called with \(E_MeV, M_MeV\) and returns MeV"),
        (fails_above, RunError, "T_max, which was given, failed: ValueError: too bad"),
    ],
)
def test_largest_recoils_that_cannot_be_are_told(
    function: Callable[..., Any], error: type[ScanengineError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        scan_with(numba.njit(constant), numba.njit(function)).chi2(mu_nu=0.0)


@needs_jit
@pytest.mark.parametrize("given", [constant, lambda *at: 1e-40])
def test_a_function_that_is_not_compiled_is_told_how(given: Any) -> None:
    with pytest.raises(
        InputError, match=r"cross_section must be compiled: write @numba.njit above (constant|<lambda>)"
    ):
        scan_with(given).chi2(mu_nu=0.0)
    with pytest.raises(InputError, match=r"T_max must be compiled: write @numba.njit above elastic"):
        scan_with(numba.njit(constant), elastic).chi2(mu_nu=0.0)


@pytest.mark.parametrize("given", [3.0, "mediator", np.ones(3)])
def test_what_is_no_function_is_told(given: Any) -> None:
    with pytest.raises(InputError, match=r"cross_section must be a function compiled with numba.njit: found"):
        scan_with(given).chi2(mu_nu=0.0)
