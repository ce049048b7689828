"""What a notebook shows of results: pictures that a layer above draws, as nothing below it knows of figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_DRAW: dict[type, Callable[[Any], bytes | None]] = {}


def show_by(shown: type[Shown], draw: Callable[[Any], bytes | None]) -> None:
    """Let `draw` make the picture of all objects of a class, as a PNG; None where there is nothing to see."""
    _DRAW[shown] = draw


class Shown:
    """What a notebook shows as a picture."""

    __slots__ = ()

    def _repr_png_(self) -> bytes | None:
        draw = _DRAW.get(type(self))
        return None if draw is None else draw(self)
