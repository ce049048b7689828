"""Whatever stands in a file, it is read or refused in sentences; nothing outside it is read, no size is believed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanengine.errors import InputError, ScanengineError
from scanengine.store import (
    GridPlan,
    GridWriter,
    absorb,
    is_calibration,
    open_result,
    open_unfinished,
    read_shard,
    verify,
)
from scanengine.store.disk import heaps
from tests.faults.nursery import environment
from tests.faults.seals import seal, seals
from tests.faults.strangers import in_a_process_of_its_own, try_all
from tests.store.results import (
    SHAPE,
    TILE,
    axes_of,
    chi2_of,
    minima_of,
    plan_for,
    profiles_of,
    tiles_of,
    write_result,
    writer_for,
)


@pytest.mark.slow
def test_changed_bytes_end_in_sentences_without_a_crash_or_a_hang(tmp_path: Path) -> None:
    """Each file is opened in a process of its own; `fuzz/damaged.py` opens more of them."""
    script = Path(__file__).with_name("strangers.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "5", "80"],
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout) == []


def write_first_tile(writer: GridWriter) -> None:
    writer.keep(lambda: minima_of(chi2_of(SHAPE)))
    writer.write((0, 0, 0), writer.prepare(np.ascontiguousarray(chi2_of(SHAPE)[:3, :2])))


def write_shard(path: Path, plan: GridPlan | None = None) -> Path:
    """Write a finished shard of the test grid: a third of its tiles."""
    from dataclasses import replace

    chi2 = chi2_of(SHAPE)
    plan = replace(plan or plan_for(), tiles=np.arange(0, 9, 3))
    with GridWriter(path, plan) as writer:
        writer.keep(lambda: minima_of(chi2))
        for n, (start, where) in enumerate(tiles_of(SHAPE, TILE)):
            if n % 3 == 0:
                writer.write(start, writer.prepare(np.ascontiguousarray(chi2[where])))
        return writer.finish_shard(1, 3)


def test_a_damaged_heap_of_text_is_not_read_for_ever(tmp_path: Path) -> None:
    """Neither by those who only ask what kind of file it is."""
    path = tmp_path / "out.h5"
    write_result(path)
    data = bytearray(path.read_bytes())
    first_size = data.index(b"GCOL\x01") + 24
    data[first_size : first_size + 8] = (2**64 - 16).to_bytes(8, "little")
    path.write_bytes(data)
    assert in_a_process_of_its_own(lambda: [str(is_calibration(path))], seconds=5) == ["False"]
    assert in_a_process_of_its_own(lambda: try_all(path, []), seconds=5) == []


def test_any_flipped_byte_of_the_root_ends_in_sentences(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    write_result(path)
    sound = path.read_bytes()
    root = sound.index(b"OHDR")
    for place in range(root, root + 64, 5):
        data = bytearray(sound)
        data[place] ^= 1
        path.write_bytes(data)
        assert in_a_process_of_its_own(lambda: try_all(path, [])) == []


def test_an_index_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """HDF5 divides by some of these sizes: a file made to, with a right checksum, ends the process."""
    path = tmp_path / "out.h5"
    write_result(path)
    sound = path.read_bytes()
    places = {  # sizes of nodes and records, depth, numbers of records; width of a table, sizes of blocks
        b"BTHD": [(6, 0), (6, 8), (10, 0), (10, 2**16 - 1), (12, 2**16 - 1), (24, 2**16 - 1), (32, 2**16 - 1)],
        b"FRHP": [(110, 0), (110, 3), (112, 0), (112, 7), (120, 0), (128, 0), (128, 2**16 - 1), (140, 2**16 - 1)],
    }
    for signature, changes in places.items():
        start, n = next((start, n) for start, n in seals(sound) if sound[start:].startswith(signature))
        for at, value in changes:
            data = bytearray(sound)
            data[start + at : start + at + 2] = value.to_bytes(2, "little")
            seal(data, start, n)
            path.write_bytes(data)
            assert in_a_process_of_its_own(lambda: try_all(path, [])) == [], (signature, at, value)


def test_an_attribute_that_would_lie_behind_the_end_is_refused_before_hdf5_looks(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    write_result(path)
    heaps.check(path)
    sound = path.read_bytes()
    leaf, record = sound.index(b"BTLF\x00\x08") + 6, 17
    for number in range(3):
        data = bytearray(sound)
        data[leaf + number * record + 4 : leaf + number * record + 8] = b"\xff" * 4  # of the place, and the length
        path.write_bytes(data)
        with pytest.raises(OSError, match="a tree of names is damaged"):
            heaps.check(path)


def no_scale(axis: h5py.Dataset) -> None:
    """Differs from a scale in one letter, of which HDF5 frees the memory twice."""
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(16)
    if "CLASS" in axis.attrs:
        del axis.attrs["CLASS"]
    made = h5py.h5a.create(axis.id, b"CLASS", kind, h5py.h5s.create(h5py.h5s.SCALAR))
    made.write(np.array(b"DIMENSION_SCALA", dtype="S16"))


def no_references(axis: h5py.Dataset) -> None:
    del axis.attrs["REFERENCE_LIST"]
    axis.attrs["REFERENCE_LIST"] = "eps_1"


def other_values(axis: h5py.Dataset) -> None:
    axis[...] = axis[...] + 0.25


def test_what_is_nearly_a_dimension_scale_is_none(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    write_result(path)
    with h5py.File(path, "r+") as file:
        file["responses/Ne"] = np.zeros(3)
        no_scale(file["responses/Ne"])
    assert in_a_process_of_its_own(lambda: list(open_result(path).response_names)) == ["Ne"]


@pytest.mark.parametrize("change", [no_scale, no_references, other_values])
def test_an_unfinished_file_with_another_axis_is_not_gone_on_with(
    tmp_path: Path, change: Callable[[h5py.Dataset], None]
) -> None:
    """HDF5 itself would not survive some of it."""
    writer = writer_for(tmp_path / "out.h5")
    with writer:
        write_first_tile(writer)
    with h5py.File(writer.partial, "r+") as file:
        change(file["eps_1"])

    def go_on() -> list[str]:
        try:
            with writer_for(tmp_path / "out.h5") as again:
                again.keep(lambda: minima_of(chi2_of(SHAPE)))
                for start, where in tiles_of(SHAPE, TILE):
                    again.write(start, again.prepare(np.ascontiguousarray(chi2_of(SHAPE)[where])))
                again.finish(profiles_of(chi2_of(SHAPE), axes_of(SHAPE)))
        except InputError as error:
            return [str(error)]
        return ["nothing was wrong"]

    (said,) = in_a_process_of_its_own(go_on)
    assert "out.partial.h5 is damaged: pass --fresh to start again" in said


SECRET = np.arange(7.0)


def external_link(file: h5py.File, name: str, elsewhere: Path) -> None:
    del file[name]
    file[name] = h5py.ExternalLink(str(elsewhere), "/secret")


def soft_link(file: h5py.File, name: str, elsewhere: Path) -> None:
    file["decoy"] = h5py.ExternalLink(str(elsewhere), "/secret")
    del file[name]
    file[name] = h5py.SoftLink("/decoy")


def linked_group(file: h5py.File, name: str, elsewhere: Path) -> None:
    group, _, _ = name.rpartition("/")
    if group:
        del file[group]
        file[group] = h5py.ExternalLink(str(elsewhere), f"/{group}")
    else:
        external_link(file, name, elsewhere)


def external_storage(file: h5py.File, name: str, elsewhere: Path) -> None:
    shape = file[name].shape
    attributes = dict(file[name].attrs)
    del file[name]
    raw = elsewhere.with_suffix(".raw")
    raw.write_bytes(bytes(8 * int(np.prod(shape))))
    dataset = file.create_dataset(name, shape=shape, dtype="f8", external=[(str(raw), 0, h5py.h5f.UNLIMITED)])
    dataset.attrs.update({n: v for n, v in attributes.items() if isinstance(v, str)})


def outside_view(file: h5py.File, name: str, elsewhere: Path) -> None:
    shape = file[name].shape
    del file[name]
    layout = h5py.VirtualLayout(shape, "f8")
    layout[...] = h5py.VirtualSource(str(elsewhere), "secret", shape)
    file.create_virtual_dataset(name, layout)


@pytest.mark.parametrize("member", ["eps_1", "profiles/chi2_eps_0", "profiles/chi2_eps_0__eps_2", "chi2"])
@pytest.mark.parametrize("leads", [external_link, soft_link, linked_group, external_storage, outside_view])
def test_nothing_leads_out_of_a_result(
    tmp_path: Path, member: str, leads: Callable[[h5py.File, str, Path], None]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path, elsewhere = folder / "out.h5", tmp_path / "elsewhere.h5"
    write_result(path)
    with h5py.File(elsewhere, "w") as other:
        other["secret"] = SECRET
        other["profiles/chi2_eps_0"] = SECRET
    with h5py.File(path, "r+") as file:
        leads(file, member, elsewhere)
    for way in (open_result, verify):
        with pytest.raises(InputError, match=r"is damaged: .* (is missing|lies in another|outside its folder|has the)"):
            way(path)


@pytest.mark.parametrize("member", ["done", "running/planes", "running/best", "chi2"])
@pytest.mark.parametrize("leads", [external_link, soft_link, linked_group, external_storage, outside_view])
def test_nothing_leads_out_of_a_shard(
    tmp_path: Path, member: str, leads: Callable[[h5py.File, str, Path], None]
) -> None:
    plan, path, elsewhere = plan_for(), tmp_path / "shard.h5", tmp_path / "elsewhere.h5"
    write_shard(path)
    with h5py.File(elsewhere, "w") as other:
        other["secret"] = SECRET
    with h5py.File(path, "r+") as file:
        leads(file, member, elsewhere)
    with pytest.raises(InputError, match="is damaged"):
        read_shard(path, plan)
    with writer_for(tmp_path / "out.h5") as writer, pytest.raises(InputError, match="is damaged"):
        absorb(writer, path)


@pytest.mark.parametrize("name", ["../shard.h5", "{absolute}", "link.h5", ".", "folder"])
def test_a_view_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "out.h5"
    write_result(path)
    write_shard(tmp_path / "shard.h5")
    (folder / "link.h5").symlink_to(tmp_path / "shard.h5")
    (folder / "folder").mkdir()
    with h5py.File(path, "r+") as file:
        del file["chi2"]
        layout = h5py.VirtualLayout(SHAPE, "f8")
        source = name.replace("{absolute}", str(tmp_path / "shard.h5"))
        layout[...] = h5py.VirtualSource(source, "chi2", SHAPE)
        file.create_virtual_dataset("chi2", layout)
    with pytest.raises(InputError, match=r"outside its folder|cannot be read: Is a directory"):
        open_result(path)


def test_a_cycle_of_links_ends(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    write_result(path)
    with h5py.File(path, "r+") as file:
        file["profiles/again"] = file["/"]
        file["responses/again"] = file["responses"]
        file["soft"] = h5py.SoftLink("/soft")
        file["profiles/soft"] = h5py.SoftLink("/profiles")
    assert open_result(path).shape == SHAPE
    assert verify(path)[0].startswith("every number")


@pytest.mark.parametrize(
    ("member", "shape", "options"),
    [
        ("eps_0", (10**13,), {"chunks": (10**6,)}),
        ("eps_0", (10**13,), {}),
        ("profiles/chi2_eps_0", (7,), {"chunks": (10**9 // 4,), "maxshape": (None,), "compression": "gzip"}),
        ("chi2", SHAPE, {"chunks": (10**3, 10**3, 100), "maxshape": (None,) * 3, "compression": "gzip"}),
        ("responses/more", (10**12, 10**5), {"chunks": (1, 1)}),
        ("responses/more", (10**12, 10**5), {}),
        ("done", (10**12,), {"chunks": (1,)}),
    ],
)
def test_sizes_are_checked_before_memory_is_taken(
    tmp_path: Path, member: str, shape: tuple[int, ...], options: dict[str, Any]
) -> None:
    path = tmp_path / "out.h5"
    write_result(path)
    with h5py.File(path, "r+") as file:
        if member in file:
            del file[member]
        file.create_dataset(member, shape=shape, dtype="u1" if member == "done" else "f8", **options)
    with pytest.raises(InputError, match=r"is damaged: .*(larger than the file|too large to read|of its|more chunks)"):
        verify(path)
    if member != "responses/more":
        with pytest.raises(InputError):
            open_result(path)


@pytest.mark.parametrize("name", ["title", "minimum", "more", "format", "axes", "definition"])
@pytest.mark.parametrize("value", [np.zeros(3_000_000, dtype="i1"), "x" * 25_000_000], ids=["numbers", "text"])
def test_an_attribute_of_many_megabytes_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    """An array is made a list of as many objects, each of which takes more memory than the file."""
    path = tmp_path / "out.h5"
    write_result(path)
    with h5py.File(path, "r+") as file:
        file.attrs[name] = value
    with pytest.raises(InputError, match=f"is damaged: the attribute {name} of / is too large"):
        open_result(path)


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out.h5")
    for way in (open_result, open_unfinished, verify):
        with pytest.raises(InputError, match="cannot be read: it is not a regular file"):
            way(tmp_path / "out.h5")
    (tmp_path / "zero.h5").symlink_to("/dev/zero")
    with pytest.raises(InputError, match="it is not a regular file"):
        open_result(tmp_path / "zero.h5")


ATTRIBUTES = [
    *("axes", "best_fit", "minimum", "definition", "definition_overrides", "definition_sha256", "format"),
    *("format_version", "identity", "shard", "title", "created", "statistic", "delta_chi2_max", "units"),
    *("relative_rounding_error", "long_name", "symbol", "CLASS", "NAME"),
]
PLACES = ["/", "eps_0", "chi2", "profiles", "profiles/chi2_eps_0", "responses", "done", "running/best"]
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.lists(st.floats(), max_size=5),
    st.lists(st.integers(-5, 5), max_size=5),
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5), min_size=1, max_size=5),
    st.sampled_from(["{}", "[" * 5000, '{"a": 1}', "eps_0", "gaussian"]),
    st.just(np.zeros((3, 3))),
    st.just(np.datetime64("2026-01-01").astype("i8")),
    st.just(h5py.Empty("f8")),
    st.just(np.zeros(2, dtype=[("a", "f8"), ("b", "S3")])),
)
MEMBERS = ["eps_0", "eps_1", "chi2", "profiles", "profiles/chi2_eps_0", "responses", "done", "running"]
MEMBERS += ["running/planes"]
KINDS = ["group", "own", "named type", "strings", "references"]
DATA = st.one_of(VALUES.filter(lambda value: value is not None), st.sampled_from(KINDS))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A result, an unfinished file and a shard."""
    folder = tmp_path_factory.mktemp("sound")
    write_result(folder / "result.h5")
    writer = writer_for(folder / "unfinished.h5")
    with writer:
        write_first_tile(writer)
    write_shard(folder / "shard.h5")
    return {
        "result": folder / "result.h5",
        "unfinished": writer.partial,
        "shard": folder / "shard.h5",
    }


