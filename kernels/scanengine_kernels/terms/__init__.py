"""The kinematics of each interaction: coefficients (k_0, k_1, k_2) of 1, 1/E and 1/E^2 at a recoil energy, in MeV.

Bare arithmetic: compiled they take numbers, run by Python they take arrays as well.
"""
