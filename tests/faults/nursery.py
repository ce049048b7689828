"""Children that run scanengine in processes of their own, forked from one that has imported it: many, in little time.

Started as a script it is that process: it reads one order per line, as JSON, forks, and tells the child's number and,
in the end, its exit status. There is one child at a time: one whose test has failed meanwhile ends before the next.
"""

from __future__ import annotations

import dataclasses
import gc
import itertools
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.faults.waiting import PATIENCE_SECONDS


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)} | more


def arrange(
    checkpoint_seconds: float = 0.0,
    pause: float = 0.0,
    *,
    compiled: bool = False,
    points: int = 256,
    hold: int | None = None,
) -> None:
    """Have small tiles and frequent checkpoints, write a tile slowly, and compile even a small scan.

    Before the `hold`-th tile that a process writes it makes a file `held-PID` and waits for one called `go`, or
    `go-PID`.
    """
    from scanengine.chi2 import squares
    from scanengine.grid import tiling
    from scanengine.store import writer

    os.fsync = lambda fd: None  # a kill is no loss of power, and a disk is slow
    writer.CHECKPOINT_SECONDS = checkpoint_seconds
    writer._CHECKPOINT_SHARE = 1e9
    vars(tiling.Tiling)["of"].__func__.__defaults__ = (points,)
    tiling.TILE_POINTS = tiling.UNBUFFERED_TILE_POINTS = points
    if compiled:
        vars(squares)["SMALL_SQUARES"] = 0
    if pause or hold:
        write, numbers = writer.GridWriter.write, itertools.count(1)

        def slowly(self: writer.GridWriter, start: Any, prepared: Any) -> None:
            time.sleep(pause)
            if next(numbers) == hold:
                Path(f"held-{os.getpid()}").touch()
                while not Path("go").exists() and not Path(f"go-{os.getpid()}").exists():
                    time.sleep(0.002)
            write(self, start, prepared)

        writer.GridWriter.write = slowly  # type: ignore[method-assign]


def kill_at(place: str, number: int) -> None:
    """Kill this process before the number-th time that something happens to the file, or after it."""
    from scanengine.store import members, writer
    from scanengine.store.disk import committed

    home: Any
    home, name = {
        "write": (committed, "_write_all"),
        "fsync": (os, "fsync"),
        "replace": (Path, "replace"),
        "replaced": (Path, "replace"),
        "link": (os, "link"),
        "linked": (os, "link"),
        "commit": (committed.CommittedFile, "commit"),
        "profiles": (members, "write_profiles"),
        "best fit": (members, "write_best_fit"),
        "directory": (writer, "fsync_directory"),
    }[place]
    original, times = getattr(home, name), iter(range(1, 10**9))

    def deadly(*arguments: Any, **options: Any) -> Any:
        now = next(times) == number
        if now and not place.endswith("ed"):
            os.kill(os.getpid(), signal.SIGKILL)
        done = original(*arguments, **options)
        if now:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(home, name, deadly)


class Child:
    """A run of the command line in a process of its own."""

    def __init__(self, pid: int, nursery: Nursery) -> None:
        self.pid = pid
        self._nursery = nursery
        self._status: int | None = None

    def wait(self) -> int:
        """Return the exit status, or minus the signal that killed it."""
        if self._status is None:
            self._status = self._nursery.answer(patience=PATIENCE_SECONDS)
        return self._status

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._status is None and not self._nursery.has_answered()

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal, unless it has ended."""
        with suppress(ProcessLookupError):
            if self.alive():
                os.kill(self.pid, number)


class Nursery:
    """The process that forks."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._last: Child | None = None

    def start(
        self, folder: Path, *arguments: str, kill: tuple[str, int] | None = None, before: str = "", **arranged: Any
    ) -> Child:
        """Run `scanengine ARGUMENTS` in a folder, and a script before; what it prints goes to `printed` there."""
        assert self._process.stdin is not None
        self.end_last()
        order = {"folder": str(folder), "arguments": arguments, "kill": kill, "before": before, "arranged": arranged}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._last = Child(self.answer(patience=PATIENCE_SECONDS), self)
        return self._last

    def run(self, folder: Path, *arguments: str, **how: Any) -> tuple[int, str]:
        """Run to the end; return the exit status and what was printed."""
        status = self.start(folder, *arguments, **how).wait()
        return status, (folder / "printed").read_text()

    def end_last(self) -> None:
        """End the last child if nobody has waited for it: its test has failed, and the next answer is another's."""
        if self._last is not None:
            self._last.kill()
            self._last.wait()

    def has_answered(self, patience: float = 0.0) -> bool:
        """Whether there is an answer, or none will come any more."""
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], patience)[0])

    def answer(self, patience: float) -> int:
        """Return the next number that the process tells."""
        assert self._process.stdout is not None
        if not self.has_answered(patience):
            if self._last is not None:
                os.kill(self._last.pid, signal.SIGKILL)
            raise AssertionError(f"the child hangs: it has not ended in {patience:.0f} s")
        line = self._process.stdout.readline()  # not buffered, so that `has_answered` sees what is left
        assert line, f"the process that forks has ended: {self._process.wait()}"
        return int(line)


@contextmanager
def nursery() -> Iterator[Nursery]:
    command = [sys.executable, str(Path(__file__))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, bufsize=0, env=environment()) as process:
        made = Nursery(process)
        try:
            yield made
        finally:
            made.end_last()


def _child(order: dict[str, Any]) -> None:
    os.chdir(order["folder"])
    printed = os.open("printed", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(printed, number)
    os.close(0)
    arrange(**order["arranged"])
    if order["kill"]:
        kill_at(*order["kill"])
    exec(order["before"], {"__name__": "before"})
    sys.argv = ["scanengine", *order["arguments"]]
    from scanengine.__main__ import main

    main()


def _serve() -> None:
    warm: set[bool] = set()
    import scanengine.api
    import scanengine.cli
    import scanengine.inference.contours
    import scanengine.scan.workers
    import scanengine.store
    from scanengine.definition import parse
    from tests.faults.scans import AXES, HEAD

    for line in sys.stdin:
        compiled = json.loads(line)["arranged"].get("compiled", False)
        if compiled not in warm:  # what all children would do first
            warm.add(compiled)
            for axes in AXES.values():
                scan = scanengine.api.Scan(parse(HEAD + axes))
                if compiled:
                    scan.problem.evaluator = dataclasses.replace(scan.problem.evaluator, compiled=True)  # type: ignore[type-var]
                scan.run(threads=1)
            gc.collect()
            gc.freeze()  # of Numba's many objects a child would look at each as it ends: three times its own work
        pid = os.fork()
        if not pid:
            _child(json.loads(line))
            return
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
