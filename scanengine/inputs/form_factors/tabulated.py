"""Form factors given at points of q, joined by cubic splines; the same for every isotope."""

from __future__ import annotations

from functools import partial

import numpy as np

from scanengine.errors import InputError
from scanengine.grid.axes import FloatArray
from scanengine.inputs.form_factors.form_factor import FormFactor, Kind, NuclearFormFactors, Pair
from scanengine.inputs.nuclei import Isotope
from scanengine_kernels.form_factors import TABLE


def tabulated(q_invfm: FloatArray, F_p: FloatArray, F_n: FloatArray) -> NuclearFormFactors:
    """Return F given at points (n,) of q from zero on, joined by a cubic spline; the same table for every isotope.

    Raises InputError if there are fewer than four points, q does not increase from 0, or F(0) is not 1.
    """
    from scipy.interpolate import CubicSpline

    if q_invfm.size < 4 or q_invfm[0] != 0.0 or not np.all(np.diff(q_invfm) > 0.0):
        raise InputError("a tabulated form factor needs at least four points whose q increases from 0")
    pair = []
    for name, values in (("F_p", F_p), ("F_n", F_n)):
        if abs(values[0] - 1.0) > 1e-6:
            raise InputError(f"a tabulated form factor must begin with {name}(0) = 1: found {values[0]:g}")
        cubics = CubicSpline(q_invfm, values).c  # (4, n - 1), highest power first
        packed = np.concatenate(([float(q_invfm.size)], q_invfm, cubics.ravel()))
        pair.append(FormFactor(TABLE, packed, float(q_invfm[-1])))
    return partial(_pair, (pair[0], pair[1]))


def _pair(pair: Pair, isotope: Isotope) -> Pair:  # noqa: ARG001  (the same for all)
    return pair


TABULATED_KIND = Kind(
    "tabulated",
    "Form factors given at points of q, in a file of three columns or here.",
    tabulated,
    columns={
        "q_invfm": "Momentum transfers from 0 on, /fm.",
        "F_p": "Proton form factor at each q.",
        "F_n": "Neutron form factor at each q.",
    },
)
