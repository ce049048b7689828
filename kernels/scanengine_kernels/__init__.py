"""Numba kernels: bare floats and arrays in stated units, no files, no classes."""

import os as _os
import re as _re

# Numba cannot be imported where this asks for no threads; kernels use none of Numba's.
if _re.fullmatch(r"\s*(-\d+|0+)\s*", _os.environ.get("NUMBA_NUM_THREADS", "")):
    del _os.environ["NUMBA_NUM_THREADS"]
