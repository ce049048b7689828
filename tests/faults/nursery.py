"""Children that run scanengine in processes of their own, forked from one that has imported it: many, in little time.

Started as a script it is that process: it reads one order per line, as JSON, forks, and tells the child's number and,
in the end, its exit status.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

TILE_POINTS = 256


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)} | more


def arrange(checkpoint_seconds: float = 0.0, pause: float = 0.0, *, compiled: bool = False, points: int = 256) -> None:
    """Have small tiles and frequent checkpoints, write a tile slowly, and compile even a small scan."""
    from scanengine import driver
    from scanengine.api import scan
    from scanengine.store import writer

    os.fsync = lambda fd: None  # a kill is no loss of power, and a disk is slow
    writer.CHECKPOINT_SECONDS = checkpoint_seconds
    writer._CHECKPOINT_SHARE = 1e9
    vars(driver.Tiling)["of"].__func__.__defaults__ = (points,)
    driver.TILE_POINTS = driver.UNBUFFERED_TILE_POINTS = points
    if compiled:
        vars(scan)["SMALL_POINTS"] = 0
    if pause:
        write = writer.GridWriter.write

        def slowly(self: writer.GridWriter, start: Any, prepared: Any) -> None:
            time.sleep(pause)
            write(self, start, prepared)

        writer.GridWriter.write = slowly  # type: ignore[method-assign]


def kill_at(place: str, number: int) -> None:
    """Kill this process before the number-th time that something happens to the file, or after it."""
    from scanengine.store import committed, members, writer

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
        "directory": (writer, "_fsync_directory"),
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

    def __init__(self, pid: int, answers: IO[str]) -> None:
        self.pid = pid
        self._answers = answers

    def wait(self) -> int:
        """Return the exit status, or minus the signal that killed it."""
        return int(self._answers.readline())


class Nursery:
    """The process that forks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, folder: Path, *arguments: str, kill: tuple[str, int] | None = None, **arranged: Any) -> Child:
        """Run `scanengine ARGUMENTS` in a folder; what it prints goes to the file `printed` there."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"folder": str(folder), "arguments": arguments, "kill": kill, "arranged": arranged}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Child(int(self._process.stdout.readline()), self._process.stdout)

    def run(self, folder: Path, *arguments: str, **how: Any) -> tuple[int, str]:
        """Run to the end; return the exit status and what was printed."""
        status = self.start(folder, *arguments, **how).wait()
        return status, (folder / "printed").read_text()


@contextmanager
def nursery() -> Iterator[Nursery]:
    command = [sys.executable, str(Path(__file__))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment()) as process:
        yield Nursery(process)


def _child(order: dict[str, Any]) -> None:
    os.chdir(order["folder"])
    printed = os.open("printed", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(printed, number)
    os.close(0)
    arrange(**order["arranged"])
    if order["kill"]:
        kill_at(*order["kill"])
    sys.argv = ["scanengine", *order["arguments"]]
    from scanengine.__main__ import main

    main()


def _serve() -> None:
    warm: set[bool] = set()
    import scanengine.api
    import scanengine.cli
    import scanengine.contours
    import scanengine.farm
    import scanengine.store
    from scanengine.definition import parse
    from tests.faults.scans import FOUR, HEAD, TWO

    for line in sys.stdin:
        compiled = json.loads(line)["arranged"].get("compiled", False)
        if compiled not in warm:  # what all children would do first
            warm.add(compiled)
            for axes in (TWO, FOUR):
                scan = scanengine.api.Scan(parse(HEAD + axes))
                if compiled:
                    scan.evaluator = dataclasses.replace(scan.evaluator, compiled=True)  # type: ignore[type-var]
                scan.run(threads=1)
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
