"""Where the machine code of the kernels is kept between processes, and what keeps it right.

Numba looks only at the file of the function it loads, and would go on serving the old physics after an edit to a callee
in another file: each function's folder is named by a hash of its file and of all kernels that this file imports. So an
edit compiles again what it may change and nothing else, and every copy of the same sources finds the same machine code.
Numba also lets two processes that add to the same function's index overwrite each other's entries and files, so that
machine code of one signature can end up under the other: ours add to it one at a time.
"""

from __future__ import annotations

import functools
import logging
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numba
from numba.core import config, event
from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserProvidedCacheLocator

from scanengine_kernels._sources import hash_with_callees

_logger = logging.getLogger("scanengine")

_LOCK = "lock"

_PRIVATE = 0o700


@functools.cache
def cache_directory() -> Path | None:
    """Directory of the compiled kernels, created if need be, or None (with one logged warning) if it cannot be used.

    It lies in `NUMBA_CACHE_DIR`, or else in the user's cache directory, under the version of Numba; with
    `NUMBA_BOUNDSCHECK=1` machine code that checks its indices lies apart. Whoever can write there decides what this
    process runs, so it has to be the user's alone.
    """
    try:
        base = Path(config.CACHE_DIR) if config.CACHE_DIR else _user_cache_directory()
        base.mkdir(parents=True, exist_ok=True)
        ours = base / "scanengine"
        directory = ours / f"numba-{numba.__version__}{'-checked' if config.BOUNDSCHECK else ''}"
        for folder in (ours, directory):
            folder.mkdir(mode=_PRIVATE, exist_ok=True)
        _require_private(ours, directory)
        tempfile.TemporaryFile(dir=directory).close()
    except (OSError, RuntimeError) as error:  # RuntimeError: a user without a home directory
        _logger.warning(
            "Compiled kernels cannot be kept (%s): every process will compile them anew. "
            "Set NUMBA_CACHE_DIR to a directory that you alone can write to.",
            error,
        )
        return None
    return directory


def _require_private(ours: Path, directory: Path) -> None:
    """Raise PermissionError if anybody else can put machine code into these directories, or could have before."""
    if sys.platform == "win32":  # a user's own folders are private by their inherited access lists
        return
    for folder in (ours, directory):
        status = folder.lstat()
        if status.st_uid != os.geteuid():
            raise PermissionError(f"{folder} belongs to another user, who could put code there that you would run")
        if not stat.S_ISDIR(status.st_mode):
            raise PermissionError(f"{folder} is a link or a file, and not a directory")
        others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if folder == ours and others_write:
            ours.chmod(_PRIVATE)  # with an open umask it was made so by an older version; what is in it is checked next
        elif others_write:
            raise PermissionError(
                f"other users may write to {folder}, and could have put code there that you would run: remove it"
            )


def keep(dispatcher: Any) -> None:
    """Have Numba look for this function's machine code in our directory, and add to it what it compiles."""
    if cache_directory() is not None:
        dispatcher._cache = _SharedCache(dispatcher.py_func)  # type: ignore[no-untyped-call]


def announce(dispatcher: Any) -> None:
    """Have a word logged when the first of the functions given here has to be compiled."""
    _announcement().functions.add(dispatcher)


class _Locator(UserProvidedCacheLocator):
    """Tells Numba in which folder of ours a function's machine code is, wherever the function's file lies."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        directory, source = cache_directory(), Path(py_file)
        assert directory is not None  # otherwise nobody asks
        self._py_file = py_file
        self._lineno = py_func.__code__.co_firstlineno
        self._stamp = hash_with_callees(source)
        self._cache_path = str(directory / f"{source.stem}-{self._stamp}")

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> _Locator:
        """Return the locator of a function in a file."""
        return cls(py_func, py_file)

    def get_source_stamp(self) -> str:
        """Return what says that the machine code is of these sources."""
        return self._stamp


class _Implementation(CompileResultCacheImpl):
    def __init__(self, py_func: Any) -> None:
        with _our_locator_alone():
            super().__init__(py_func)  # type: ignore[no-untyped-call]

    _locator_classes = [_Locator]  # noqa: RUF012 (as in Numba)


class _SharedCache(FunctionCache):
    """Numba's cache, to which one process at a time adds and whose failures end no run."""

    _impl_class = _Implementation

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            with _alone_in(Path(self.cache_path)):
                super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError as error:  # a full disk, a quota: the machine code in memory is none the worse
            _logger.warning("A compiled kernel could not be kept in %s: %s", self.cache_path, error)


class _Announcement(event.Listener):
    """Numba tells it of everything in the process that is found in no cache and has to be compiled."""

    def __init__(self) -> None:
        self.functions: set[Any] = set()
        self._made = False

    def on_start(self, event: Any) -> None:
        if self._made or event.data["dispatcher"] not in self.functions:
            return
        self._made = True
        how_often = (
            "once for this machine and version" if cache_directory() else "at every start, as nothing can be kept"
        )
        _logger.warning("compiling the kernels (%s; about fifteen seconds)", how_often)

    def on_end(self, event: Any) -> None:
        """Say nothing: what follows is the result."""


@functools.cache
def _announcement() -> _Announcement:
    listener = _Announcement()
    event.register("numba:compile", listener)  # type: ignore[no-untyped-call]
    return listener


def _user_cache_directory() -> Path:
    """The platform's place for what can be made again, per user."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Wait until no other process is in here; where files cannot be locked, only the threads of this one wait."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / _LOCK).open("ab") as lock:
        if sys.platform == "win32":
            import msvcrt

            with suppress(OSError):
                msvcrt.locking(lock.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            with suppress(OSError):  # some network file systems have no locks
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield  # closing the file unlocks it


@contextmanager
def _our_locator_alone() -> Iterator[None]:
    """Set a user's choice of other locators aside, for the function that is set up meanwhile."""
    chosen = getattr(config, "CACHE_LOCATOR_CLASSES", "")
    try:
        config.CACHE_LOCATOR_CLASSES = ""
        yield
    finally:
        config.CACHE_LOCATOR_CLASSES = chosen
