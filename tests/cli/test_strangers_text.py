"""Every text of every kind of file through every verb, on a terminal and in a pipe: none of it gives an order."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
from contextlib import suppress
from pathlib import Path

import h5py
import pytest

from scanengine import cli
from tests.scan_files import SMALL

STRANGE = "one\ntwo\x1b]0;x\x07\x9b31m[red]$\\frac{$<b>\u202e\U0001f600"
TOML = r"one\ntwo\u001b]0;x\u0007\u009b31m[red]$\\frac{$<b>\u202e\U0001F600"
NAME = TOML.replace(r"\u001b", "").replace(r"\u0007", "").replace(r"\n", "")  # names have none of these
ORDERS = ("\x1b]0;x", "\x07", "\x9b31m", "\u202e")


def scan() -> str:
    """A scan file whose title and names are strange."""
    text = SMALL.replace("Two axes", TOML).replace('"Ne"', f'"Ne{NAME}"').replace("points = 81", "points = 5")
    text = text.replace("points = 89", "points = 5").replace("delayed =", f'"{NAME}" =', 1)
    return text + f'[[nuisances]]\nname = "{NAME}"\nwidth = 0.1\nsignal = "all"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a.toml").write_text(scan(), encoding="utf-8")
    (tmp_path / f"{STRANGE.replace('/', '')}.toml").write_text("x = 1", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCANENGINE_DATA", f"/nowhere{STRANGE}")
    monkeypatch.setenv("TERM", "xterm")
    return tmp_path


class Terminal:
    """A pseudo terminal or a pipe in the place of both streams, whose bytes are kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
        self._monkeypatch, self._kind = monkeypatch, kind

    def says(self, *arguments: str) -> str:
        reading, writing = pty.openpty() if self._kind == "terminal" else os.pipe()
        if self._kind == "terminal":
            fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 500, 0, 0))
        else:
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 1 << 20)
        encoding = "utf-8" if self._kind == "terminal" else "ascii"
        said = b""
        with open(writing, "w", encoding=encoding, errors="strict") as stream:  # noqa: PTH123
            with self._monkeypatch.context() as patch:
                patch.setattr(sys, "argv", ["scanengine", *arguments])
                patch.setattr(sys, "stdout", stream)
                patch.setattr(sys, "stderr", stream)
                with pytest.raises(SystemExit):
                    cli.main()
            while select.select([reading], [], [], 0.0)[0]:
                said += os.read(reading, 1 << 20)
        with suppress(OSError):
            os.close(reading)
        assert b"a bug in scanengine" not in said
        return said.decode(encoding)


@pytest.fixture(params=["terminal", "pipe"])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(monkeypatch, request.param)


def change_texts(path: Path) -> None:
    """Write a strange text into every attribute of a file that holds free text."""
    with h5py.File(path, "r+") as file:

        def change(_: str, member: h5py.Group | h5py.Dataset) -> None:
            for name in (
                "title",
                "units",
                "long_name",
                "symbol",
                "created",
                "history",
                "scanengine_version",
                "targets",
            ):
                if isinstance(member.attrs.get(name), str):
                    member.attrs.modify(name, STRANGE)

        change("", file)
        file.visititems(change)


def strange_lines(said: str) -> list[str]:
    return [line for line in said.splitlines() if "x9b31m[red]" in line or "u009b31m[red]" in line]


def test_no_text_of_a_file_gives_an_order(folder: Path, terminal: Terminal) -> None:
    axis = "axes={ eps_ee_uV = { min = -0.3, max = 0.6, points = 5 } }"
    shard = "s.shard-1-of-1.h5"
    verbs: list[tuple[list[str], bool]] = [
        (["run", "a.toml", "-o", "a.h5"], False),
        (["info", "a.toml"], True),
        (["events", "a.toml"], True),
        (["events", "a.toml", "--json"], True),
        (["fit", "a.toml"], True),
        (["run", "a.toml", "--shard", "1/1", "-o", "s.h5"], False),
        (["info", shard], True),
        (["merge", "m.h5", shard], False),
        (["info", "a.h5"], True),
        (["limits", "a.h5"], True),
        (["limits", "a.h5", "--json"], True),
        (["plot", "a.h5", "--targets", "--overwrite"], False),
        (["verify", "a.h5", shard], False),
        (["calibrate", "a.toml", "-n", "20", "--set", axis, "-o", "c.h5", "-o", "c.json", "-o", "c.png"], False),
        (["info", "c.h5"], False),
        # names, paths, keys and values that are wrong
        (["info", f"{STRANGE}.toml"], True),
        (["info", f"{STRANGE}x.toml"], True),
        (["info", f"{STRANGE}.h5"], True),
        (["run", "a.toml", "-o", f"no{STRANGE}/a.h5"], True),
        (["info", "a.toml", "--set", f"{STRANGE}=1"], True),
        (["info", "a.toml", "--set", f"title={STRANGE}"], True),
        (["info", "a.toml", "--set", f'fixed."{STRANGE}"=1'], True),
        (["plot", "a.h5", "--axes", STRANGE], True),
        (["plot", "a.h5", "-o", f"{STRANGE}.jpeg"], True),
        (["verify", f"{STRANGE}.h5"], True),
        (["reproduce", STRANGE], True),
        (["info", "a.toml", "--set", 'experiments.Xe.efficiency={ file = "{data}/x" }'], True),
        ([STRANGE], True),
        (["run", f"--{STRANGE}"], True),
    ]
    for arguments, shown in verbs:
        said = terminal.says(*arguments)
        for order in ORDERS:
            assert order not in said, arguments
        assert bool(strange_lines(said)) or not shown, (arguments, said)
    assert all((folder / name).exists() for name in ("a.h5", "a.png", "m.h5", "c.h5", "c.json", "c.png"))
    for path in (folder / "a.h5", folder / shard, folder / "c.h5"):
        change_texts(path)
        for verb in ("info", "limits", "plot", "verify", "fit"):
            said = terminal.says(verb, path.name)
            assert not any(order in said for order in ORDERS), (verb, path.name)
            assert "one\n" not in said.replace("\r", ""), (verb, path.name)
            assert strange_lines(said) or (verb, path.name) != ("info", "a.h5"), said
