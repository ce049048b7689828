"""Who does the work: threads of this process, processes of this machine, dask workers, or MPI ranks."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from scanengine.errors import InputError

P = ParamSpec("P")
T = TypeVar("T")

FORMS = '"threads", "processes:N", "dask://HOST:PORT", "dask:tls://HOST:PORT", "dask:SCHEDULER_FILE" or "mpi"'

_LIBRARY_THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_PATIENCE_SECONDS = 0.2
_DASK_TIMEOUT = "10s"
_WORLD_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")


@contextmanager
def executor_of(description: str) -> Iterator[tuple[Executor, int]]:
    """Open the executor that a description names, and say how many workers it has.

    Raises InputError for a description of another form, a package that is not installed, a scheduler that does not
    answer, and an MPI that does not see the ranks it was started with.
    """
    if match := re.fullmatch(r"processes:(\d+)", description):
        with _processes(int(match[1])) as found:
            yield found
    elif description.startswith("dask:"):
        with _dask(description) as found:
            yield found
    elif description == "mpi":
        with _mpi() as found:
            yield found
    else:
        raise InputError(f"--executor {description}: {FORMS} would do")


@contextmanager
def _processes(number: int) -> Iterator[tuple[Executor, int]]:
    if number < 1:
        raise InputError("--executor processes:N needs at least one process")
    spawn = multiprocessing.get_context("spawn")  # a fork would inherit threads and locks that do not survive it
    with _one_thread_each():
        others = set(multiprocessing.active_children())
        pool = _Processes(number, mp_context=spawn, initializer=_end_with_parent)
        try:
            yield pool, number
        except BaseException:
            _break_off(pool, others)
            raise
        pool.shutdown()


def _break_off(pool: ProcessPoolExecutor, others: set[BaseProcess]) -> None:
    """End a pool whose work no one waits for; it must have dropped what has not begun before a process dies."""
    ending = threading.Thread(target=partial(pool.shutdown, cancel_futures=True))
    ending.start()
    ending.join(_PATIENCE_SECONDS)
    for worker in set(multiprocessing.active_children()) - others:
        worker.kill()
    ending.join()


class _Processes(ProcessPoolExecutor):
    """Processes that leave Ctrl-C and the like to their parent, from their first moment on.

    A batch system signals all of them; they would break off what their parent goes on to wait for.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Do as an executor does; the first time begins the processes."""
        if sys.platform == "win32":
            return super().submit(fn, *args, **kwargs)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})  # which they inherit
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let the libraries of child processes use one thread each: the processes share the cores already."""
    before = {name: os.environ.get(name) for name in _LIBRARY_THREADS}
    os.environ.update(dict.fromkeys(_LIBRARY_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _end_with_parent() -> None:
    """Let a worker end with its parent: of one that was killed it would wait for work for ever."""
    parent = multiprocessing.parent_process()

    def end() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=end, daemon=True).start()


@contextmanager
def _dask(description: str) -> Iterator[tuple[Executor, int]]:
    try:
        from dask.distributed import Client
    except ImportError:
        raise InputError(f"--executor {description} needs dask: pip install 'scanengine[dask]'") from None
    address = _scheduler_address(description)
    try:
        asyncio.run(_knock(address))
    except (OSError, ValueError) as error:
        raise InputError(f"--executor {description}: no dask scheduler answers there ({error})") from None
    except (TypeError, RuntimeError) as error:  # so dask says that its own settings rule this connection out
        raise InputError(f"--executor {description}: dask's settings do not fit this scheduler ({error})") from None
    client: Any = Client(address, timeout=_DASK_TIMEOUT, set_as_default=False)
    with client:
        workers = sum(client.nthreads().values())
        if not workers:
            raise InputError(f"--executor {description}: the dask scheduler there has no workers yet")
        with client.get_executor(pure=False) as executor:
            yield executor, workers


def _scheduler_address(description: str) -> str:
    """Address of the scheduler in `dask://HOST:PORT`, `dask:PROTOCOL://HOST:PORT` or `dask:SCHEDULER_FILE`."""
    where = description.removeprefix("dask:")
    if where.startswith("//"):
        return f"tcp:{where}"
    if "//" in where:
        return where
    try:
        return str(json.loads(Path(where).read_text(encoding="utf-8"))["address"])
    except FileNotFoundError:
        raise InputError(f"--executor {description}: there is no scheduler file {where}") from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"--executor {description}: {where} is not a scheduler file of dask ({error})") from None


async def _knock(address: str) -> None:
    """See that a scheduler answers. A dask client that finds none keeps on trying, and complains as it is collected."""
    from distributed.comm import connect
    from distributed.security import Security

    settings = Security().get_connection_args("client")
    (await connect(address, timeout=_DASK_TIMEOUT, **settings)).abort()


@contextmanager
def _mpi() -> Iterator[tuple[Executor, int]]:
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
                "another MPI library than mpi4py was built for; use the one that does"
            )
    if size < 2 or not any("mpi4py.futures" in word for word in sys.orig_argv):
        raise InputError(f"--executor mpi: ranks that all run the same scan are no pool of workers; {how}")
    with MPIPoolExecutor() as pool:
        yield pool, size - 1