CANNOT_BE_WRITTEN = (ValueError, TypeError, OverflowError)
"""What h5py says to a value that HDF5 does not hold."""


def set_attribute(file: h5py.File, place: str, name: str, value: Any) -> None:
    """Put an attribute in the place of another, or take it away; leave it out where it cannot be written."""
    if place not in file:
        return
    if name in file[place].attrs:
        del file[place].attrs[name]
    if value is not None:
        with suppress(*CANNOT_BE_WRITTEN):
            file[place].attrs[name] = np.bytes_(value) if isinstance(value, bytes) else value


def set_member(file: h5py.File, name: str, value: Any) -> None:
    """Put a member in the place of another, with its attributes; leave it out where it cannot be written."""
    home = name.rpartition("/")[0] or "/"
    if home in file and not isinstance(file[home], h5py.Group):  # nothing can lie below it
        return
    attributes = dict(file[name].attrs) if name in file else {}
    if name in file:
        del file[name]
    with suppress(*CANNOT_BE_WRITTEN):
        make_member(file, name, value)
        for attribute, what in attributes.items():
            if isinstance(what, str):
                file[name].attrs[attribute] = what


def make_member(file: h5py.File, name: str, value: Any) -> None:
    match value if isinstance(value, str) else None:
        case "group":
            file.create_group(name)
        case "own":
            file[name] = file["/"]
        case "named type":
            file[name] = np.dtype("f8")
        case "strings":
            file.create_dataset(name, data=np.array(["a", "b"], dtype=object), dtype=h5py.string_dtype())
        case "references":
            file.create_dataset(name, data=np.array([file.ref], dtype=object), dtype=h5py.ref_dtype)
        case _:
            file.create_dataset(name, data=np.bytes_(value) if isinstance(value, bytes) else value)


