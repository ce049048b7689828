"""Counts of electron recoils, by quadratures that know nothing of this package.

Gauss-Legendre rules between all kinks, spot-checked by adaptive quadrature in another order to 3e-9; tree couplings,
sin2_theta_w = 0.23857, full kinematics, charge radii as form factors.
"""

from __future__ import annotations

REACTOR_E_MEV = [0.25 * i for i in range(33)]
REACTOR_FLUX = [
    2.38691,
    2.28031,
    2.15384,
    2.01136,
    1.85707,
    1.69522,
    1.52997,
    1.36522,
    1.20442,
    1.05055,
    0.905969,
    0.77245,
    0.65116,
    0.542706,
    0.4472,
    0.364333,
    0.293464,
    0.233707,
    0.184013,
    0.143247,
    0.110251,
    0.0838951,
    0.063118,
    0.0469493,
    0.0345275,
    0.025105,
    0.0180475,
    0.0128272,
    0.00901379,
    0.00626243,
    0.00430168,
    0.00292141,
    0.0,
]
"""Of electron antineutrinos, per MeV; its integral is 5.3242209775."""

REACTOR_GERMANIUM: dict[tuple[float, float], dict[str | tuple[str, float, float], float]] = {
    (0.2, 5.0): {
        "SM": 1.28784553,
        "mu=1e-11": 2.106935,
        "q=+1e-12": 25.7033669,
        "q=-1e-12": 41.0373879,
        "r2=+10e-32": 1.84399754,
        ("vector", 0.001, 1.0): 3880.6126,
        ("vector", 0.001, -1.0): 3713.6406,
        ("scalar", 0.001, 1.0): 1.95964836e25,
        ("tensor", 0.001, 1.0): 3.04448707e28,
        ("vector", 0.1, 1.0): 36.924955,
        ("vector", 0.1, -1.0): 16.6922503,
        ("scalar", 0.1, 1.0): 2.47469384e23,
        ("tensor", 0.1, 1.0): 2.05148056e26,
        ("vector", 10.0, 1.0): 1.28910866,
        ("vector", 10.0, -1.0): 1.28658317,
        ("scalar", 10.0, 1.0): 4087193590000000.0,
        ("tensor", 10.0, 1.0): 3.15752036e18,
    },
    (1.0, 10.0): {
        "SM": 2.37521276,
        "mu=1e-11": 1.49215607,
        "q=+1e-12": 2.91239312,
        "q=-1e-12": 13.6984689,
        "r2=+10e-32": 3.40060799,
        ("vector", 0.001, 1.0): 765.61498,
        ("vector", 0.001, -1.0): 648.038391,
        ("scalar", 0.001, 1.0): 7.23494434e24,
        ("tensor", 0.001, 1.0): 5.66428897e27,
        ("vector", 0.1, 1.0): 50.4640043,
        ("vector", 0.1, -1.0): 19.6758907,
        ("scalar", 0.1, 1.0): 4.47873233e23,
        ("tensor", 0.1, 1.0): 2.63321822e26,
        ("vector", 10.0, 1.0): 2.377541,
        ("vector", 10.0, -1.0): 2.37288597,
        ("scalar", 10.0, 1.0): 1.09057241e16,
        ("tensor", 10.0, 1.0): 5.84603081e18,
    },
}
"""By the recoil window [keV], of 1 kg of natural germanium with free electrons and a fluence of 1e20 /cm^2.

The magnetic part alone at 1e-11 mu_B, all counts at charges [e], a radius [cm^2], and vector mediators (kind, mass
[MeV], Q_nu Q_e) of g^2 = 1e-12; for scalar and tensor ones the coefficient of g^4.
"""

STOPPED_PION = {
    "CsI": (0.0033112256, 43.133138, 17225.855, 17235.92),
    "Xe": (0.0032762251, 42.677209, 17043.773, 17053.732),
}
"""Of 1 t and 1e14 /cm^2 of each flavour, 1 to 10 keV, free electrons: the Standard Model, the magnetic part alone at
1e-9 mu_B, all counts at charges of 1e-9 e and -1e-9 e.
"""
