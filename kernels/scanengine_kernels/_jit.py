"""The one decorator of the kernels: compiler flags and where the machine code is kept."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast

import numba
from numba.core import config

Function = TypeVar("Function", bound=Callable[..., object])

_logger = logging.getLogger("scanengine")


def jit(function: Function) -> Function:
    """Compile a kernel on its first call, without the interpreter lock, and keep the machine code for later processes.

    Division by zero gives inf or nan as in NumPy. Products and sums may contract to fused multiply-adds; nothing is
    reassociated, and nan and inf are honoured. With `NUMBA_DISABLE_JIT=1` the function comes back as it is.
    """
    return function if config.DISABLE_JIT else _compiled(function, cache_directory())


def jit_uncached(function: Function) -> Function:
    """Compile like `jit`, but in every process anew: for kernels that take another function, which no cache finds
    again.
    """
    return function if config.DISABLE_JIT else _compiled(function, None)


def _compiled(function: Function, directory: Path | None) -> Function:
    with _numba_caching_in(directory):
        dispatcher = numba.njit(
            nogil=True, error_model="numpy", fastmath={"contract"}, boundscheck=False, cache=directory is not None
        )(function)
    return cast(Function, dispatcher)


@functools.cache
def cache_directory() -> Path | None:
    """Directory of the compiled kernels, created if need be, or None (with one logged warning) if it cannot be written.

    It lies in `NUMBA_CACHE_DIR`, or else in the user's cache directory, under a hash of all kernel sources: Numba looks
    only at the file of the function it loads, and would go on serving the old physics after an edit to a callee in
    another file.
    """
    try:
        base = Path(config.CACHE_DIR) if config.CACHE_DIR else _user_cache_directory()
        directory = base / "scanengine" / _source_hash()
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except (OSError, RuntimeError) as error:  # RuntimeError: a user without a home directory
        _logger.warning(
            "Compiled kernels cannot be kept (%s): every process will compile them anew. "
            "Set NUMBA_CACHE_DIR to a directory that can be written.",
            error,
        )
        return None
    return directory


def is_cold() -> bool:
    """Whether the first calls will have to compile: the JIT is on and no machine code is kept for these sources."""
    if config.DISABLE_JIT:
        return False
    directory = cache_directory()
    return directory is None or not any(directory.rglob("*.nbc"))


def _user_cache_directory() -> Path:
    """The platform's place for what can be made again, per user."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _source_hash() -> str:
    """Sixteen hexadecimal digits that change with any kernel source file and with the version of Numba."""
    package = Path(__file__).parent
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(package.rglob("*.py")):
        digest.update(source.relative_to(package).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()[:16]


@contextmanager
def _numba_caching_in(directory: Path | None) -> Iterator[None]:
    """Point Numba's cache to `directory` for the functions decorated meanwhile; others in the process keep theirs."""
    # Numba settles a function's cache location at decoration; a user's choice of locators could bypass CACHE_DIR.
    ours = {"CACHE_DIR": str(directory or ""), "CACHE_LOCATOR_CLASSES": ""}
    theirs = {name: getattr(config, name, "") for name in ours}
    try:
        for name, value in ours.items():
            setattr(config, name, value)
        yield
    finally:
        for name, value in theirs.items():
            setattr(config, name, value)
