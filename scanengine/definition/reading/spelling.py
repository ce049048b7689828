"""What a misspelt name was meant to be: the known one most like it, but none of another meaning or in other units."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

from scanengine.inputs.constants import SECONDS_PER_YEAR

_LEAST_LIKENESS = 0.5
_LIKE_STEM = 0.8

_SIZES: dict[str, dict[str, float]] = {
    "time": {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "seconds": 1.0, "min": 60.0, "minutes": 60.0}
    | dict.fromkeys(("h", "hr", "hours"), 3600.0)
    | dict.fromkeys(("d", "day", "days"), 86400.0)
    | dict.fromkeys(("week", "weeks"), 7.0 * 86400.0)
    | dict.fromkeys(("y", "yr", "yrs", "year", "years"), SECONDS_PER_YEAR),
    "length": {"fm": 1e-15, "nm": 1e-9, "um": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3},
    "area": {"cm2": 1e-4, "m2": 1.0, "km2": 1e6},
    "mass": {"mg": 1e-6, "g": 1e-3, "kg": 1.0} | dict.fromkeys(("t", "ton", "tons", "tonne", "tonnes"), 1e3),
    "energy": {"eV": 1.0, "keV": 1e3, "MeV": 1e6, "GeV": 1e9},
    "power": {"W": 1.0, "kW": 1e3, "MW": 1e6, "GW": 1e9, "TW": 1e12},
    "electron-equivalent energy": {"eVee": 1.0, "keVee": 1e3, "MeVee": 1e6},
    "recoil energy": {"eVnr": 1.0, "keVnr": 1e3},
    "light": {"PE": 1.0},
}
_UNITS = {unit: (what, size) for what, sizes in _SIZES.items() for unit, size in sizes.items()}
_FOLDED = frozenset(unit.lower() for unit in _UNITS)
"""Units as names have them: what they measure, and in which size."""

_PER_CENT = re.compile(r"_?(per_?cent(age)?|pct|pc)$", re.IGNORECASE)

_APART = ({"above", "below"}, {"pion", "kaon"})
"""Words that are never each other misspelt."""

_NSI = re.compile(r"eps_([emt]{2})_([udse])([VALRSPT])")
_ANTI = re.compile(r"(^|_)anti_?(?=nu|[emt])|anti(?=nu)|_?bar(?=_|$)")


def alike(name: str, known: Collection[str]) -> str | None:
    """Return the known name that is spelt most like `name`, if any is at all like it."""
    folded = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower()[:100], folded, n=1, cutoff=_LEAST_LIKENESS)
    return folded[close[0]] if close else None


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return the known name that is spelt most like `name`, if there is one that can be meant by it."""
    name = _in_our_order(name[:100])
    return alike(name, [candidate for candidate in known if not _means_otherwise(name, candidate)])


def _in_our_order(name: str) -> str:
    """Return a name as we would write it: antineutrinos with bar at the end, families of a coupling in their order."""
    if _ANTI.search(name) and "nu" in name:
        name = f"{_ANTI.sub(lambda found: found[1] or '', name)}bar"
    return re.sub(r"(?<=eps_)([emt]{2})(?=_)", lambda pair: "".join(sorted(pair[0])), name)


def _means_otherwise(name: str, candidate: str) -> bool:
    """Whether a candidate is not `name` misspelt, as what differs has a meaning."""
    if _ANTI.search(name) and "nu" in name and not _ANTI.search(candidate):
        return True
    coupling, other = _NSI.fullmatch(name), _NSI.fullmatch(candidate)
    if coupling and other and coupling.groups() != other.groups():
        return True
    if _units(name) and _units(candidate) and _units(name) != _units(candidate):
        return True
    if _PER_CENT.search(name) and not _PER_CENT.search(candidate):
        return True
    words, others = re.split(r"[_-]", name), re.split(r"[_-]", candidate)
    if len(words[0]) == 1 and len(words) > 1 and words[0] != others[0]:  # q_nu_e is no mu_nu_e
        return True
    return len(words) == len(others) and any(map(_are_apart, words, others))


def _are_apart(word: str, other: str) -> bool:
    """Whether two words that stand at the same place are no misspellings of each other."""
    if word == other:
        return False
    if {word, other} in _APART or (word.isdigit() and other.isdigit()):
        return True
    return min(len(word), len(other)) > 2 and _likeness(word, other) < _LEAST_LIKENESS


def _likeness(text: str, other: str) -> float:
    return difflib.SequenceMatcher(None, text.lower(), other.lower()).ratio()


def _words_of_units(name: str) -> list[str]:
    """The units in a name as they stand there; it does not begin with one."""
    return [word for word in name.split("_")[1:] if word.lower() in _FOLDED]


def _units(name: str) -> list[str]:
    """The units in a name, in small letters."""
    return [word.lower() for word in _words_of_units(name)]


def _stem(name: str) -> str:
    """What a name has beside its units."""
    return "".join(word for word in _PER_CENT.sub("", name).split("_") if word.lower() not in _FOLDED)


def in_other_units(name: str, known: Collection[str]) -> str | None:
    """Return words on the known names that differ from `name` in their size alone: in units, per cents or as a square.

    Nothing is returned if there are none, or one has the same units.
    """
    like = [candidate for candidate in known if _likeness(_stem(name), _stem(candidate)) >= _LIKE_STEM]
    if _PER_CENT.search(name):
        return f"{like[0]} is known, which is a fraction: 0.1 for 10 per cent" if like else None
    if name.replace("sin_", "sin2_") in known:
        return f"{name.replace('sin_', 'sin2_')} is known, which is its square"
    other = [each for each in like if _units(name) and _units(each) and _units(each) != _units(name)]
    if not other or any(_units(each) == _units(name) for each in like):
        return None
    equal = [factor for each in other if (factor := _conversion(name, each)) is not None]
    words = "is known, in another unit" if len(other) == 1 else "are known, in other units"
    return f"{' and '.join(other)} {words}" + (f": {', '.join(equal)}" if equal else "")


def _conversion(name: str, candidate: str) -> str | None:
    """Return how one unit is written in another, if names differ in one that measures the same."""
    given, wanted = _words_of_units(name), _words_of_units(candidate)
    pairs = [(a, b) for a, b in zip(given, wanted, strict=False) if a.lower() != b.lower()]
    if len(given) != len(wanted) or len(pairs) != 1:
        return None
    ((unit, other),) = pairs
    (what, size), (also, other_size) = _UNITS.get(unit, ("", 0.0)), _UNITS.get(other, ("", 0.0))
    if what != also or not what:
        return None
    words = name.split("_")
    one = unit.removesuffix("s") if len(unit) > 3 else unit
    if "per" in words[: words.index(unit, 1)]:
        return f"1 per {one} = {other_size / size:.6g} per {other}"
    return f"1 {one} = {size / other_size:.6g} {other}"
