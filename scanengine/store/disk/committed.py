"""A file that changes as a whole or not at all, whenever its process is killed, and that one process alone writes."""

from __future__ import annotations

import mmap
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from scanengine.store.disk.blocks import LARGE_BYTES, Block, BlockWriter, address

_MAGIC = b"scanengine-commit"
_BLOCK = 1 << 24

_PIECE = struct.Struct("<qq")
_FOOTER = struct.Struct(f"<qqI{len(_MAGIC)}s")


class CommittedFile:
    """What HDF5 writes through, as a Python file: what lies in the file already is changed by `commit` alone.

    HDF5 changes its index in place, write by write, and a file whose process is killed in between is lost. Here these
    changes wait in memory, and only what lies beyond the committed end goes to the disk at once. `commit` writes them
    behind that end, then where they belong; who opens the file after a kill (`recover`) does the second part again.

    Raises FileExistsError or FileNotFoundError as `mode` "x" or "r+" have it, and BlockingIOError if another process
    has the file open to write.
    """

    def __init__(self, path: Path, mode: str) -> None:
        self._file = FileIO(path, "x+" if mode == "x" else "r+")
        try:
            lock(self._file, path)
            recover(self._file)
            self._committed = self._end = self._reached = self._file.seek(0, os.SEEK_END)
        except BaseException:
            self._file.close()
            raise
        self._changes: list[tuple[int, bytes]] = []
        self._place = 0
        self._blocks = BlockWriter(self._file.fileno(), path)
        self._block: Block | None = None
        self._block_at: int | None = None
        self._written = 0
        self._error: BaseException | None = None
        self.shortened = self.lost = False
        """Whether something else was seen to have made the file shorter, and what was committed to it is lost."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, and return it."""
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._end}[whence]
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def read(self, size: int = -1) -> bytes:
        """Read at most this many bytes."""
        data = bytearray(self._end - self._place if size < 0 else size)
        return bytes(data[: self.readinto(data)])

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Read the file as if it was changed already, and return the number of bytes; zeros come after them.

        HDF5 bears no error here either: `check` raises it.
        """
        into = memoryview(buffer).cast("B")
        first, n = self._place, max(0, min(len(into), self._end - self._place))
        found = 0
        try:
            if n:
                self._file.seek(first)
            while found < n and (count := self._file.readinto(into[found:n])):
                found += count
        except BaseException as error:  # noqa: BLE001  (an interrupt as well)
            self._error = self._error or error
            found = n = 0
        into[found:] = bytes(len(into) - found)
        for start, data in self._changes:
            low, high = max(start, first), min(start + len(data), first + n)
            if low < high:
                into[low - first : high - first] = data[low - start : high - start]
        self._place += n
        return n

    def write(self, data: bytes | memoryview) -> int:
        """Write, beyond the committed end on the disk. HDF5 does not recover from an error: `check` raises it."""
        view = memoryview(data).cast("B")
        first, n = self._place, len(view)
        waiting = max(0, min(n, self._committed - first))
        if waiting < n and self._error is None:
            try:
                if not self._is_block(view, first):
                    self._put(first + waiting, view[waiting:])
                    self._written += n - waiting
            except BaseException as error:  # noqa: BLE001  (an interrupt as well)
                self._error = error
        if self._error is not None:
            waiting = n
        if waiting:
            self._changes.append((first, bytes(view[:waiting])))
        self._place += n
        self._end = max(self._end, self._place)
        return n

    def expect(self, n_bytes: int) -> None:
        """Note how long the file may become with its blocks: room for them is taken at once."""
        self._blocks.expect(n_bytes)

    @contextmanager
    def block(self, block: Block) -> Iterator[None]:
        """Leave a large block that HDF5 writes within to other threads, if it writes it behind the committed end.

        Until `commit` it may be on its way to the disk; it is given back when it is there.
        """
        self._block, self._written = block, 0
        try:
            yield
        finally:
            self._block = None
            where, self._block_at = self._block_at, None
            if where is None or self.abandoned or self._has_shortened():
                block.give_back()
            else:  # only now, when HDF5 has let go of its lock: to wait for a thread that needs it would be for ever
                self._blocks.write(where, block)
            self._blocks.wrote(self._written)

    def _is_block(self, view: memoryview, first: int) -> bool:
        """Tell whether this is the block, and note where it belongs; HDF5 may write other things before and after."""
        block = self._block
        if block is None or not LARGE_BYTES <= len(view) == len(block.data) or first < self._committed:
            return False
        if address(view) != address(block.data):
            return False
        self._block_at = first
        return True

    def truncate(self, size: int | None = None) -> int:
        """Set the length; what is cut off of the committed file stays until `commit`."""
        self._end = self._place if size is None else size
        return self._end

    def flush(self) -> None:
        """Do nothing: the operating system has it."""

    def check(self) -> None:
        """Raise the error that a write has met, if one has."""
        self._error = self._error or self._blocks.error
        if self._error is not None:
            raise self._error

    def is_at(self, path: Path) -> bool:
        """Tell whether the path still leads to this file."""
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), path.lstat())
        except OSError:
            return False

    def _has_shortened(self) -> bool:
        """Look whether the file is as long as it was made, before it is made longer: a hole would not be noticed."""
        size = os.fstat(self._file.fileno()).st_size
        if size < max(self._reached, self._blocks.reached):
            self.shortened, self.lost = True, self.lost or size < self._committed
            self._error = self._error or OSError("it became shorter")
        return self.shortened

    def commit(self) -> None:
        """Make all changes, on the disk for good."""
        self._blocks.finish()
        self._has_shortened()
        self.check()
        behind = max(self._end, self._committed)
        if self._file.seek(0, os.SEEK_END) > behind:  # room that was taken for blocks
            self._truncate(behind)
        if self._changes:
            try:
                self._announce(behind)
            except BaseException:
                with suppress(OSError):
                    self._truncate(behind)
                raise
            for start, data in self._changes:
                self._put(start, data)
        os.fsync(self._file.fileno())
        self._truncate(self._end)
        self._changes.clear()
        self._committed = self._end

    def _announce(self, behind: int) -> None:
        """Write the changes and their checksum behind all else, on the disk for good."""
        place, checksum = behind, 0
        for start, data in self._changes:
            for part in (_PIECE.pack(start, len(data)), data):
                self._put(place, part)
                place, checksum = place + len(part), zlib.crc32(part, checksum)
        self._put(place, _FOOTER.pack(behind, place - behind, checksum, _MAGIC))
        os.fsync(self._file.fileno())

    def abandon(self) -> None:
        """Let HDF5 write into memory from now on: the file stays what the last `commit` has made it."""
        self._error = self._error or OSError("the file was given up")

    @property
    def abandoned(self) -> bool:
        """Whether nothing more will be committed."""
        return self._error is not None

    def close(self) -> None:
        """Close, and let others write."""
        self._blocks.close()
        self._file.close()

    def _put(self, start: int, data: bytes | memoryview) -> None:
        if self._has_shortened():
            self.check()
        self._file.seek(start)
        _write_all(self._file, data)
        self._reached = max(self._reached, start + len(data))

    def _truncate(self, size: int) -> None:
        self._file.truncate(size)
        self._reached, self._blocks.reached = size, 0


def recover(file: FileIO) -> None:
    """Make the changes that a process was killed in making."""
    if (behind := _changes_from(file)) is None:
        return
    for start, data in _pieces(file, behind):
        file.seek(start)
        _write_all(file, data)
    os.fsync(file.fileno())
    file.truncate(behind)


def is_half_changed(path: Path) -> bool:
    """Tell whether a process was killed in making changes, or is making them."""
    with FileIO(path) as file:
        return _changes_from(file) is not None


def as_changed(path: Path) -> mmap.mmap | None:
    """Return a half-changed file as it will be when it is mended, without touching it; None if nothing waits in it."""
    with FileIO(path) as file:
        behind = _changes_from(file)
        if not behind:
            return None
        view = mmap.mmap(file.fileno(), behind, access=mmap.ACCESS_COPY)
        for start, data in _pieces(file, behind):
            view[start : start + len(data)] = data
        return view


def _changes_from(file: FileIO) -> int | None:
    """Return where the changes begin that wait at the end of a file; None unless they are complete."""
    end = file.seek(0, os.SEEK_END) - _FOOTER.size
    if end < 0:
        return None
    behind, n, checksum, magic = _FOOTER.unpack(_read_all(file, end, _FOOTER.size))
    if magic != _MAGIC or min(behind, n) < 0 or behind + n != end:
        return None
    found = 0
    for place in range(behind, end, _BLOCK):
        found = zlib.crc32(_read_all(file, place, min(_BLOCK, end - place)), found)
    inside = all(0 <= start <= behind - len(data) for start, data in _pieces(file, behind))
    return behind if found == checksum and inside else None


def _pieces(file: FileIO, behind: int) -> Iterator[tuple[int, bytes]]:
    """Yield the changes, each where it belongs; what is no whole one ends them."""
    end = file.seek(0, os.SEEK_END) - _FOOTER.size
    while behind + _PIECE.size <= end:
        start, n = _PIECE.unpack(_read_all(file, behind, _PIECE.size))
        behind += _PIECE.size
        if not 0 <= n <= end - behind:
            return
        yield start, _read_all(file, behind, n)
        behind += n


def _read_all(file: FileIO, start: int, n: int) -> bytes:
    file.seek(start)
    data = b""
    while len(data) < n and (more := file.read(n - len(data))):
        data += more
    return data.ljust(n, b"\0")


def _write_all(file: FileIO, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def lock(file: FileIO, path: Path) -> None:
    """Keep others from writing an open file until it is closed. Raises BlockingIOError if one does, or took the name.

    HDF5's own lock can be switched off by the environment, and ends before the file has its final name. HDF5 respects
    this one, too.
    """
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
        raise BlockingIOError(path)


def is_locked(path: Path) -> bool:
    """Tell whether a process has the file open to write."""
    if sys.platform == "win32":
        return False
    import fcntl

    with FileIO(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
