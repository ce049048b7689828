"""Blocks reach the file whole, past the page cache or through it, and come back when they have."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanengine.store.disk import blocks
from scanengine.store.disk.blocks import PAGE_BYTES, Block, BlockWriter, address, at_page


@pytest.fixture
def file(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    path = tmp_path / "file"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    yield descriptor, path
    os.close(descriptor)


def noise(n_bytes: int, seed: int = 0) -> memoryview:
    memory = at_page(n_bytes)
    memory[:] = np.random.default_rng(seed).integers(0, 256, size=n_bytes, dtype=np.uint8)
    return memory.data


def test_memory_begins_at_a_page() -> None:
    for n_bytes in (1, PAGE_BYTES, 100_001):
        memory = at_page(n_bytes)
        assert memory.size == n_bytes
        assert address(memory) % PAGE_BYTES == 0
        assert not memory.any()


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("gap", [0, 1, PAGE_BYTES])
@pytest.mark.parametrize("n_bytes", [100, PAGE_BYTES, PAGE_BYTES + 4, 300_000])
def test_blocks_come_to_lie_where_they_belong(
    file: tuple[int, Path], monkeypatch: pytest.MonkeyPatch, direct: bool, gap: int, n_bytes: int
) -> None:
    if not direct:
        monkeypatch.setattr(blocks, "_open_direct", lambda _: None)
    writer, step = BlockWriter(*file), -(-n_bytes // PAGE_BYTES) * PAGE_BYTES + gap
    back: list[int] = []
    written = {i * step: noise(n_bytes, i) for i in range(40)}
    for start, data in written.items():
        writer.write(start, Block(data, lambda start=start: back.append(start)))  # type: ignore[misc]
    writer.finish()
    assert writer.error is None
    assert sorted(back) == list(written)
    found = file[1].read_bytes()
    for start, data in written.items():
        assert found[start : start + n_bytes] == data
    writer.close()


def test_where_the_file_system_refuses_it_blocks_go_through_the_page_cache(
    file: tuple[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite, refused = os.pwrite, []

    def refusing(descriptor: int, data: Any, place: int) -> int:
        if descriptor != file[0]:
            refused.append(place)
            raise OSError(errno.EINVAL, "Invalid argument")
        return pwrite(descriptor, data, place)

    monkeypatch.setattr(os, "pwrite", refusing)
    writer, data = BlockWriter(*file), noise(50_000)
    writer.write(0, Block(data))
    writer.finish()
    writer.close()
    assert writer.error is None
    assert file[1].read_bytes()[: len(data)] == data
    assert len(refused) <= 1


@pytest.mark.parametrize("failing", ["a block", "its end"])
def test_an_error_stands_there_and_the_block_is_given_back(
    file: tuple[int, Path], monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    pwrite = os.pwrite

    def full(descriptor: int, data: Any, place: int) -> int:
        if failing == "a block" or len(data) < PAGE_BYTES:
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwrite(descriptor, data, place)

    monkeypatch.setattr(os, "pwrite", full)
    writer = BlockWriter(*file)
    back = threading.Event()
    writer.write(0, Block(noise(PAGE_BYTES + 4), back.set))
    writer.finish()
    writer.close()
    assert back.is_set()
    assert isinstance(writer.error, OSError)
    assert writer.error.errno == errno.ENOSPC


def test_a_disk_that_fails_on_the_way_is_not_forgotten(file: tuple[int, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux tells it to one fsync alone: the next one, for a checkpoint, finds nothing wrong."""

    def failing(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    monkeypatch.setattr(blocks, "_open_direct", lambda _: None)
    monkeypatch.setattr(blocks, "_IN_MEMORY_BYTES", PAGE_BYTES)
    writer = BlockWriter(*file)
    for i in range(2):
        writer.write(i * 2 * PAGE_BYTES, Block(noise(2 * PAGE_BYTES)))
    writer.finish()
    writer.close()
    assert isinstance(writer.error, OSError)
    assert writer.error.errno == errno.EIO


def test_no_more_blocks_wait_than_memory_is_meant_for(file: tuple[int, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite, gate, waiting, most = os.pwrite, threading.Semaphore(0), [0], [0]
    monkeypatch.setattr(os, "pwrite", lambda *given: gate.acquire() and pwrite(*given))
    monkeypatch.setattr(blocks, "_MOST_WAITING", 3)
    writer = BlockWriter(*file)

    def give_back() -> None:
        waiting[0] -= 1

    for i in range(20):
        most[0] = max(most[0], waiting[0])
        if waiting[0] == 3:
            gate.release()
        waiting[0] += 1
        writer.write(i * PAGE_BYTES, Block(noise(PAGE_BYTES), give_back))
    for _ in range(20):
        gate.release()
    writer.finish()
    writer.close()
    assert most[0] <= 3
    assert waiting[0] == 0
