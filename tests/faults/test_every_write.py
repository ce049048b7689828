"""A kill between any two writes of a scan, and in the midst of each, by what it leaves on the disk."""

from __future__ import annotations

import errno
import os
import zlib
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from scanengine.store import GridWriter, open_unfinished, partial, verify
from scanengine.store.disk import committed
from tests.faults.scans import assert_same
from tests.store.results import axes_of, chi2_of, minima_of, profiles_of, tiles_of, writer_for


class Write(NamedTuple):
    place: int
    data: bytes
    acknowledged: int


class Truncation(NamedTuple):
    size: int
    acknowledged: int


class Disk:
    """What reaches the disk, in its order, and how many tiles were acknowledged before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[Write | Truncation] = []
        self.acknowledged = 0
        disk = self

        class Recorded(FileIO):
            def write(self, data: Any) -> int:
                disk.events.append(Write(self.tell(), bytes(data), disk.acknowledged))
                return super().write(data)

            def truncate(self, size: int | None = None) -> int:
                assert size is not None
                disk.events.append(Truncation(size, disk.acknowledged))
                return super().truncate(size)

        pwrite = os.pwrite

        def recorded(descriptor: int, data: Any, place: int) -> int:
            disk.events.append(Write(place, bytes(data), disk.acknowledged))
            return pwrite(descriptor, data, place)

        monkeypatch.setattr(os, "pwrite", recorded)
        monkeypatch.setattr(committed, "FileIO", Recorded)
        monkeypatch.setattr(os, "fsync", lambda _: None)


def go_on(writer: GridWriter, shape: tuple[int, ...], disk: Disk | None = None) -> None:
    """Write the tiles that are not there, with minima over all that are; then all that comes after."""
    chi2 = chi2_of(shape)
    seen = np.full(shape, np.inf)
    for start, where in tiles_of(shape, writer.plan.chunk_shape):
        if writer.is_done(start):
            seen[where] = chi2[where]
            if writer.wants_tiles:
                np.testing.assert_array_equal(writer._file["chi2"][where], chi2[where])
    if (earlier := writer.earlier()) is not None:
        lowest, floor = minima_of(seen), minima_of(chi2)
        for name in ("planes", "lines", "best"):
            assert np.all(getattr(earlier, name) <= getattr(lowest, name))
            assert np.all(getattr(earlier, name) >= getattr(floor, name))
    writer.keep(lambda: minima_of(seen))
    for n, (start, where) in enumerate(tiles_of(shape, writer.plan.chunk_shape)):
        if not writer.is_done(start):
            seen[where] = chi2[where]
            writer.write(start, writer.prepare(np.ascontiguousarray(chi2[where])))
        if disk is not None and n % 2:
            writer.checkpoint()
            disk.acknowledged = writer.tiles_written
    writer.finish(profiles_of(chi2, axes_of(shape)))


@pytest.mark.parametrize("most", [30, pytest.param(10**6, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("shape", "tile", "keep"),
    [
        ((7, 5, 4), (3, 2, 4), "grid"),
        ((7, 5, 4), (3, 2, 4), "profiles"),
        ((13, 20), (3, 7), "grid"),
        ((7, 5, 4, 5), (3, 2, 4, 3), "grid"),
        ((7, 50, 40), (3, 20, 40), "grid"),
    ],
)
def test_a_kill_at_any_write_loses_nothing_that_was_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], tile: tuple[int, ...], keep: str, most: int
) -> None:
    """Tried at no more than about `most` of its moments."""
    whole, path = tmp_path / "whole.h5", tmp_path / "out.h5"
    for module in (partial, committed):  # past the page cache, if they are not smaller
        monkeypatch.setattr(module, "LARGE_BYTES", 4096)
    with monkeypatch.context() as patched:
        disk = Disk(patched)
        with writer_for(whole, shape, tile, keep=keep) as writer:
            header = len(disk.events)  # until here the file has another name
            go_on(writer, shape, disk)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    image, tried = bytearray(), 0
    stride = max(1, 2 * len(disk.events) // most)
    for n, event in enumerate(disk.events):
        if isinstance(event, Write) and n >= header and len(event.data) > 8 and n % stride == 0:
            torn = bytearray(image)
            put(torn, event.place, event.data[: len(event.data) // 2 + 3])
            tried += resume(path, torn, whole, shape, tile, keep, event.acknowledged)
        if isinstance(event, Truncation):
            image = image[: event.size].ljust(event.size, b"\0")
        else:
            put(image, event.place, event.data)
        if n >= header and (n % stride == stride // 2 or n > len(disk.events) - 8):
            tried += resume(path, image, whole, shape, tile, keep, event.acknowledged)
    assert tried >= min(most, len(disk.events)) // 2


def put(image: bytearray, place: int, data: bytes) -> None:
    image.extend(bytes(max(0, place + len(data) - len(image))))
    image[place : place + len(data)] = data


def resume(
    path: Path,
    image: bytearray,
    whole: Path,
    shape: tuple[int, ...],
    tile: tuple[int, ...],
    keep: str,
    acknowledged: int,
) -> int:
    path.unlink(missing_ok=True)
    path.with_suffix(".partial.h5").write_bytes(image)
    with writer_for(path, shape, tile, keep=keep) as writer:
        assert writer.tiles_written >= acknowledged
        if writer.whole:
            writer.take_final_name()
        else:
            go_on(writer, shape)
    assert_same(path, whole)
    return 1


def test_a_partial_file_that_was_written_to_after_its_last_commit_is_cut_there(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    with writer_for(path) as writer:
        writer.keep(lambda: minima_of(chi2_of(writer.plan.shape)))
        writer.write((0, 0, 0), writer.prepare(np.zeros(writer.plan.chunk_shape)))
    size = writer.partial.stat().st_size
    with writer.partial.open("ab") as file:
        file.write(bytes(1_000_000))
    with writer_for(path) as again:
        assert again.tiles_written == 1
        assert again.partial.stat().st_size <= size


def test_no_change_reaches_outside_the_file_that_it_waits_in(tmp_path: Path) -> None:
    """What waits at the end of a file is believed as little as the rest of it."""
    path = tmp_path / "file"
    for start, n in [(-8, 4), (2**62, 4), (0, 2**40), (98, 4), (0, -1)]:
        record = committed._PIECE.pack(start, n) + b"evil"
        footer = committed._FOOTER.pack(100, len(record), zlib.crc32(record), committed._MAGIC)
        path.write_bytes(bytes(100) + record + footer)
        before = path.read_bytes()
        committed.CommittedFile(path, "r+").close()
        assert path.read_bytes()[:100] == before[:100]
        assert path.stat().st_size <= len(before)


def test_a_half_changed_file_is_read_as_it_will_be_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a run that was killed between announcing its changes and making them."""
    path, chi2 = tmp_path / "out.h5", chi2_of((7, 5, 4))
    with writer_for(path, (7, 5, 4), (3, 2, 4)) as writer:
        writer.keep(lambda: minima_of(chi2))
        tiles = list(tiles_of((7, 5, 4), (3, 2, 4)))
        for start, where in tiles[:2]:
            writer.write(start, writer.prepare(np.ascontiguousarray(chi2[where])))
        writer.checkpoint()
        before = writer.partial.read_bytes()
        for start, where in tiles[2:5]:
            writer.write(start, writer.prepare(np.ascontiguousarray(chi2[where])))
        with monkeypatch.context() as patched:
            original, announced = committed.CommittedFile._announce, []

            def announce(self: committed.CommittedFile, behind: int) -> None:
                original(self, behind)
                announced.append(writer.partial.read_bytes())

            patched.setattr(committed.CommittedFile, "_announce", announce)
            writer.checkpoint()
    (image,) = announced
    assert image[: len(before) // 2] == before[: len(before) // 2]
    partial = tmp_path / "killed.partial.h5"
    partial.write_bytes(image)
    unfinished = open_unfinished(partial)
    assert unfinished is not None
    assert unfinished.done == 5
    assert verify(partial)[0].startswith("unfinished, 5 of 9 tiles: every number matches its checksum")
    assert partial.read_bytes() == image


def test_hdf5_is_given_zeros_where_nothing_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not bear that a read fails: what it makes of zeros is refused, or not committed."""
    file = committed.CommittedFile(tmp_path / "file", "x")
    file.write(b"abc")
    for place in (2**63, 2**64 - 8, 2**70):
        found = bytearray(b"12345678")
        file.seek(place)
        assert file.readinto(found) == 0
        assert found == bytes(8)
    file.commit()

    class Failing(FileIO):
        def readinto(self, _: Any) -> int:
            raise OSError(errno.EIO, "Input/output error")

    file.close()
    monkeypatch.setattr(committed, "FileIO", Failing)
    file = committed.CommittedFile(tmp_path / "file", "r+")
    found = bytearray(b"12345678")
    assert file.readinto(found) == 0
    assert found == bytes(8)
    with pytest.raises(OSError, match="Input/output error"):
        file.commit()
    file.close()
