"""Axial scattering on nuclei with spin, which adds to the vector one without interference.

    dsigma/dT = (G_F^2 M / (4 pi)) [1 - T/E + M T / (2 E^2)] F_A(q^2)

M. Hoferichter, J. Menendez and A. Schwenk, Phys. Rev. D 102, 074018 (2020).
"""

from __future__ import annotations

from math import pi

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.inputs.constants import G_F_PER_MEV2, HBARC_MEV_CM, HBARC_MEV_FM
from scanengine.inputs.flavours import FAMILY
from scanengine.inputs.physics import Physics
from scanengine.inputs.terms.term import CONSTANT, Amplitude, Coupling, Couplings, Recoil, Structure, Term
from scanengine_kernels._jit import interpreted
from scanengine_kernels.terms.axial import axial


def _constant_cm2(M_MeV: float) -> float:
    return (G_F_PER_MEV2 * HBARC_MEV_CM) ** 2 * M_MeV / (4.0 * pi)


def _couplings(physics: Physics) -> tuple[Coupling, ...]:
    def shape(recoil: Recoil) -> FloatArray:
        spin = physics.axial.get(str(recoil.isotope))
        if spin is None:
            return np.zeros(recoil.T_MeV.size)
        squared = np.full(recoil.T_MeV.size, spin.F_A)
        if spin.q_invfm is not None and spin.ratio is not None:
            squared *= np.interp(np.sqrt(recoil.Q2_MeV2) / HBARC_MEV_FM, spin.q_invfm, spin.ratio)
        return np.asarray(np.sqrt(squared))

    def of_flavour(flavour: str) -> Couplings:
        return {FAMILY[flavour]: {CONSTANT: 1.0}}

    if not physics.axial:
        return ()
    return (Coupling(Amplitude("axial", Structure("axial", _constant_cm2, interpreted(axial)), shape), of_flavour),)


TERM = Term("axial", "Hoferichter, Menendez and Schwenk 2020", (), _couplings, always=True)
