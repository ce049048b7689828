"""Every text of every kind of file through every verb, on a terminal and in a pipe: none of it gives an order."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from scanengine import cli
from tests.scan_files import SMALL

STRANGE = "one\ntwo\x1b]0;x\x07\x9b31m[red]$\\frac{$<b>\u202e\U0001f600"
TOML = r"one\ntwo\u001b]0;x\u0007\u009b31m[red]$\\frac{$<b>\u202e\U0001F600"
NAME = TOML.replace(r"\u001b", "").replace(r"\u0007", "").replace(r"\n", "")  # names have none of these
ORDERS = ("\x1b]0;x", "\x07", "\x9b31m", "\u202e")


TEXTS = ("title", "units", "long_name", "symbol", "created", "history", "scanengine_version")
LISTS = ("targets", "instruction_sets")


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
        encoding = "utf-8" if self._kind == "terminal" else "ascii"
        said: list[bytes] = []
        reader = threading.Thread(target=_read_all, args=(reading, said))  # a bar on a slow machine says much
        reader.start()
        with (
            open(writing, "w", encoding=encoding, errors="strict") as stream,  # noqa: PTH123
            self._monkeypatch.context() as patch,
        ):
            patch.setattr(sys, "argv", ["scanengine", *arguments])
            patch.setattr(sys, "stdout", stream)
            patch.setattr(sys, "stderr", stream)
            with pytest.raises(SystemExit):
                cli.main()
        reader.join()
        os.close(reading)
        assert b"a bug in scanengine" not in b"".join(said)
        return b"".join(said).decode(encoding)


def _read_all(reading: int, said: list[bytes]) -> None:
    with suppress(OSError):  # so a terminal ends
        while some := os.read(reading, 1 << 20):
            said.append(some)


@pytest.fixture(params=["terminal", "pipe"])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(monkeypatch, request.param)


def change_texts(path: Path) -> None:
    """Write a strange text into every attribute of a file that holds free text."""
    with h5py.File(path, "r+") as file:

        def change(_: str, member: h5py.Group | h5py.Dataset) -> None:
            for name in TEXTS:
                if isinstance(member.attrs.get(name), str):
                    member.attrs.modify(name, STRANGE)
            for name in LISTS:
                if name in member.attrs:
                    member.attrs.modify(name, [STRANGE] * len(np.atleast_1d(member.attrs[name])))

        change("", file)
        file.visititems(change)


def orders_in(said: str) -> list[str]:
    return [order for order in ORDERS if order in said]


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
        assert not orders_in(said), arguments
        assert bool(strange_lines(said)) or not shown, (arguments, said)
    assert all((folder / name).exists() for name in ("a.h5", "a.png", "m.h5", "c.h5", "c.json", "c.png"))
    for path in (folder / "a.h5", folder / shard, folder / "c.h5"):
        change_texts(path)
        for verb in ("info", "limits", "plot", "verify", "fit"):
            said = terminal.says(verb, path.name)
            assert not orders_in(said), (verb, path.name)
            assert "one\n" not in said.replace("\r", ""), (verb, path.name)
            assert strange_lines(said) or (verb, path.name) != ("info", "a.h5"), said


def test_no_text_of_an_unfinished_file_gives_an_order(
    folder: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scanengine import api  # noqa: F401  (so that the driver is imported before it is changed)
    from scanengine.store.writer import GridWriter

    write = GridWriter.write

    def write_then_stop(self: GridWriter, start: tuple[int, ...], prepared: Any) -> None:
        write(self, start, prepared)
        if self.tiles_written > 1:
            raise KeyboardInterrupt

    many = ["--set", "axes.eps_ee_uV.points=8001", "--set", "axes.eps_ee_dV.points=89"]
    with monkeypatch.context() as patch:
        patch.setattr(GridWriter, "write", write_then_stop)
        assert "u.partial.h5 holds" in terminal.says("run", "a.toml", "-o", "u.h5", *many)
    partial = folder / "u.partial.h5"
    for changed in (False, True):
        if changed:
            change_texts(partial)
        for arguments, shown in [
            (["info", partial.name], True),
            (["verify", partial.name], False),
            (["limits", partial.name], False),
            (["plot", partial.name], False),
            (["fit", partial.name], False),
            (["merge", "m.h5", partial.name], False),
            (["run", "a.toml", "-o", "u.h5", *many, "--set", "experiments.Xe.mass_kg=7"], False),
            (["run", "a.toml", "-o", "u.h5", *many, "--set", f"experiments.Xe.name={NAME!r}"], False),
        ]:
            said = terminal.says(*arguments)
            assert not orders_in(said), arguments
            assert "one\ntwo" not in said.replace("\r", ""), arguments
            assert strange_lines(said) or not shown, (arguments, said)
        assert partial.exists()


RECIPES = """
from pathlib import Path

