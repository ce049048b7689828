"""Checks counted: published results and consistency checks apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from scanengine.reproduce.checks import Check
from scanengine.reproduce.papers import Recipe


@dataclass(frozen=True)
class Finding:
    """A check with the recipe that it belongs to."""

    recipe: Recipe
    check: Check


def counted(findings: Sequence[Finding], *, derived: bool) -> Counter[str]:
    """How many published results, or how many consistency checks, have each label."""
    return Counter(finding.check.label for finding in findings if finding.check.derived == derived)


def in_words(findings: Sequence[Finding]) -> str:
    """Say how many published results agree and how many differ, and the same of consistency checks."""
    if not findings:
        return "nothing to compare"
    parts = []
    for derived, name in ((False, "published result"), (True, "consistency check")):
        labels = counted(findings, derived=derived)
        if labels:
            verdicts = ", ".join(_verdict(label, labels[label]) for label in sorted(labels))
            parts.append(f"{labels.total()} {name}{'s' if labels.total() > 1 else ''}: {verdicts}")
    return "; ".join(parts)


def _verdict(label: str, count: int) -> str:
    """Say as "3 differ, explained" what "differs, explained" is for several, and "3 skipped: no data"."""
    verb, comma, rest = label.partition(",")
    return f"{count} {verb if count == 1 else verb.removesuffix('s')}{comma}{rest}"
