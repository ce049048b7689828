"""Those who do the work of a scan beside this process."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(eq=False)
class Workers:
    """An executor, how many work for it, and which of them have fallen silent."""

    executor: Executor
    number: int
    dismissed: set[str] = field(default_factory=set)

    wants_work_again: ClassVar[bool] = True
    """Whether what a silent worker has begun is to be submitted once more: the executor knows nothing of it."""

    def dismiss(self, names: set[str], silent_s: float) -> int:  # noqa: ARG002  (dask looks for others)
        """Expect nothing more of workers by their names, and return of how many. Raises RunError if that cannot be."""
        self.dismissed |= names
        return len(names)

    def require_head(self) -> None:
        """Raise RunError if nobody hands out work any more."""
