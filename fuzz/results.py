"""HDF5 files, coverage-guided: results, unfinished files, shards and calibrations, read or refused in sentences.

    python fuzz/results.py -max_total_time=600 -timeout=60 -rss_limit_mb=4096 CORPUS

CORPUS is a folder that keeps what reached new code. An input is a list of changes to one of several sound files: of
its attributes and datasets by HDF5 itself, of its bytes with the checksums that HDF5 or the journal keep of them. A
file is opened first in a process of its own: what kills it, or takes too long or too much, is kept in CORPUS.odd and
told, and the search goes on.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris
import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

with atheris.instrument_imports(include=["scanengine.store", "scanengine.api"]):
    import scanengine.cli
    import scanengine.inference.contours  # noqa: F401  (what every child would import)
    from scanengine.store.disk import committed
    from scanengine.store.encoding.chunks import fletcher32
from tests.faults import strangers
from tests.faults.seals import seal, seals

FOLDER = Path(tempfile.mkdtemp(dir=os.environ.get("TMPDIR")))
MADE = strangers.make(FOLDER)
KINDS = sorted(MADE)
SOUND = {kind: path.read_bytes() for kind, path in MADE.items()}
CORPUS = next((Path(word) for word in sys.argv[1:] if not word.startswith("-")), FOLDER / "corpus")
ODD = CORPUS.with_name(f"{CORPUS.name}.odd")

SECONDS = 10
MOST_BYTES = 1 << 30
"""A process may take so much memory more for a file than before: a chunk of 2^28 bytes, and copies of it."""

WORDS = [
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    2**16 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**63 - 1,
    2**63,
    2**64 - 16,
    2**64 - 1,
]
NUMBERS = [0.0, -1.0, 1.0, 0.5, 2.0, 255.0, 1e300, -1e300, 5e-324, float("nan"), float("inf"), -float("inf")]
VALUES: list[Any] = [
    *(0, 1, 2, 3, -1, 2**31, 2**63 - 1, np.uint64(2**64 - 1), *NUMBERS, np.float32(1.0), True),
    *(
        "",
        "chi2",
        "x",
        "profiles",
        "../x",
        "{}",
        "[]",
        '{"a": 1}',
        "null",
        "[" * 5000,
        "gaussian",
        "\udcff",
        "9" * 5000,
    ),
    *("scanengine-grid", "scanengine-calibration", "eps_ee_uV", b"\xff\xfe", [[1.0, 2.0]], [1, 1], [1, 10**9], [0, 0]),
    *(["eps_ee_uV", "eps_ee_dV"], ["eps_ee_uV"] * 2, ["eps_ee_uV__eps_ee_dV"], [""], ["chi2", "done"], ["."], ["../x"]),
    *(h5py.Empty("f8"), h5py.Empty("S1"), np.zeros(0), np.zeros((3, 0)), np.zeros(2, dtype=[("a", "f8"), ("b", "S3")])),
]
NAMES = ["format", "format_version", "axes", "planes", "minimum", "best_fit", "identity", "shard", "definition", "done"]
NAMES += ["running", "title", "statistic", "profiles_exact", "chi2", "responses", "cl", "delta_chi2_max"]


def changed(kind: str, chance: atheris.FuzzedDataProvider) -> bytes:
    """Return a sound file with some changes: HDF5's own while HDF5 can still open it, then those of bytes."""
    path = FOLDER / "changing.h5"
    path.write_bytes(SOUND[kind])
    half = committed.as_changed(path)
    for _ in range(chance.ConsumeIntInRange(0, 3) if half is None else 0):
        with h5py.File(path, "r+", track_order=True) as file, contextlib.suppress(*REFUSALS):
            chance.PickValueInList(HDF5_CHANGES)(file, chance)
    data = bytearray(path.read_bytes())
    sealed = SEALED[kind] if data == SOUND[kind] else seals(data)
    for _ in range(chance.ConsumeIntInRange(0, 3)):
        change_bytes(data, sealed, chance)
    return bytes(data)


REFUSALS = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, OverflowError)
"""What h5py says to what cannot be written."""


def change_attribute(file: h5py.File, chance: atheris.FuzzedDataProvider) -> None:
    home = pick(file, chance, h5py.HLObject)
    name = chance.PickValueInList(sorted({*home.attrs, *NAMES}))
    value = chance.PickValueInList([None, *VALUES, *home.attrs.values(), *file.attrs.values()])
    home.attrs.pop(name, None)
    if value is not None:
        home.attrs[name] = value


