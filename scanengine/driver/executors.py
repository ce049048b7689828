"""Who does the work: threads of this process, processes of this machine, dask workers, or MPI ranks."""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, ClassVar, ParamSpec, TypeVar

from scanengine.driver.ranks import open_ranks
from scanengine.driver.workers import Workers
from scanengine.errors import InputError, RunError

_log = logging.getLogger("scanengine")

P = ParamSpec("P")
T = TypeVar("T")

FORMS = '"threads", "processes:N", "dask://HOST:PORT", "tcp://HOST:PORT", "dask:SCHEDULER_FILE", "dask" or "mpi"'

_PROTOCOLS = ("tcp://", "tls://", "ucx://", "ws://", "wss://")
"""What the address of a dask scheduler begins with, as dask itself writes it."""

_LIBRARY_THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_PATIENCE_SECONDS = 0.2
_DASK_TIMEOUT = "10s"
_DASK_ANSWERS_SECONDS = 15.0
_DASK_CLOSES_SECONDS = 5.0


@contextmanager
def executor_of(description: object) -> Iterator[Workers]:
    """Open the executor that a description names, with the workers that it has, or take those of a dask client.

    "dask" alone is the client that this process has open, or the scheduler that dask's own settings name.

    Raises InputError for a description of another form, a package that is not installed, a scheduler that does not
    answer, and an MPI that does not see the ranks it was started with.
    """
    if not isinstance(description, str):
        yield _workers_of(description)
    elif match := re.fullmatch(r"processes:(\d+)", description):
        with _processes(int(match[1])) as found:
            yield found
    elif description == "dask":
        with _default_dask() as found:
            yield found
    elif description.startswith(("dask:", *_PROTOCOLS)):
        with _dask(description if description.startswith("dask:") else f"dask:{description}") as found:
            yield found
    elif description == "mpi":
        with open_ranks() as found:
            yield found
    else:
        raise InputError(f"--executor {description}: use {FORMS}")


@contextmanager
def _processes(number: int) -> Iterator[Workers]:
    if number < 1:
        raise InputError("--executor processes:N needs at least one process")
    spawn = multiprocessing.get_context("spawn")  # a fork would inherit threads and locks that do not survive it
    with _one_thread_each():
        others = set(multiprocessing.active_children())
        pool = _Processes(number, mp_context=spawn, initializer=_end_with_parent)
        workers = Workers(pool, number)
        try:
            yield workers
        except BaseException:
            _break_off(pool, others)
            raise
        if workers.dismissed:  # it would be waited for
            _break_off(pool, others)
        else:
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


def _workers_of(given: object) -> Workers:
    """Return the workers of a dask client, which stays open."""
    client: Any = given
    if not (hasattr(client, "get_executor") and hasattr(client, "scheduler_info") and hasattr(client, "nthreads")):
        raise InputError(f"an executor is {FORMS}, or a dask.distributed.Client: found {given!r}")
    if client.status != "running":
        raise InputError(f"this dask client is {client.status}: give one that is connected")
    number = sum(client.nthreads().values())
    if not number:
        raise InputError("the scheduler of this dask client has no workers yet")
    return _DaskWorkers(client.get_executor(pure=False), number, client=client, address=client.scheduler.address)


@contextmanager
def _default_dask() -> Iterator[Workers]:
    """Open the dask that is at hand: the client of this process, or the scheduler of dask's settings."""
    try:
        from dask import config
        from dask.distributed import Client
    except ImportError:
        raise InputError("--executor dask needs dask: pip install 'scanengine[dask]'") from None
    try:
        client = Client.current(allow_global=True)
    except ValueError:
        client = None
    if client is not None:
        yield _workers_of(client)
        return
    address = config.get("scheduler-address", None)
    if address is None:
        raise InputError(
            "--executor dask: no dask client is open in this process, and DASK_SCHEDULER_ADDRESS is not set: name the "
            "scheduler, as tcp://HOST:8786, or use processes:N on one machine"
        )
    with _dask(f"dask:{address}") as found:
        yield found


@contextmanager
def _dask(description: str) -> Iterator[Workers]:
    try:
        from dask.distributed import Client
    except ImportError:
        raise InputError(f"--executor {description} needs dask: pip install 'scanengine[dask]'") from None
    address = _scheduler_address(description)
    try:
        _call_at(address)
    except (OSError, ValueError) as error:
        raise InputError(f"--executor {description}: no dask scheduler answers there ({error})") from None
    except (TypeError, RuntimeError) as error:  # so dask says that its own settings rule this connection out
        raise InputError(f"--executor {description}: dask's settings do not fit this scheduler ({error})") from None
    client: Any = Client(address, timeout=_DASK_TIMEOUT, set_as_default=False)
    try:
        number = sum(client.nthreads().values())
        if not number:
            raise InputError(f"--executor {description}: the dask scheduler there has no workers yet")
        yield _DaskWorkers(client.get_executor(pure=False), number, client=client, address=address)
    finally:  # what is not finished by now is not wanted, and its worker may never answer
        with suppress(OSError):  # of a scheduler that does not answer either
            client.close(timeout=_DASK_CLOSES_SECONDS)


@dataclass(eq=False)
class _DaskWorkers(Workers):
    """Workers of a dask scheduler, by their addresses; it gives to others what those had that it is rid of."""

    client: Any = None
    address: str = ""

    wants_work_again: ClassVar[bool] = False

    def dismiss(self, names: set[str], silent_s: float) -> int:
        """Have the scheduler forget workers, and those of which it has heard nothing for a time."""
        self.require_head()

        async def forget(dask_scheduler: Any = None) -> list[str]:  # there may be no scanengine where it runs
            from time import time

            gone = [
                worker.address
                for worker in dask_scheduler.workers.values()
                if worker.address in names or time() - worker.last_seen > silent_s
            ]
            for address in gone:
                await dask_scheduler.remove_worker(address, stimulus_id="scanengine-silent-worker")
            return gone

        gone = set(self.client.run_on_scheduler(forget))
        for address in sorted(gone - names):
            _log.warning("the dask scheduler has not heard from worker %s for %g s", address, silent_s)
        self.dismissed |= gone
        return len(gone)

    def require_head(self) -> None:
        """Raise RunError if the scheduler does not answer."""
        if self.address.startswith("inproc://"):  # it ends with this process
            return
        try:
            _call_at(self.address)
        except (OSError, ValueError):
            raise RunError(
                f"the dask scheduler at {self.address} no longer responds: finished tiles are kept, and the "
                "same command resumes from there, once there is a scheduler again"
            ) from None


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


def _call_at(address: str) -> None:
    """See that a scheduler answers. Raises what dask does if not; of one that is stopped dask waits for ever."""
    failed: list[BaseException] = []

    def call() -> None:
        try:
            asyncio.run(_knock(address))
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            failed.append(error)

    calling = threading.Thread(target=call, daemon=True)
    calling.start()
    calling.join(_DASK_ANSWERS_SECONDS)
    if calling.is_alive():
        raise TimeoutError(f"no answer in {_DASK_ANSWERS_SECONDS:g} s")
    if failed:
        raise failed[0]


async def _knock(address: str) -> None:
    """See that a scheduler answers. A dask client that finds none keeps on trying, and complains as it is collected."""
    from distributed.comm import connect
    from distributed.security import Security

    settings = Security().get_connection_args("client")
    (await connect(address, timeout=_DASK_TIMEOUT, **settings)).abort()
