"""Bounds of chi2 that are proven, rounding included, and branch and bound with them."""
