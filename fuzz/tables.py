"""Data tables of scan files, coverage-guided: read or refused with file and line, without a hang and in little memory.

python fuzz/tables.py -max_total_time=600 -timeout=20 -rss_limit_mb=2048 CORPUS
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["scanengine.definition"]):
    from scanengine.definition.reading.columns import Columns, read_rows
    from scanengine.errors import InputError

FOLDER = Path(tempfile.mkdtemp(dir=os.environ.get("TMPDIR")))
TABLE = FOLDER / "table.csv"
WORDS = [
    b"nan",
    b"inf",
    b"1e999",
    b"1_0",
    b"0x1",
    b"\0",
    b"\xff",
    b",",
    b"\r",
    b"\x0b",
    b"\xe2\x80\xa8",
    b"#",
    "٣".encode(),
]
SEEDS = [b"# keV, efficiency\n5, 0.0\n\n 10.5,0.25 # half way\n2e1, 1\n", b"0 1\n50 1\n", b"\xef\xbb\xbf1,2\r\n3,4\r\n"]


def test_one_input(data: bytes) -> None:
    TABLE.write_bytes(data)
    for names in (("x", "y"), ("x",), ("x", "y", "z")):
        try:
            values, lines = read_rows(TABLE, names)
        except InputError as error:
            assert "table.csv" in str(error)
        else:
            assert values.shape == (len(lines), len(names))
        try:
            values = Columns(names, low=0.0, high=1.0).from_file(TABLE)
        except InputError as error:
            assert "table.csv" in str(error)
        else:
            assert (values[:, 0] >= 0.0).all()
            assert ((values[:, 1:] >= 0.0) & (values[:, 1:] <= 1.0)).all()


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    if seed % 3:
        return bytes(atheris.Mutate(data, max_size))
    at = seed // 3 % (len(data) + 1)
    return (data[:at] + WORDS[seed // 7 % len(WORDS)] + data[at:])[:max_size]


if __name__ == "__main__":
    corpus = next((Path(word) for word in sys.argv[1:] if not word.startswith("-")), None)
    if corpus is not None:
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(SEEDS):
            (corpus / f"seed-{number}").write_bytes(seed)
    atheris.Setup([*sys.argv, "-max_len=4000"], test_one_input, custom_mutator=mutate)
    atheris.Fuzz()