def change_numbers(file: h5py.File, chance: atheris.FuzzedDataProvider) -> None:
    member = pick(file, chance, h5py.Dataset)
    where = tuple(chance.ConsumeIntInRange(0, max(0, n - 1)) for n in member.shape)
    member[where if chance.ConsumeBool() else ...] = chance.PickValueInList(NUMBERS)


def change_dataset(file: h5py.File, chance: atheris.FuzzedDataProvider) -> None:
    """Put another dataset in the place of one, with its attributes."""
    member = pick(file, chance, h5py.Dataset)
    name, attributes, numbers = member.name, dict(member.attrs), member[()]
    shape = [*member.shape, 1][: chance.ConsumeIntInRange(0, member.ndim + 1)]
    if shape and chance.ConsumeBool():
        shape[chance.ConsumeIntInRange(0, len(shape) - 1)] = chance.PickValueInList([0, 1, 2, 10, 10**4, 10**7, 10**13])
    kind = chance.PickValueInList(["f8", "f4", ">f8", "u1", "i8", "S3", "c16", h5py.string_dtype(), h5py.ref_dtype])
    chunks = tuple(min(n, chance.PickValueInList([1, 2, 100, 10**4, 10**7])) or 1 for n in shape)
    filters = chance.PickValueInList([{}, {"fletcher32": True}, {"compression": "gzip"}, {"compression": "lzf"}])
    layout = {"chunks": chunks, **filters} if shape and chance.ConsumeBool() else {}
    del file[name]
    made = file.create_dataset(name, shape=tuple(shape), dtype=kind, **layout)
    for attribute, value in attributes.items():
        with contextlib.suppress(*REFUSALS):
            made.attrs[attribute] = value
    if made.shape == numbers.shape and chance.ConsumeBool():
        made[...] = numbers


def change_chunk(file: h5py.File, chance: atheris.FuzzedDataProvider) -> None:
    """Put other bytes in the place of a chunk, under a right checksum."""
    member = pick(file, chance, h5py.Dataset)
    chunk = member.id.get_chunk_info(chance.ConsumeIntInRange(0, max(0, member.id.get_num_chunks() - 1)))
    data = chance.PickValueInList([b"", b"\0", bytes(chunk.size), zlib.compress(bytes(10**7)), b"x" * (chunk.size + 8)])
    seal = int(fletcher32(data)).to_bytes(4, "little") if chance.ConsumeBool() else b""
    mask = chance.PickValueInList([0, 0, 0, 1, 2, 4, 2**32 - 1])
    member.id.write_direct_chunk(chunk.chunk_offset, data + seal, mask)


def change_links(file: h5py.File, chance: atheris.FuzzedDataProvider) -> None:
    """Take a member away, put another in its place, or a link."""
    name = pick(file, chance, h5py.HLObject).name
    other = pick(file, chance, h5py.HLObject)
    if name == "/":
        name = chance.PickValueInList(NAMES)
    link = chance.PickValueInList(
        [None, None, other, other, h5py.SoftLink("/"), h5py.SoftLink(name), h5py.ExternalLink("/etc/passwd", "/")]
    )
    if name in file:
        del file[name]
    if link is not None:
        file[name] = link


HDF5_CHANGES: list[Callable[[h5py.File, atheris.FuzzedDataProvider], None]] = [
    *(change_attribute, change_attribute, change_numbers, change_numbers, change_dataset, change_chunk, change_links)
]


def pick(file: h5py.File, chance: atheris.FuzzedDataProvider, of: type) -> Any:
    found: list[h5py.HLObject] = [file] if of is h5py.HLObject else []
    file.visititems(lambda _, member: found.append(member) if isinstance(member, of) else None)
    return chance.PickValueInList(found)


