"""Blocks of a file, written by threads of their own and past the page cache where the system allows it.

A grid is larger than what the operating system would keep of it, and to copy it there takes as long as to compute it:
blocks go to the disk from where they are, and whoever hands one over goes on at once.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

PAGE_BYTES = 4096
"""What goes past the page cache begins and ends at a multiple of this, in memory and in the file."""

LARGE_BYTES = 1 << 16
"""From this size on a part of a file is worth a beginning at a page, and a block another thread."""

_WRITERS = 8
_MOST_WAITING = 16

_IN_MEMORY_BYTES = 1 << 26
"""How many bytes may wait in the page cache before the disk is asked to write them."""

_MOST_AHEAD_BYTES = 1 << 30
"""So much of the file is taken from the disk at once: threads that each make it a little longer wait for each other,
and while it is made longer all of them wait.
"""

_SHARE_AHEAD = 16
"""Of the disk's free room no more than this part is taken ahead: the last room belongs to who needs it."""


@dataclass(frozen=True, eq=False)
class Block:
    """Bytes for a file, in memory that is left alone until they are given back."""

    data: memoryview
    give_back: Callable[[], None] = lambda: None


def at_page(n_bytes: int) -> NDArray[np.uint8]:
    """Return an array of zeros that begins at a memory page."""
    memory = np.zeros(n_bytes + PAGE_BYTES, dtype=np.uint8)
    first = -address(memory) % PAGE_BYTES
    return memory[first : first + n_bytes]


def address(data: NDArray[np.uint8] | memoryview) -> int:
    """Return where in memory bytes are."""
    found: int = np.frombuffer(data, dtype=np.uint8).__array_interface__["data"][0]
    return found


class BlockWriter:
    """Writes blocks to an open file, several at a time. The first `error` stands there once it is noticed."""

    error: BaseException | None = None
    reached = 0
    """How far the file is written, at least."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._direct = _open_direct(path)
        # queues, not an executor: its locks would take more of the interpreter's time than all of this
        self._to_do: SimpleQueue[Callable[[], int] | None] = SimpleQueue()
        self._done: SimpleQueue[int | BaseException] = SimpleQueue()
        self._threads: list[Thread] = []
        self._ends: list[tuple[int, bytes]] = []
        self._waiting = 0
        self._in_memory = 0
        self._taken = 0
        self._expected = 0

    def expect(self, n_bytes: int) -> None:
        """Note how long the file may become."""
        self._expected = n_bytes

    def write(self, start: int, block: Block) -> None:
        """Have a block written from `start` on, and then given back; waits while there are too many.

        Not to be called from within HDF5, whose lock another thread may need to get on.
        """
        if not self._threads:
            self._threads = [Thread(target=self._work, name=f"write_{i}", daemon=True) for i in range(_WRITERS)]
            for thread in self._threads:
                thread.start()
        while self._waiting >= _MOST_WAITING:
            self._wait()
        end = start + len(block.data)
        if self._direct is not None and end > self._taken:
            until = self._expected if end <= self._expected else 2 * end
            self._taken = start + _take_room(self._descriptor, start, until - start)
        self._begin(partial(self._write, start, block))

    def wrote(self, n_bytes: int) -> None:
        """Ask the disk to write what waits in the page cache, if these bytes make it enough."""
        self._in_memory += n_bytes
        if self._in_memory > _IN_MEMORY_BYTES and self._threads:
            self._in_memory = 0
            self._begin(self._sync)

    def finish(self) -> None:
        """Wait for all blocks. The room that was taken ahead may be cut off then."""
        while self._waiting:
            self._wait()
        try:
            for start, data in self._ends:
                self._put(start, memoryview(data))
        except OSError as error:
            self.error = self.error or error
        self._ends.clear()
        self._taken = 0

    def close(self) -> None:
        """Wait for all blocks, whatever becomes of them."""
        for _ in self._threads:
            self._to_do.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []
        if self._direct is not None:
            os.close(self._direct)
            self._direct = None

    def _begin(self, work: Callable[[], int]) -> None:
        self._waiting += 1
        self._to_do.put(work)

    def _wait(self) -> None:
        outcome = self._done.get()
        self._waiting -= 1
        if isinstance(outcome, BaseException):
            self.error = self.error or outcome
        else:
            self.wrote(outcome)

    def _work(self) -> None:
        while (work := self._to_do.get()) is not None:
            try:
                outcome: int | BaseException = work()
            except BaseException as error:  # noqa: BLE001  (raised where the file is written)
                outcome = error
            self._done.put(outcome)

    def _write(self, start: int, block: Block) -> int:
        """Write a block, and return how many bytes the system still has in its memory."""
        data = block.data
        try:
            direct, end = self._write_pages(start, data), start + len(data)
            if 0 < len(data) - direct < PAGE_BYTES:  # waits for all other blocks, and they for it
                end = start + direct
                self._ends.append((end, bytes(data[direct:])))
            else:
                self._put(start + direct, data[direct:])
            self.reached = max(self.reached, end)  # of two threads at once one may be forgotten
            return len(data) - direct
        finally:
            block.give_back()

    def _put(self, start: int, data: memoryview) -> None:
        at = 0
        while at < len(data):
            at += os.pwrite(self._descriptor, data[at:], start + at)

    def _write_pages(self, start: int, data: memoryview) -> int:
        """Write whole pages past the page cache, if that is possible, and return the number of bytes."""
        pages = len(data) - len(data) % PAGE_BYTES
        if self._direct is None or not pages or (start | address(data)) % PAGE_BYTES:
            return 0
        try:
            return os.pwrite(self._direct, data[:pages], start)
        except OSError as error:
            if error.errno != errno.EINVAL:  # not on this file system, or not as far as to a limit within a page
                raise
            return 0

    def _sync(self) -> int:
        """Have the disk begin. What fails now has failed: the system does not tell it again."""
        os.fsync(self._descriptor)
        return 0


def _open_direct(path: Path) -> int | None:
    if not hasattr(os, "O_DIRECT"):
        return None
    try:
        return os.open(path, os.O_WRONLY | os.O_DIRECT)
    except OSError:  # not every file system has it
        return None


def _take_room(descriptor: int, start: int, n_bytes: int) -> int:
    """Take room on the disk, if that takes no writing, as which `os.posix_fallocate` might do it; return how much of
    what was asked for need not be asked for again.
    """
    disk = os.fstatvfs(descriptor)
    n_bytes = min(n_bytes, _MOST_AHEAD_BYTES, disk.f_bavail * disk.f_frsize // _SHARE_AHEAD)
    if n_bytes > 0 and (fallocate := _fallocate()) is not None:
        fallocate(descriptor, 0, ctypes.c_int64(start), ctypes.c_int64(n_bytes))
    return n_bytes


@cache
def _fallocate() -> Any:
    try:
        return ctypes.CDLL(None).fallocate64
    except (AttributeError, OSError, TypeError):
        return None
