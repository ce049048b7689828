"""Shards on their way to one result: in any order, and each that is missing, foreign or damaged is named."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from scanengine import InputError, open_result
from scanengine.store import verify
from tests.faults.nursery import Nursery
from tests.faults.scans import assert_same, contents, write_scan

N = 8
RUN = ("run", "scan.toml", "--no-figure")
MERGE = ("merge", "scan.h5")
KEEPS = ("grid", "profiles")
Merge = Callable[..., tuple[int, str]]


def name(i: int) -> str:
    return f"scan.shard-{i}-of-{N}.h5"


@pytest.fixture(scope="module", params=KEEPS)
def made(request: pytest.FixtureRequest, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all shards of a scan, and the result of the scan as a whole."""
    folder = tmp_path_factory.mktemp("shards")
    write_scan(folder, "4", request.param)
    assert nursery.run(folder, *RUN, "-o", "whole.h5")[0] == 0
    for i in range(1, N + 1):
        status, printed = nursery.run(folder, *RUN, "--shard", f"{i}/{N}")
        assert status == 0, printed
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def merge(nursery: Nursery, folder: Path) -> Merge:
    """Merge shards in random order, unless they are named; give exit status and what was printed."""

    def run(*arguments: str, shards: list[str] | None = None) -> tuple[int, str]:
        names = [name(i) for i in range(1, N + 1)] if shards is None else shards
        random.Random(3).shuffle(names)
        status, printed = nursery.run(folder, *MERGE, *names, "--no-figure", *arguments)
        assert "Traceback" not in printed
        assert "bug" not in printed
        assert (folder / "scan.h5").exists() == (status == 0)
        return status, printed

    return run


@pytest.mark.parametrize("virtual", [[], ["--virtual"]], ids=["copied", "virtual"])
def test_shards_in_any_order_make_the_same_result(folder: Path, merge: Merge, virtual: list[str]) -> None:
    status, printed = merge(*virtual)
    assert status == 0, printed
    assert_same(folder / "scan.h5", folder / "whole.h5")
    assert not list(folder.glob("*.partial*"))


@pytest.mark.parametrize("virtual", [[], ["--virtual"]], ids=["copied", "virtual"])
def test_a_missing_shard_is_named(merge: Merge, virtual: list[str]) -> None:
    status, printed = merge(*virtual, shards=[name(i) for i in range(1, N + 1) if i != 5])
    assert status == 2
    assert re.search(r"error: \d+ of \d+ tiles are in none of the shards: shard 5 of 8 is not among them", printed)


def test_a_shard_given_twice_is_named(folder: Path, merge: Merge) -> None:
    shutil.copy(folder / name(3), folder / "copy.h5")
    status, printed = merge(shards=[*(name(i) for i in range(1, N + 1)), "copy.h5"])
    assert status == 2
    assert "hold the same tiles" in printed
    assert "copy.h5" in printed
    assert name(3) in printed


@pytest.mark.parametrize("virtual", [[], ["--virtual"]], ids=["copied", "virtual"])
def test_a_shard_of_other_physics_is_shown_with_its_difference(
    nursery: Nursery, folder: Path, merge: Merge, virtual: list[str]
) -> None:
    other = ("--shard", f"2/{N}", "--overwrite", "--set", "experiments.Ne.mass_kg=50")
    assert nursery.run(folder, *RUN, *other)[0] == 0
    status, printed = merge(*virtual)
    assert status == 2
    assert f"error: {name(2)} belongs to another scan:" in printed
    assert "experiments.Ne.mass_kg: 50.0 there, 100.0 here" in printed
    assert "leave this one out" in printed


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_truncated_shard_is_named(folder: Path, merge: Merge, share: float) -> None:
    data = (folder / name(4)).read_bytes()
    (folder / name(4)).write_bytes(data[: int(share * len(data))])
    status, printed = merge()
    assert status == 2
    assert f"{name(4)} is" in printed
    assert "truncated" in printed


