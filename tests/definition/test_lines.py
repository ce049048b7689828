"""Each key is found on its line, whatever way TOML writes it."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanengine.definition import parse
from scanengine.definition.reading.lines import KeyPath, key_lines, line_of_long_key
from scanengine.errors import DefinitionError

TEXT = '''\
# a = 1
title = "a # no comment [x]"  # b = 2
"quoted.key" = 1
dotted . "two parts".c = 3
multi = """
fake = 1
\\""" [fake]""""
literal = \'\'\'
fake = 2\'\'\'
array = [ 1, # one
  [2,
   3], { inner = 4,
   }
]
[ table . 'sub' ] # header
date = 1979-05-27 07:32:00
x.y.z = 1
[[list]]
a = 1
[[list]]
a = { b = { c = [1,
2]}}
[list.sub]
d = 1
[[list.more]]
[[list.more]]
e = 1
'''.replace("{ inner = 4,\n   }", "{ inner = 4 }")

EXPECTED: dict[KeyPath, int] = {
    ("title",): 2,
    ("quoted.key",): 3,
    ("dotted", "two parts", "c"): 4,
    ("multi",): 5,
    ("literal",): 8,
    ("array",): 10,
    ("array", 0): 10,
    ("array", 1): 11,
    ("array", 1, 1): 12,
    ("array", 2, "inner"): 12,
    ("table", "sub"): 14,
    ("table", "sub", "date"): 15,
    ("table", "sub", "x", "y", "z"): 16,
    ("list", 0, "a"): 18,
    ("list", 1): 19,
    ("list", 1, "a", "b", "c"): 20,
    ("list", 1, "a", "b", "c", 1): 21,
    ("list", 1, "sub", "d"): 23,
    ("list", 1, "more", 1, "e"): 26,
}


def paths(value: Any, at: KeyPath = ()) -> set[KeyPath]:
    """Every path of a parsed TOML text."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = {at} - {()}
    for key, inner in items:
        found |= paths(inner, (*at, key))
    return found


def test_lines_of_an_awkward_text() -> None:
    lines = key_lines(TEXT)
    assert {path: lines.get(path) for path in EXPECTED} == EXPECTED


def test_paths_are_those_of_tomllib() -> None:
    assert set(key_lines(TEXT)) == paths(tomllib.loads(TEXT))


def test_windows_line_ends() -> None:
    assert key_lines("a = 1\r\n\r\nb = [\r\n1]\r\n") == {("a",): 1, ("b",): 3, ("b", 0): 4}


SCALARS = st.one_of(
    st.integers(), st.booleans(), st.floats(allow_nan=False), st.sampled_from(['"a"', "'''\nb'''", '"#["'])
)
VALUES = st.recursive(
    SCALARS.map(lambda value: str(value).lower() if isinstance(value, bool) else str(value)),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: "[" + ",\n".join(items) + "]"),
    max_leaves=6,
)


@given(st.lists(VALUES, max_size=5))
def test_every_path_has_a_line_between_its_neighbours(values: list[str]) -> None:
    text, first = "", []
    for index, value in enumerate(values):
        first.append(text.count("\n") + 1)
        text += f"key{index} = {value}\n"
    lines = key_lines(text)
    assert set(lines) == paths(tomllib.loads(text))
    assert [lines[f"key{index}",] for index in range(len(values))] == first


def test_long_keys_are_found_without_reading_them() -> None:
    long = ".".join("a" * 50_000)
    quoted = ".".join(['"a"', "b"] * 20)
    for text in (f"{long} = 1", f"[{long}]", f"[[ {long} ]]", f"x = {{ {long} = 1 }}", f"{quoted} = 1"):
        assert line_of_long_key(f"title = 'x'\n{text}\n") == 2
        with pytest.raises(DefinitionError, match=r"scan:2: found a key of more than 20 parts: no key is that long"):
            parse(f"title = 'x'\n{text}\n")
    numbers = ", ".join(["0.1"] * 100)
    lists = (f"x = [{numbers}]", f"x = [\n'{long}',\n'{long}']")
    for text in (*lists, f'x = "{long}"', f"# {long}", ".".join("a" * 20) + " = 1"):
        assert line_of_long_key(text) is None
    with pytest.raises(DefinitionError, match="found a key of more than 20 parts: no key is that long"):
        parse("title = 'x'", overrides=[f"{long}=1"])
