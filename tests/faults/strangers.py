"""Files that no run has written: results, unfinished ones, shards, calibrations with changed bytes, opened in all ways.

Started as a script it opens many of them, each in a process of its own with little memory and little time, and prints
what came of it as JSON: `python tests/faults/strangers.py FOLDER SEED COUNT`.
"""

from __future__ import annotations

import collections
import json
import os
import random
import resource
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

SECONDS = 10
"""Of the processor: a busy machine is no hang."""

PATIENCE_SECONDS = 300
MEMORY_BYTES = 3_000_000_000


def make(folder: Path) -> dict[str, Path]:
    """Write a small file of each kind, and return them by their kind."""
    import scanengine
    from scanengine.store import GridWriter
    from tests.faults.nursery import arrange
    from tests.faults.scans import AXES, HEAD

    arrange(points=300)
    made = {}
    for axes, text in AXES.items():
        for keep in ("grid", "profiles"):
            scan_file = folder / f"{axes}-{keep}.toml"
            scan_file.write_text(f'{HEAD}{text}[output]\nkeep = "{keep}"\n')
            scan = scanengine.load(scan_file, ["axes.eps_ee_uV.points=9"])
            for kind in ("result", "partial", "shards"):
                path = folder / f"{axes}-{keep}-{kind}.h5"
                if kind == "result":
                    scan.run(path, threads=1)
                    made[path.stem] = path
                elif kind == "shards":
                    for i in (1, 2):
                        made[f"{path.stem}-{i}"] = scan.run_shard(path, i, 2, threads=1)
                else:
                    made[path.stem] = _left_unfinished(scan, path, GridWriter)
                    made[f"{axes}-{keep}-journal"] = _left_half_changed(scan, folder / f"{axes}-{keep}-journal.h5")
        made[f"{axes}-calibration"] = _calibrate(folder / f"{axes}-calibration.h5", 1 if axes == "4" else 2)
    return made


def _calibrate(path: Path, n_axes: int) -> Path:
    import numpy as np

    from scanengine.grid.axes import Axis
    from scanengine.grid.calibration import Calibration
    from scanengine.store import write_calibration

    axes = tuple(Axis(name, np.arange(1.0, 8.0), "1", name) for name in ("mu_nu", "eps_ee_uV")[:n_axes])
    random, shape = np.random.default_rng(1), (7,) * n_axes
    delta, critical, errors = random.random(shape), random.random((2, *shape)), random.random((2, *shape))
    found = Calibration(axes, delta, (0.68, 0.9), critical, errors, 1000, 2**70, "title = 'a'\n", ("fixed.mu_nu=1",))
    return write_calibration(path, found)


def _left_unfinished(scan: object, path: Path, writer: type) -> Path:
    import scanengine

    write = writer.write  # type: ignore[attr-defined]

    def stop(self: object, start: tuple[int, ...], prepared: bytes) -> None:
        write(self, start, prepared)
        if self.tiles_written > 1:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    writer.write = stop  # type: ignore[attr-defined]
    try:
        scan.run(path, threads=1)  # type: ignore[attr-defined]
    except scanengine.Interrupted:
        pass
    finally:
        writer.write = write  # type: ignore[attr-defined]
    return path.with_name(f"{path.stem}.partial.h5")