import numpy as np

from scanengine import InputError, figures
from scanengine.reproduce import Check, Exhibit, Paper, Table

S = {strange!r}
paper = Paper(Path(__file__).parent, S, S)


@paper.recipe("one" + S.replace("/", ""), S)
def one():
    x = np.linspace(0.0, 1.0, 5)
    figure = figures.sheet([[figures.Panel((figures.Line(x, x, S),), S, S)]])
    (row,) = paper.published("table")
    checks = [Check.number(S, "1.0", 3.0, units=S), Check.statement(S, row["a"], row["b"], holds=False)]
    checks += [Check.known_difference(S, S, 1.0, 1.0, S, source=S), Check.not_run(S, S)]
    return Exhibit(S, checks, figure, [Table(S, (S,), ((S,),))], [S])
"""
FAILING = """

@paper.recipe("two", S)
def two():
    raise {error}


@paper.recipe("three", S)
def three():
    return paper.load("scan", S + "=1")
"""


@pytest.mark.parametrize("error", [None, "InputError(S)", "ValueError(S)"])
def test_no_text_of_a_recipe_gives_an_order(folder: Path, terminal: Terminal, error: str | None) -> None:
    paper = folder / f"paper{STRANGE.replace('/', '')}"
    (paper / "published").mkdir(parents=True)
    (paper / "published" / "table.csv").write_text(f'a,b\n"{STRANGE}","{STRANGE}"\n', encoding="utf-8")
    (paper / "scan.toml").write_text(scan(), encoding="utf-8")
    failing = "" if error is None else FAILING.format(error=error)
    (paper / "recipes.py").write_text(RECIPES.format(strange=STRANGE) + failing, encoding="utf-8")
    said = terminal.says("reproduce", paper.name, "-o", "report")
    assert not orders_in(said)
    assert len(strange_lines(said)) >= 2, said
    written = {path.suffix: path for path in (folder / "report").iterdir() if path.is_file()}
    assert set(written) == {".html", ".json", ".png", ".pdf"}
    for suffix in (".html", ".json"):
        text = written[suffix].read_text(encoding="utf-8")
        assert not orders_in(text), suffix
        assert "<b>" not in text or suffix == ".json"


BROKEN = [
    "import nothing_of_the_kind" + NAME.replace("\\", ""),
    f"raise ValueError({STRANGE!r})",
    f"from scanengine.reproduce import Paper\npaper = Paper(__import__('pathlib').Path({STRANGE!r}), {STRANGE!r}, '')",
    "pass",
]


@pytest.mark.parametrize("text", BROKEN, ids=["syntax", "raises", "empty", "no paper"])
def test_recipes_that_are_none_give_no_orders(folder: Path, terminal: Terminal, text: str) -> None:
    paper = folder / f"paper{STRANGE.replace('/', '')}"
    paper.mkdir()
    (paper / "recipes.py").write_text(text, encoding="utf-8")
    said = terminal.says("reproduce", paper.name)
    assert not orders_in(said)
    assert strange_lines(said), said


STRANGE_LINE = STRANGE.replace("\n", "\x0b")
LINES = {
    "word": f"1.0 {STRANGE_LINE}\n",
    "words": f"1.0 2.0 {STRANGE_LINE} {STRANGE_LINE}\n",
    "comma": f"1,0 0,5 {STRANGE_LINE}\n",
    "nothing": f"# {STRANGE_LINE}\n",
    "no UTF-8": f"1.0 0.5\n{STRANGE_LINE} 1.0\n",
    "wrong order": f"2.0 0.5  # {STRANGE_LINE}\n1.0 0.5  # {STRANGE_LINE}\n",
    "null": f"1.0 \0{STRANGE_LINE}\n",
}
TABLES = {
    "efficiency": 'experiments.Xe.efficiency={ file = "FILE" }',
    "flux": 'source={ kind = "tabulated", reference_distance_m = 20.0, spectra = { nu_e = { file = "FILE" } } }',
}


@pytest.mark.parametrize("kind", LINES)
def test_no_line_of_a_table_gives_an_order(folder: Path, terminal: Terminal, kind: str) -> None:
    name = f"table{STRANGE.replace('/', '')}.txt"
    encoding = "latin-1" if kind == "no UTF-8" else "utf-8"
    (folder / name).write_text(LINES[kind], encoding=encoding, errors="replace")
    quoted = f"table{TOML}.txt"
    for table in TABLES.values():
        for verb in ("info", "run"):
            said = terminal.says(verb, "a.toml", "--set", table.replace("FILE", quoted))
            assert not orders_in(said), (verb, table)
            assert strange_lines(said), (verb, table, said)
