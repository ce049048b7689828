"""What is said of proven intervals: no digit more than is known, and what lies open within them."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.cli.proofs import print_regions
from scanengine.grid.axes import Axis
from scanengine.grid.tiles import ProvenTiles, ends_of
from scanengine.inference.proven_regions import ProvenRegion, proven_region

BOUNDS = {".": (9.0, np.inf), "#": (0.0, 1.0), "?": (0.0, np.inf)}


class Proven:
    """What `print_regions` asks of a result."""

    def __init__(self, marks: str) -> None:
        depth, index = np.full(len(marks), len(marks).bit_length() - 1), np.arange(len(marks))[:, None]
        ends = ends_of([Axis("x", np.array([0.0, float(len(marks))]))], index, depth)
        lower, upper = np.array([BOUNDS[mark] for mark in marks]).T
        self._region = proven_region(("x",), 0.9, ProvenTiles(depth, index, *ends, lower, upper), (0.0, 0.0))

    def proven_regions(self, _: object) -> list[ProvenRegion]:
        return [self._region]


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ("########", "allowed from 0 to 8"),
        (".##.####", "allowed from 1 to 3 or 4 to 8"),
        ("..?##...", "allowed from [2, 3] to 5"),
        ("#?##....", "allowed from 0 to 4; undecided values lie within: 1 to 2 intervals with proven values in them"),
        (
            "#...?..#",
            "allowed from 0 to 1 or [4, 5] to [4, 5] or 7 to 8; of 1 of these it is not proven that it is there",
        ),
    ],
)
def test_nothing_is_said_that_is_not_proven(marks: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_regions(Proven(marks), [0.9])  # type: ignore[arg-type]
    assert capsys.readouterr().out.splitlines()[-1] == f"  x, 90% C.L.: {said}"


def test_ends_have_the_digits_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    print_regions(Proven(256 * "." + "?" + 255 * "#"), [0.9])  # type: ignore[arg-type]
    assert capsys.readouterr().out.splitlines()[-1] == "  x, 90% C.L.: allowed from 256 to 512"
