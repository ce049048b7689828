"""The file that changes as a whole: what something else has cut off of it is noticed. Kills are in tests/faults."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanengine.store.disk.blocks import Block
from scanengine.store.disk.committed import CommittedFile

LARGE = bytes(range(256)) * 1024


@pytest.fixture
def file(tmp_path: Path) -> Iterator[CommittedFile]:
    file = CommittedFile(tmp_path / "file", "x")
    file.write(LARGE)
    file.commit()
    yield file
    file.close()


def write(file: CommittedFile, *, in_blocks: bool) -> None:
    """Write behind what is committed, by the thread that calls or by those of the blocks."""
    if in_blocks:
        view = memoryview(LARGE)
        with file.block(Block(view)):
            file.write(view)
    else:
        file.write(LARGE)


@pytest.mark.parametrize("in_blocks", [False, True])
@pytest.mark.parametrize(("left", "lost"), [(len(LARGE) - 1, True), (0, True), (len(LARGE) + 1, False)])
def test_what_was_cut_off_is_noticed(
    file: CommittedFile, tmp_path: Path, in_blocks: bool, left: int, lost: bool
) -> None:
    write(file, in_blocks=in_blocks)
    file._blocks.finish()
    os.truncate(tmp_path / "file", left)
    with pytest.raises(OSError, match="it became shorter"):
        file.commit()
    assert file.shortened
    assert file.lost == lost


@pytest.mark.parametrize("in_blocks", [False, True])
def test_a_commit_may_make_the_file_shorter_itself(file: CommittedFile, tmp_path: Path, in_blocks: bool) -> None:
    write(file, in_blocks=in_blocks)
    file.truncate(len(LARGE) + 5)
    file.commit()
    write(file, in_blocks=in_blocks)
    file.commit()
    assert not file.shortened
    assert (tmp_path / "file").read_bytes()[: len(LARGE) + 5] == LARGE + LARGE[:5]
