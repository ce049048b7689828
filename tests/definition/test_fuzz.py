"""Whatever stands in a scan file, it is read or refused in sentences."""

from __future__ import annotations

import contextlib
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanengine.definition import Definition, parse
from scanengine.definition.reading.toml import tables_of
from scanengine.errors import InputError
from tests.definition.example import TEXT

TOKENS = sorted(set(re.findall(r"[\w.+-]+|[\[\]{},=\"]|\n", TEXT)))
VALUES = [
    *(
        "true",
        "nan",
        "inf",
        "-inf",
        "0",
        "-1",
        "1e308",
        "1e-308",
        "1" + 400 * "0",
        '""',
        '"a/b"',
        "[]",
        "{}",
        "[[1]]",
        "[nan]",
    ),
    *(
        "1979-05-27",
        "{ a = 1 }",
        '"nu_e"',
        "[inf, 1]",
        '{ kind = "tabulated" }',
        '{ file = "." }',
        "{ values = [1e308, -1] }",
    ),
    *('"C((((3"', '"Xe[1]"', "{ recoil_keV = [], values = [] }", "{ min = -1e308, max = 1e308, points = 3 }"),
    *(
        '"tabulated"',
        "{ nu_e = { E_MeV = [1, 1.0000000001], flux = [1e308, 0] } }",
        "{ mu_nu = 1e308 }",
        "{ constant = 1 }",
    ),
]


def check_read_or_refused(text: str, *overrides: str) -> Definition | None:
    try:
        return parse(text, overrides=overrides)
    except InputError as error:
        sentences = str(error)
    assert sentences
    assert not re.search(r"Traceback|pydantic|<class|object at 0x|Input should", sentences)
    return None


@given(st.lists(st.tuples(st.integers(0, len(TEXT)), st.integers(0, 12), st.sampled_from(["", *TOKENS])), max_size=4))
@settings(max_examples=300, deadline=None)
def test_mutated_text(edits: list[tuple[int, int, str]]) -> None:
    text = TEXT
    for at, length, token in edits:
        text = text[:at] + token + text[at + length :]
    check_read_or_refused(text)


KEYS = list(re.finditer(r"([\w]+) = ([^\n]*)", TEXT))


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)), min_size=1, max_size=4))
@settings(max_examples=500, deadline=None)
def test_keys_of_other_values(edits: list[tuple[re.Match[str], str]]) -> None:
    text = TEXT
    for match, value in edits:
        text = text.replace(match[0], f"{match[1]} = {value}")
    check_read_or_refused(text)


@given(st.text(max_size=60))
@example("[[experiments]]\n[[experiments.channels]]")
@example("experiments = [1, {}, []]\naxes.a.b.c = 1\ntied.a = { a = { b = 1 } }")
@settings(deadline=None)
def test_any_text(text: str) -> None:
    assert check_read_or_refused(text) is None


@given(
    st.lists(
        st.sampled_from(["experiments", "Ne", "axes", "mu_nu", "fixed", "source", "spectra", "channels", '"a.b"', "x"]),
        min_size=1,
        max_size=4,
    ),
    st.one_of(st.sampled_from(VALUES), st.text(max_size=10)),
)
@settings(max_examples=300, deadline=None)
def test_any_override(keys: list[str], value: str) -> None:
    check_read_or_refused(TEXT, f"{'.'.join(keys)}={value}")
    with contextlib.suppress(InputError):
        tables_of(value, "scan")


@given(st.text(max_size=30))
@settings(deadline=None)
def test_any_text_as_override(text: str) -> None:
    check_read_or_refused(TEXT, text)