def _left_half_changed(scan: object, path: Path) -> Path:
    """Leave an unfinished file whose run was killed as it made its changes, which wait at the end."""
    from scanengine.store.disk import committed

    announce, kept = committed.CommittedFile._announce, b""
    partial = path.with_name(f"{path.stem}.partial.h5")

    def announced(self: committed.CommittedFile, behind: int) -> None:
        nonlocal kept
        announce(self, behind)
        if partial.exists():
            kept = kept or partial.read_bytes()

    committed.CommittedFile._announce = announced  # type: ignore[method-assign]
    try:
        scan.run(path, threads=1)  # type: ignore[attr-defined]
    finally:
        committed.CommittedFile._announce = announce  # type: ignore[method-assign]
    path.unlink()
    partial.write_bytes(kept)
    assert committed.is_half_changed(partial)
    return partial


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Flip, overwrite, insert, cut out, swap or cut off some bytes."""
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 1, 2, 4, 16])):
        at = chance.randrange(len(changed))
        if chance.random() < 0.5:  # tables lie at the front
            at = chance.randrange(min(len(changed), 4096))
        match chance.randrange(7):
            case 0 | 1:
                changed[at] ^= 1 << chance.randrange(8)
            case 2:
                changed[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF])
            case 3:
                value = chance.choice([0, 1, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1, 2**40, len(data)])
                changed[at : at + 8] = value.to_bytes(8, "little")
            case 4:
                n = chance.randrange(1, 64)
                changed[at : at + n] = chance.randbytes(n)
            case 5:
                n, other = chance.randrange(1, 64), chance.randrange(len(changed))
                changed[at : at + n] = changed[other : other + n]
            case _:
                if chance.random() < 0.2:
                    del changed[at:]
                    changed.extend(b"\0" * (not changed))
    return bytes(changed)


def ways(path: Path, siblings: list[Path]) -> list[Callable[[], object]]:
    """All that can be done with a file, by the library and by the command line's verbs."""
    import scanengine.api
    from scanengine import store
    from scanengine.cli import calibrate, info

    def limits() -> object:
        opened = scanengine.open_result(path)
        return opened.limits(), opened.title, opened.statistic

    def numbers() -> object:
        opened = store.open_result(path)
        return opened.read_chi2() if opened.has_grid else opened.profiles

    def merge() -> object:
        out = path.with_name("merged.h5")
        return scanengine.api.merge(out, [path, *siblings], overwrite=True, fresh=True)

    def definition() -> object:
        return scanengine.open_result(path).definition

    def go_on() -> object:
        name = path.with_name(path.name.replace(".partial", ""))
        text = path.with_name("-".join(path.name.split("-")[:2]) + ".toml")
        return scanengine.load(text, ["axes.eps_ee_uV.points=9"]).run(name, threads=1)

    found: list[Callable[[], object]] = [
        limits,
        numbers,
        definition,
        lambda: store.verify(path),
        lambda: info.describe_result(path),
        lambda: store.open_unfinished(path),
        lambda: store.open_calibration(path),
        lambda: calibrate.describe(path),
    ]
    if siblings:
        found.append(merge)
    if ".partial" in path.name:
        found.append(go_on)
    return found


def try_all(path: Path, siblings: list[Path]) -> list[str]:
    """Open a file in every way; return what came of it other than a result or a sentence."""
    import contextlib
    import io

    from scanengine.errors import ScanengineError

    odd = []
    for way in ways(path, siblings):
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                way()
        except ScanengineError as error:
            if not str(error).strip() or "object at 0x" in str(error):
                odd.append(f"no sentence: {error!r}")
        except BaseException as error:  # noqa: BLE001
            where = traceback.extract_tb(error.__traceback__)
            ours = [
                f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
                for frame in where
                if "scanengine" in frame.filename
            ]
            odd.append(f"{type(error).__name__}: {error} at {ours[-1:]}")
    return odd


def in_a_process_of_its_own(work: Callable[[], list[str]], seconds: int = SECONDS) -> list[str]:
    """Do work with little memory and time; a crash and a hang are part of what came of it."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        signal.alarm(PATIENCE_SECONDS)
        os.write(writing, json.dumps(work()).encode()[:60_000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        return [f"{signal.Signals(-status).name if status < 0 else status}"]
    return list(json.loads(said))


def open_damaged(folder: Path, seed: int, count: int) -> list[dict[str, object]]:
    """Open damaged files, each in a process of its own; return what came of them other than a result or a sentence.

    The folder keeps the first of each kind.
    """
    chance = random.Random(seed)
    made = make(folder)
    import scanengine.cli
    import scanengine.inference.contours  # noqa: F401  (what every child would import)

    outcomes: collections.Counter[str] = collections.Counter()
    examples: dict[str, str] = {}
    sound = {kind: path.read_bytes() for kind, path in made.items()}
    scratch = folder / "scratch"
    for n in range(count):
        kind = chance.choice(sorted(sound))
        scratch.mkdir(exist_ok=True)
        path = scratch / made[kind].name
        data = mutated(sound[kind], chance)
        path.write_bytes(data)
        siblings = [made[kind[:-1] + ("2" if kind.endswith("1") else "1")]] if "shards" in kind else []
        for scan_file in folder.glob("*.toml"):
            shutil.copy(scan_file, scratch)
        for odd in in_a_process_of_its_own(lambda: try_all(path, siblings)):  # noqa: B023
            outcomes[odd] += 1
            if odd not in examples:
                examples[odd] = f"{kind} {n}"
                (folder / f"odd-{len(examples)}-{made[kind].name}").write_bytes(data)
        shutil.rmtree(scratch)
    return [{"what": odd, "times": times, "first": examples[odd]} for odd, times in outcomes.most_common()]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(open_damaged(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
