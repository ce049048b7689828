"""Where the tiles of a grid go: nowhere, into memory, or into a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar

import numpy as np

from scanengine.grid.axes import FloatArray
from scanengine.grid.profiles import RunningMinima

Prepared = TypeVar("Prepared")


class Sink(Protocol[Prepared]):
    """Takes the filled tiles of a grid, and may know those of an earlier run."""

    wants_tiles: bool
    """Whether tiles are to be filled at all: for their minima alone, it may be quicker not to."""

    @property
    def array(self) -> FloatArray | None:
        """The grid in memory, if that is where tiles go: they are filled in it where they can be."""

    def is_done(self, start: tuple[int, ...]) -> bool:
        """Tell whether the tile whose first point has this index was done by an earlier run."""

    def earlier(self) -> RunningMinima | None:
        """Return the minima over the tiles that were done by an earlier run."""

    def prepare(self, chi2: FloatArray) -> Prepared:
        """Turn a tile into what `write` takes, keeping no reference to it; called from several threads at once."""

    def write(self, start: tuple[int, ...], prepared: Prepared) -> None:
        """Store the tile whose first point has this index; called from the driver's own thread."""

    def keep(self, running: Callable[[], RunningMinima]) -> None:
        """Make what was written last, if it is time to; `running` are minima over these tiles and perhaps others."""


class Fleeting:
    """What forgets its tiles with the process has nothing of an earlier one."""

    @property
    def array(self) -> FloatArray | None:
        """Tiles go elsewhere."""
        return None

    def is_done(self, start: tuple[int, ...]) -> bool:  # noqa: ARG002
        """Return False."""
        return False

    def earlier(self) -> None:
        """Return nothing."""

    def keep(self, running: Callable[[], RunningMinima]) -> None:
        """Do nothing."""


class NoSink(Fleeting):
    """Keeps nothing: for scans of which only the profiles are wanted."""

    wants_tiles = False

    def prepare(self, chi2: FloatArray) -> None:
        """Forget the tile."""

    def write(self, start: tuple[int, ...], prepared: None) -> None:
        """Do nothing."""


class ArraySink(Fleeting):
    """Collects the grid in memory, in the array `chi2`, which the driver fills in place where it can."""

    wants_tiles = True

    def __init__(self, shape: tuple[int, ...], precision: Literal["float64", "float32"] = "float64") -> None:
        self.chi2: FloatArray = np.empty(shape, dtype=precision)

    @property
    def array(self) -> FloatArray:
        """The grid in memory."""
        return self.chi2

    def prepare(self, chi2: FloatArray) -> FloatArray | None:
        """Copy a tile that is not in its place yet."""
        return None if np.may_share_memory(chi2, self.chi2) else chi2.copy()

    def write(self, start: tuple[int, ...], prepared: FloatArray | None) -> None:
        """Put a copied tile in its place."""
        if prepared is not None:
            self.chi2[tuple(slice(s, s + n) for s, n in zip(start, prepared.shape, strict=True))] = prepared
