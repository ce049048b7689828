"""One published number or statement, compared with ours."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal


@dataclass(frozen=True)
class Check:
    """A result as published and as it comes out here.

    `published`, `ours` and `tolerance` are for reading; `value` is our number, where it is one, and `ratio` what it is
    in units of the published one. `excess` is the deviation in units of what is tolerated. A published result that is
    `known` not to come out is "explained" if the exhibit's notes give the reason, else "unexplained"; with `absent`
    data it is not compared at all. What the paper does not print, but follows from its equations or from ours, is
    `derived`: a consistency check.
    """

    result: str
    published: str
    ours: str
    tolerance: str
    excess: float
    value: float | None = None
    ratio: float | None = None
    known: Literal["", "explained", "unexplained"] = ""
    derived: bool = False
    absent: bool = False

    @property
    def verdict(self) -> str:
        """One word: "agrees", "explained" or "unexplained" (it differs, as is known), "differs", or "absent"."""
        return "absent" if self.absent else "differs" if not self.passed else self.known or "agrees"

    @property
    def label(self) -> str:
        """The verdict for reading: "agrees", "differs, explained", "differs, unexplained", "differs", or "not run"."""
        if self.absent:
            return "skipped: no data"
        return f"differs, {self.known}" if self.passed and self.known else self.verdict

    @property
    def passed(self) -> bool:
        """Whether the deviation is tolerated; a known difference, whether it is still the known one."""
        return self.excess <= 1.0

    @classmethod
    def number(
        cls,
        result: str,
        published: str,
        ours: float,
        *,
        relative: float = 0.0,
        absolute: float = 0.0,
        units: str = "",
        derived: bool = False,
    ) -> Check:
        """Hold a number against one as it is printed, whose last digit says how it was rounded.

        The larger of its rounding (half a unit of the last printed digit), `relative` times the number, and `absolute`
        is tolerated.
        """
        value = float(published)
        digits = published.lower().partition("e")
        exponent = int(digits[2] or 0) - len(digits[0].partition(".")[2])
        rounding = 0.5 * 10.0**exponent * (1.0 + 1e-9)
        words = ["rounding"]
        if relative * abs(value) > 0.0:
            words.append(f"{100.0 * relative:.3g}%")
        if absolute > 0.0:
            words.append(f"{absolute:.3g}")
        allowed = max(rounding, relative * abs(value), absolute * (1.0 + 1e-9))
        excess = abs(ours - value) / allowed if isfinite(ours) else inf
        suffix = f" {units}" if units else ""
        return cls(
            result,
            published + suffix,
            f"{ours:.5g}{suffix}",
            " or ".join(words),
            excess,
            ours,
            ours / value if value else None,
            derived=derived,
        )

    @classmethod
    def between(
        cls,
        result: str,
        published: str,
        ours: float,
        low: float,
        high: float,
        units: str = "",
        *,
        derived: bool = False,
    ) -> Check:
        """Hold a number against words or an approximate number, which are taken to mean the range from low to high."""
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        excess = abs(ours - middle) / half if isfinite(ours) else inf
        suffix = f" {units}" if units else ""
        text = f"{ours:.4g}{suffix}"
        return cls(result, published, text, f"{low:.4g} to {high:.4g}{suffix}", excess, ours, derived=derived)

    @classmethod
    def statement(cls, result: str, published: str, ours: str, *, holds: bool, derived: bool = False) -> Check:
        """Hold what is seen here against what a paper says of a result."""
        return cls(result, published, ours, "as stated", 0.0 if holds else inf, derived=derived)

    @classmethod
    def not_run(cls, result: str, published: str = "") -> Check:
        """A result whose data are not there: it neither agrees nor differs."""
        return cls(result, published, "", "", 0.0, absent=True)

    @classmethod
    def known_difference(
        cls,
        result: str,
        published: str,
        ours: float,
        expected: float,
        units: str = "",
        *,
        source: str = "value seen",
        explained: bool = True,
    ) -> Check:
        """Hold a number that does not agree with the published one to what is expected instead, within 1%.

        `source` says where that comes from: a formula, or that it is the value seen when it was last looked at.
        """
        suffix = f" {units}" if units else ""
        excess = abs(ours - expected) / (0.01 * abs(expected)) if isfinite(ours) else inf
        tolerance = f"1% of {expected:.4g}{suffix}, {source}"
        known: Literal["explained", "unexplained"] = "explained" if explained else "unexplained"
        return cls(result, published, f"{ours:.4g}{suffix}", tolerance, excess, ours, known=known)
