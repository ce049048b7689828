"""Form factors as numbers: F by the kernels, and the radius that it shows."""

from __future__ import annotations

import numpy as np

from scanengine.inputs.form_factors import FormFactor
from scanengine.inputs.nuclei import target
from scanengine_kernels.form_factors import form_factor

AR40, XE132, HE4 = (target(name).isotopes[0] for name in ("Ar40", "Xe132", "He4"))


def F(made: FormFactor, q_invfm: float) -> float:
    return form_factor(made.code, made.parameters, q_invfm)


def rms_fm(made: FormFactor) -> float:
    """From F = 1 - q^2 rms^2 / 6 + O(q^4), two q's to cancel the next order."""
    near, far = (6.0 * (1.0 - F(made, q)) / q**2 for q in (0.01, 0.02))
    return float(np.sqrt((4.0 * near - far) / 3.0))