def change_bytes(data: bytearray, sealed: list[tuple[int, int]], chance: atheris.FuzzedDataProvider) -> None:
    """Change some bytes and, mostly, the checksum that holds them: of a part of HDF5's index, or of a journal."""
    if len(data) < 9:
        return
    journal = journal_of(data)
    where = chance.ConsumeIntInRange(0, 3)
    span: tuple[int, int] | None = None
    if where == 0:
        at = chance.ConsumeIntInRange(0, len(data) - 1)
    elif where == 1 and journal:
        at = chance.ConsumeIntInRange(journal, len(data) - 1)
    else:
        span = chance.PickValueInList(sealed)
        at = span[0] + chance.ConsumeIntInRange(0, span[1] - 1)
        at = min(at, len(data) - 1)
    size = chance.PickValueInList([1, 1, 2, 4, 8, 8])
    match chance.ConsumeIntInRange(0, 5):
        case 0 | 1:
            data[at] ^= 1 << chance.ConsumeIntInRange(0, 7)
        case 2:
            word = chance.PickValueInList([*WORDS, len(data), at]) % 256**size
            data[at : at + size] = word.to_bytes(size, "little")
        case 3:
            data[at : at + size] = chance.ConsumeBytes(size).ljust(size, b"\0")
        case 4:
            other = chance.ConsumeIntInRange(0, len(data) - 1)
            n = chance.ConsumeIntInRange(1, 64)
            data[at : at + n] = data[other : other + n]
        case _:
            if where == 0 and chance.ConsumeBool():
                del data[at + 1 :]
            data[at] = chance.ConsumeIntInRange(0, 255)
    if chance.ConsumeIntInRange(0, 7) == 0:
        return
    if span and (data[8] > 1 or span[0]) and sum(span) + 4 <= len(data):
        seal(data, *span)
    if journal and journal < len(data) - FOOTER.size:
        inside = bytes(data[journal : -FOOTER.size])
        data[-FOOTER.size :] = FOOTER.pack(journal, len(inside), zlib.crc32(inside), MAGIC)


FOOTER, MAGIC = committed._FOOTER, committed._MAGIC


def journal_of(data: bytes | bytearray) -> int:
    """Return where the changes begin that wait at the end of a file, 0 without any."""
    behind, _, _, magic = FOOTER.unpack(data[-FOOTER.size :].rjust(FOOTER.size, b"\0"))
    return behind if magic == MAGIC and 0 < behind < len(data) else 0


SEALED = {kind: seals(data) for kind, data in SOUND.items()}


def lay_out(kind: str, data: bytes) -> tuple[Path, list[Path]]:
    """Put a file where its run would look for it; return it with the shards beside it."""
    scratch = FOLDER / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for scan_file in FOLDER.glob("*.toml"):
        shutil.copy(scan_file, scratch)
    path = scratch / MADE[kind].name
    path.write_bytes(data)
    return path, [MADE[kind[:-1] + ("2" if kind.endswith("1") else "1")]] if "shards" in kind else []


def virtual_bytes(name: str) -> int:
    """Return what the system counts of this process's memory."""
    (found,) = re.findall(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return 1024 * int(found)


def within_bounds(path: Path, siblings: list[Path]) -> list[str]:
    """Open a file in all ways; what kills the process is no input for libFuzzer here."""
    for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGABRT, signal.SIGILL):
        signal.signal(number, signal.SIG_DFL)
    before = virtual_bytes("VmSize")
    odd = strangers.try_all(path, siblings)
    taken = virtual_bytes("VmPeak") - before
    return [*odd, f"took {taken >> 20} MB"] if taken > MOST_BYTES else odd


def test_one_input(data: bytes) -> None:
    chance = atheris.FuzzedDataProvider(data)
    kind = chance.PickValueInList(KINDS)
    file = changed(kind, chance)
    path, siblings = lay_out(kind, file)
    odd = strangers.in_a_process_of_its_own(lambda: within_bounds(path, siblings), SECONDS)
    if odd:
        ODD.mkdir(exist_ok=True)
        kept = ODD / f"{zlib.crc32(file):08x}-{path.name}"
        kept.write_bytes(file)
        kept.with_suffix(".txt").write_text("\n".join(odd))
        print(f"odd: {kept}: {odd[0]}", file=sys.stderr)
        return
    strangers.try_all(*lay_out(kind, file))


def keep_on() -> None:
    """Fuzz in a process of its own, and in another where that has died: HDF5 may fail later than at its first fault."""
    times = [int(word.partition("=")[2]) for word in sys.argv if word.startswith("-max_total_time=")]
    end = time.monotonic() + times[-1] if times else float("inf")
    while (left := end - time.monotonic()) > 1.0:
        limit = [f"-max_total_time={int(left)}"] if times else []
        command = [sys.executable, *sys.argv, f"-artifact_prefix={CORPUS}.died-", *limit]
        if subprocess.run(command, env=os.environ | {WATCHED: "1"}, check=False).returncode in {0, 1}:
            return  # finished, or never begun


WATCHED = "SCANENGINE_FUZZ_WATCHED"

if __name__ == "__main__":
    if WATCHED not in os.environ:
        keep_on()
        sys.exit()
    CORPUS.mkdir(parents=True, exist_ok=True)
    for number in range(len(KINDS)):
        (CORPUS / f"seed-{number}").write_bytes(bytes(40) + bytes([number]))
    atheris.Setup([*sys.argv, "-max_len=400"], test_one_input)
    atheris.Fuzz()
