"""Processes that have imported Numba and nothing of ours, forked from one that has: many, in little time.

Started as a script it is that process: it reads one order per line, as JSON, forks, and tells the child's exit status.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Run = Callable[[str, Path, dict[str, str]], subprocess.CompletedProcess[str]]
"""What runs code in a folder, from which it imports first, with an environment."""


@contextmanager
def forks() -> Iterator[Run]:
    """Start the process that forks; give what runs code in a child of it."""
    # -P: it lies among modules that nobody is to import; -B: a test edits files that are imported
    command = [sys.executable, "-P", "-B", str(Path(__file__))]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=plain, stdin=pipe, stdout=pipe, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        orders, answers = process.stdin, process.stdout

        def run(code: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
            order = {"code": code, "folder": str(folder), "environment": environment}
            orders.write(json.dumps(order) + "\n")
            status = int(answers.readline())
            out, err = ((folder / name).read_text() for name in ("out", "err"))
            return subprocess.CompletedProcess(code, status, out, err)

        yield run


def _child(order: dict[str, Any]) -> None:
    from numba.core import config

    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.close(0)
    sys.path.insert(0, order["folder"])
    config.reload_config()
    exec(order["code"], {"__name__": "__main__"})


def _serve() -> None:
    import numba

    numba.njit(lambda x: x + 1.0)(1.0)  # what is set up when the first function is compiled
    gc.collect()
    gc.freeze()  # of Numba's many objects a child would look at each as it ends
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _child(json.loads(line))
            return
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
