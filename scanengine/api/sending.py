"""How results go to other processes, and are copied: one in a file as the path of it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanengine.api.origin import InFile, InMemory, Reopen

if TYPE_CHECKING:
    from typing import Self


class Sendable:
    """What is in memory goes with all its numbers; what is in a file, as its path and checksum, and is opened there."""

    path: Path | None
    _origin: InMemory | InFile

    def __getstate__(self) -> dict[str, Any]:
        if self.path is None:
            return self.__dict__
        return {"path": self.path.absolute(), "_digest": self._digest, "_reopen": self._reopen}

    @cached_property
    def _digest(self) -> str:
        assert isinstance(self._origin, InFile)
        return self._origin.stored.digest

    @cached_property
    def _reopen(self) -> Reopen:
        assert isinstance(self._origin, InFile)
        return self._origin.reopen

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # of a file that another process has sent there is only the path yet
            if name.startswith("__") or "_digest" not in self.__dict__ or "_origin" in self.__dict__:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            self.__dict__.update(self._reopen(self.path, self._digest).__dict__)
            return getattr(self, name)

    def __copy__(self) -> Self:
        return self._like(self.__dict__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._like(deepcopy(self.__dict__, memo))

    def _like(self, state: Mapping[str, Any]) -> Self:
        """Return a result of the same state: a copy in this process needs its file no more than the original does."""
        copied = object.__new__(type(self))
        copied.__dict__.update(state)
        return copied
