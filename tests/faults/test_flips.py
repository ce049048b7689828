"""A bit that flips on the disk: found on reading it, by `verify`, and before a run goes on from it."""

from __future__ import annotations

import random
from pathlib import Path

import h5py
import numpy as np
import pytest

from scanengine import InputError, ScanengineError, open_result
from scanengine.store import GridWriter, ResponseArray, verify
from tests.store.results import (
    SHAPE,
    axes_of,
    chi2_of,
    minima_of,
    profiles_of,
    tiles_of,
    write_result,
    writer_for,
)

RESPONSES = {"Ne": ResponseArray(np.linspace(0, 1, 6).reshape(2, 3), ("channel", "term"))}


def write_some(path: Path, keep: str) -> GridWriter:
    """Leave an unfinished file with some of its tiles."""
    chi2 = chi2_of(SHAPE)
    with writer_for(path, keep=keep, responses=RESPONSES) as writer:
        writer.keep(lambda: minima_of(chi2))
        for start, where in list(tiles_of(SHAPE, writer.plan.chunk_shape))[:5]:
            writer.write(start, writer.prepare(np.ascontiguousarray(chi2[where])))
    assert writer.kept is not None
    return writer


def places(path: Path) -> dict[str, list[tuple[int, int]]]:
    """Where in the file the numbers of each dataset lie: offsets and sizes."""
    found: dict[str, list[tuple[int, int]]] = {}

    def note(name: str, member: h5py.HLObject) -> None:
        if not isinstance(member, h5py.Dataset):
            return
        if member.chunks is None:
            if (offset := member.id.get_offset()) is not None:
                found[name] = [(offset, member.id.get_storage_size())]
            return
        chunks = [member.id.get_chunk_info(i) for i in range(member.id.get_num_chunks())]
        found[name] = [(chunk.byte_offset, chunk.size) for chunk in chunks]

    with h5py.File(path) as file:
        file.visititems(note)
    return found


def flipped(data: bytes, offset: int, size: int, chance: random.Random) -> bytes:
    changed = bytearray(data)
    changed[offset + chance.randrange(size)] ^= 1 << chance.randrange(8)
    return bytes(changed)


@pytest.mark.parametrize("keep", ["grid", "profiles"])
def test_a_flip_in_any_dataset_of_a_result_is_found(tmp_path: Path, keep: str) -> None:
    path, chance = tmp_path / "out.h5", random.Random(1)
    write_result(path, keep=keep, responses=RESPONSES)
    data = path.read_bytes()
    assert verify(path)[0].startswith("every number matches its checksum")
    found = places(path)
    assert {"eps_0", "profiles/chi2_eps_1", "profiles/chi2_eps_0__eps_2", "responses/Ne"} <= found.keys()
    for name, chunks in found.items():
        for offset, size in chunks:
            path.write_bytes(flipped(data, offset, size, chance))
            with pytest.raises(InputError, match=f"is damaged: the checksum of {name}.* does not match"):
                verify(path)
            if not name.startswith("responses"):
                with pytest.raises(InputError, match=f"is damaged: the checksum of {name} does not match"):
                    open_result(path).chi2  # noqa: B018


@pytest.mark.parametrize("keep", ["grid", "profiles"])
def test_a_flip_in_any_dataset_of_an_unfinished_file_is_found(tmp_path: Path, keep: str) -> None:
    path, chance = tmp_path / "out.h5", random.Random(2)
    partial = write_some(path, keep).partial
    data = partial.read_bytes()
    assert verify(partial)[0].startswith("unfinished, 5 of 9 tiles: every number matches its checksum")
    found = places(partial)
    assert {"done", "running/planes", "running/lines", "running/best"} <= found.keys()
    for name, chunks in found.items():
        for offset, size in chunks:
            partial.write_bytes(flipped(data, offset, size, chance))
            with pytest.raises(InputError, match=f"is damaged: the checksum of {name}.* does not match"):
                verify(partial)
            if name == "done" or name.startswith("running"):
                going_on = writer_for(path, keep=keep, responses=RESPONSES)
                with (
                    pytest.raises(
                        InputError, match=r"is damaged \(its progress cannot be read\): pass --fresh to start"
                    ),
                    going_on,
                ):
                    pass


@pytest.mark.slow
@pytest.mark.parametrize("keep", ["grid", "profiles"])
def test_a_flip_anywhere_gives_what_was_written_or_an_error(tmp_path: Path, keep: str) -> None:
    """HDF5 keeps no checksum over its own tables: what is read through them must still be right, or refused.

    `fuzz/flips.py` flips more.
    """
    assert flip_anywhere(tmp_path / "out.h5", keep, random.Random(3), 300) > 20


def flip_anywhere(path: Path, keep: str, chance: random.Random, times: int) -> int:
    """Flip a bit of a result so many times, one at a time, and read it; return how often it was refused."""
    chi2 = write_result(path, keep=keep, responses=RESPONSES)
    data, expected = path.read_bytes(), profiles_of(chi2, axes_of(SHAPE))
    refused = 0
    for _ in range(times):
        path.write_bytes(flipped(data, 0, len(data), chance))
        try:
            result = open_result(path)
            stored = result.chi2 if keep == "grid" else None
            lines = {axis.name: result.profile(axis.name).chi2 for axis in result.axes}
        except ScanengineError:
            refused += 1
            continue
        if stored is not None:
            np.testing.assert_array_equal(stored, chi2)
        for name, line in lines.items():
            np.testing.assert_array_equal(line, expected.lines[name])
        assert result.minimum == pytest.approx(expected.minimum, abs=1e-8)
        assert tuple(result.best_fit.values()) == expected.best_fit
        for axis, axis_expected in zip(result.axes, axes_of(SHAPE), strict=True):
            np.testing.assert_array_equal(axis.values, axis_expected.values)
    return refused


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.8, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "out.h5"
    partial = write_some(path, "grid").partial
    data = partial.read_bytes()
    partial.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match="truncated"):
        verify(partial)
    with pytest.raises(InputError, match=r"is damaged .*: pass --fresh to start again"), writer_for(path) as _:
        pass
    assert len(partial.read_bytes()) == int(share * len(data))
    write_result(path, fresh=True)
    assert open_result(path).shape == SHAPE