def test_a_flipped_bit_in_a_shard_is_found(folder: Path, merge: Merge) -> None:
    with h5py.File(folder / name(6)) as file:
        checked = file["chi2" if "chi2" in file else "running/planes"]
        chunk = checked.id.get_chunk_info(0)
    data = bytearray((folder / name(6)).read_bytes())
    data[chunk.byte_offset + chunk.size // 3] ^= 16
    (folder / name(6)).write_bytes(data)
    status, printed = merge()
    assert status == 2
    assert f"error: {name(6)} is damaged" in printed
    assert "make this shard again" in printed


def test_an_unfinished_shard_is_refused(nursery: Nursery, folder: Path, merge: Merge) -> None:
    (folder / name(7)).unlink()
    status, _ = nursery.run(folder, *RUN, "--shard", f"7/{N}", "--threads", "1", kill=("commit", 4))
    assert status == -9
    (unfinished,) = folder.glob(f"{Path(name(7)).stem}.partial.h5")
    status, printed = merge(shards=[unfinished.name if i == 7 else name(i) for i in range(1, N + 1)])
    assert status == 2
    assert f"{unfinished.name} is not a finished shard" in printed
    status, printed = nursery.run(folder, *RUN, "--shard", f"7/{N}")
    assert status == 0
    assert "resuming after" in printed
    status, _ = merge()
    assert status == 0
    assert_same(folder / "scan.h5", folder / "whole.h5")


def test_a_merge_that_is_killed_goes_on(nursery: Nursery, folder: Path, merge: Merge) -> None:
    names = [name(i) for i in range(1, N + 1)]
    assert nursery.run(folder, *MERGE, *names, "--no-figure", kill=("profiles", 1))[0] == -9
    assert (folder / "scan.partial.h5").exists()
    if "chi2" in contents(folder / "whole.h5"):
        status, printed = merge("--virtual")
        assert status == 2
        assert "scan.partial.h5 is unfinished and has a grid of its own, not a view of shards: pass --fresh" in printed
    status, printed = merge()
    assert status == 0
    assert_same(folder / "scan.h5", folder / "whole.h5")
    status, printed = merge("--virtual", "--overwrite", "--fresh")
    assert status == 0, printed
    assert_same(folder / "scan.h5", folder / "whole.h5")


def test_a_result_is_replaced_only_when_asked(nursery: Nursery, folder: Path, merge: Merge) -> None:
    assert merge()[0] == 0
    before = (folder / "scan.h5").read_bytes()
    status, printed = nursery.run(folder, *MERGE, name(1), name(2), "--no-figure")
    assert status == 2
    assert "tiles are in none of the shards" in printed
    status, printed = nursery.run(folder, *MERGE, *(name(i) for i in range(1, N + 1)), "--no-figure")
    assert status == 2
    assert "scan.h5 exists: pass --overwrite to replace it" in printed
    assert (folder / "scan.h5").read_bytes() == before


def test_a_view_of_shards_never_reads_what_is_not_there(folder: Path, merge: Merge) -> None:
    """HDF5 itself would give a number."""
    assert merge("--virtual")[0] == 0
    result = open_result(folder / "scan.h5")
    if not result.has_grid:
        pytest.skip("profiles are copied")
    np.testing.assert_array_equal(result.chi2, contents(folder / "whole.h5")["chi2"])
    (folder / name(2)).rename(folder / "elsewhere.h5")
    with pytest.raises(InputError, match=rf"its grid is a view of shards, and {re.escape(name(2))} is not beside it"):
        _ = result.chi2
    shutil.copy(folder / name(1), folder / name(2))  # of the same scan, but other tiles
    with pytest.raises(InputError, match="a part of its grid is in none of the shards"):
        _ = result.chi2
    with pytest.raises(InputError, match="was never written"):
        verify(folder / "scan.h5")
    with h5py.File(folder / name(2), "r+") as file:
        file.attrs["identity"] = "{}"
    with pytest.raises(InputError, match="is not of the same scan"):
        open_result(folder / "scan.h5")


@pytest.mark.parametrize("link", [None, Path.symlink_to, Path.hardlink_to], ids=["itself", "symbolic", "hard"])
@pytest.mark.parametrize("virtual", [[], ["--virtual"]], ids=["copied", "virtual"])
def test_the_result_takes_the_place_of_no_shard(
    folder: Path, nursery: Nursery, virtual: list[str], link: Callable[[Path, Path], None] | None
) -> None:
    names = [name(i) for i in range(1, N + 1)]
    output = "linked.h5" if link else names[2]
    if link:
        link(folder / output, folder / names[2])
    before = (folder / names[2]).read_bytes()
    status, printed = nursery.run(folder, "merge", output, *names, "--no-figure", "--overwrite", *virtual)
    assert status == 2
    assert re.search(rf"error: the result would replace {names[2]}.*, which it is made from", printed)
    assert (folder / names[2]).read_bytes() == before


def test_shards_of_a_view_lie_beside_it(folder: Path, nursery: Nursery) -> None:
    (folder / "sub").mkdir()
    names = [name(i) for i in range(1, N + 1)]
    status, printed = nursery.run(folder, "merge", "sub/scan.h5", *names, "--no-figure", "--virtual")
    if "chi2" in contents(folder / "whole.h5"):
        assert status == 2
        assert "or below: the shards of a virtual result stay beside it" in printed
