"""Scan files and `--set`, coverage-guided: read or refused in sentences, without a hang and in little memory.

    python fuzz/scan_files.py -max_total_time=600 -timeout=20 -rss_limit_mb=2048 CORPUS

CORPUS is a folder that keeps what reached new code; the bundled scans are put there first. An input is the text of a
scan file, and overrides behind null characters.
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["scanengine", "tomllib"]):
    import tomllib

    from scanengine.api import Scan
    from scanengine.definition import parse
    from scanengine.definition.reading.toml import as_toml
    from scanengine.errors import ScanengineError

ROOT = Path(__file__).parent.parent
SCANS = [*sorted((ROOT / "scans").rglob("*.toml"))]
TEXTS = [path.read_text("utf-8") for path in SCANS]
WORDS = sorted({word for text in TEXTS for word in re.findall(r"[\w.+-]+|[\[\]{},=\"#']|\n", text)})
ODD = [
    *("nan", "inf", "-inf", "0", "-0.0", "-1", "1e308", "1e-308", "5e-324", "1" + 400 * "0", "9223372036854775808"),
    *("true", '""', '"\\u0000"', '"../x"', '"/etc/passwd"', '"{data}/x"', "[]", "{}", "[[1]]", "[{}]", "1979-05-27"),
    *("1000000000", "0x7fffffff", "[0.0, 1e-300]", '{ kind = "tabulated" }', '{ file = "." }', '"C((((3"', '"Xe[1]"'),
    *(
        "'''",
        '"""',
        "[[[[[[[[",
        "{a={a={a={a={",
        "\0axes.mu_nu.points=1000000000\0",
        "\0fixed.mu_nu=1\0",
        "é\u202e\x7f",
    ),
]


def test_one_input(data: bytes) -> None:
    """Read a scan file as the command line would, and write it down again if it is sound."""
    text, *overrides = data.decode("utf-8", "surrogateescape").split("\0")
    try:
        definition = parse(text, directory=ROOT / "fuzz", overrides=overrides, require_axes=False)
        as_toml(tomllib.loads(definition.text))
        if definition.axes:
            scan = Scan(definition)
            repr(scan)
            if len(data) % 16 == 0:
                scan.events()
    except ScanengineError as error:
        sentences = str(error)
        assert sentences.strip()
        assert not re.search(r"Traceback|pydantic|<class|object at 0x|Input should", sentences), sentences


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Change words and values as often as bytes."""
    chance = random.Random(seed)
    if chance.random() < 0.4:
        return bytes(atheris.Mutate(data, max_size))
    text = data.decode("utf-8", "surrogateescape")
    for _ in range(chance.choice([1, 1, 2, 4])):
        match chance.randrange(4):
            case 0:
                values = list(re.finditer(r"= ([^\n]*)", text)) or [re.search("$", text)]
                where = chance.choice(values)
                text = text[: where.start()] + "= " + chance.choice(ODD) + text[where.end() :]
            case 1:
                at = chance.randrange(len(text) + 1)
                text = text[:at] + chance.choice(WORDS + ODD) + text[at + chance.randrange(12) :]
            case 2:
                lines = text.splitlines(keepends=True) or [""]
                lines.insert(chance.randrange(len(lines) + 1), chance.choice(lines))
                text = "".join(lines)
            case _:
                other = chance.choice(TEXTS)
                at = chance.randrange(len(other))
                text += other[at : at + chance.randrange(400)]
    return text.encode("utf-8", "surrogateescape")[:max_size]


if __name__ == "__main__":
    corpus = next((Path(word) for word in sys.argv[1:] if not word.startswith("-")), None)
    if corpus is not None:
        corpus.mkdir(parents=True, exist_ok=True)
        for path, text in zip(SCANS, TEXTS, strict=True):
            (corpus / path.relative_to(ROOT / "scans").as_posix().replace("/", "-")).write_text(text, "utf-8")
    atheris.Setup([*sys.argv, "-max_len=20000"], test_one_input, custom_mutator=mutate)
    atheris.Fuzz()