@pytest.mark.parametrize("above", [None, 1.0, np.zeros((3, 3)), b"a\0", *KINDS])
def test_any_member_is_written_below_any_other_or_left_out(tmp_path: Path, above: Any) -> None:
    """The property below draws both, and must not fail in its own writing."""
    is_group = above is None or (isinstance(above, str) and above in {"group", "own"})
    for n, value in enumerate([*KINDS, 1.0, np.zeros((3, 3)), "a\0", "\udcff", 2**70, [], [""]]):
        with h5py.File(tmp_path / f"{n}.h5", "w") as file:
            if above is not None:
                set_member(file, "running", above)
            set_member(file, "running/planes", value)
            set_attribute(file, "running/planes", "title", "a")
            if n < len(KINDS):
                assert ("running/planes" in file) == is_group
            assert is_group or "running/planes" not in file


@pytest.mark.slow
@given(
    kind=st.sampled_from(["result", "unfinished", "shard"]),
    attributes=st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(ATTRIBUTES), VALUES), max_size=3),
    members=st.lists(st.tuples(st.sampled_from(MEMBERS), DATA), max_size=2),
)
@example("unfinished", [], [("running", np.zeros((3, 3))), ("running/planes", "group")])
@example("shard", [], [("profiles", 1.0), ("profiles/eps_0", "own")])
@settings(max_examples=150)
def test_any_attribute_and_any_member_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    sound: dict[str, Path],
    kind: str,
    attributes: list[tuple[str, str, Any]],
    members: list[tuple[str, Any]],
) -> None:
    folder = tmp_path_factory.mktemp("strange")
    path = folder / ("2-grid.partial.h5" if kind == "unfinished" else "out.h5")
    path.write_bytes(sound[kind].read_bytes())
    with h5py.File(path, "r+") as file:
        for name, data in members:
            set_member(file, name, data)
        for place, name, value in attributes:
            set_attribute(file, place, name, value)
    assert try_all(path, [path] if kind == "shard" else []) == []
    if kind != "result":
        whole = folder / ("2-grid.h5" if kind == "unfinished" else "whole.h5")
        try:
            with writer_for(whole) as writer:
                if kind == "shard":
                    absorb(writer, path)
        except ScanengineError as error:
            assert str(error)  # noqa: PT017
