"""Numba kernels: bare floats and arrays in stated units, no files, no classes."""
