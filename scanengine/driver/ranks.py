"""MPI ranks that work for the first of them, and the end of a job of which some do not answer any more."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from scanengine.driver.workers import Workers
from scanengine.errors import InputError, RunError

_WORLD_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
_LOOK_SECONDS = 0.5

_log = logging.getLogger("scanengine")

_left_behind = threading.Event()
"""Set once a rank has been given up: the job would wait for it for ever."""


@contextmanager
def open_ranks() -> Iterator[Workers]:
    """Open the pool of all ranks but this one.

    Raises InputError without mpi4py, where the ranks are no pool, and of an MPI that does not see the ranks it was
    started with.
    """
    how = "start it as `mpiexec -n N python -m mpi4py.futures -m scanengine run ... --executor mpi`"
    try:
        from mpi4py import MPI
        from mpi4py.futures import MPIPoolExecutor
    except ImportError as error:
        needs = "mpi4py and an MPI library: pip install 'scanengine[mpi]'"
        raise InputError(f"--executor mpi needs {needs} ({error})") from None
    size = MPI.COMM_WORLD.Get_size()
    for name in _WORLD_SIZES:
        started = int(os.environ.get(name, size))
        if started != size:
            raise InputError(
                f"--executor mpi: {started} ranks were started, but mpi4py sees {size}: this mpiexec belongs to "
                "a different MPI library from the one that mpi4py was built for; use the mpiexec of that one"
            )
    if size < 2 or not any("mpi4py.futures" in word for word in sys.orig_argv):
        raise InputError(f"--executor mpi: all ranks run the same scan instead of forming a pool of workers; {how}")
    pool = MPIPoolExecutor()
    workers = Workers(pool, size - 1)
    try:
        yield workers
    except RunError as error:  # nobody answers, or one has failed: there is none to wait for
        _leave_behind(str(error))
        raise
    finally:
        if workers.dismissed:
            _leave_behind("a rank did not respond")
        pool.shutdown(wait=not _left_behind.is_set(), cancel_futures=True)


def _leave_behind(why: str) -> None:
    if not _left_behind.is_set():
        _left_behind.set()
        threading.Thread(target=_end_after_the_program, args=(why,), daemon=True).start()


def _end_after_the_program(why: str) -> None:
    """End the job with status 1 once the main module has come to its end: mpi4py waits there for all ranks."""
    program = sys.modules["__main__"]
    while sys.modules["__main__"] is program:  # mpi4py.futures runs it by runpy, which then puts back its own
        time.sleep(_LOOK_SECONDS)
    _log.warning("the program has ended, and its MPI job with it: %s", why)
    end_job(1)


def end_job(status: int) -> None:
    """End this process, and with it the ranks that do not answer, with an exit status; do nothing if there are none.

    MPI has no other way to leave a rank behind: it ends the whole job, and kills those that have stopped.
    """
    if _left_behind.is_set():
        from mpi4py import MPI

        MPI.COMM_WORLD.Abort(status)
