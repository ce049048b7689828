"""Work that is handed to an executor a bounded number of items at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Flow(Generic[Item, Outcome]):
    """Process items with an executor, at most `ahead` at a time: iterate over lists of (item, outcome) as they finish.

    With a timeout in seconds such a list is empty where none has come for so long.
    """

    def __init__(
        self,
        executor: Executor,
        work: Callable[[Item], Outcome],
        items: Iterator[Item],
        most: int,
        timeout_s: float | None = None,
    ) -> None:
        self._executor, self._work, self._items, self._most = executor, work, items, most
        self._timeout_s = timeout_s
        self._pending: dict[Future[Outcome], Item] = {}

    @property
    def pending(self) -> list[Item]:
        """The items that are worked on, or wait for it."""
        return list(self._pending.values())

    def add(self, item: Item) -> None:
        """Have one more item worked on."""
        self._pending[self._executor.submit(self._work, item)] = item

    def drop(self, unwanted: Callable[[Item], bool]) -> list[Item]:
        """Wait no longer for the items that are not wanted any more, and return them."""
        futures = [future for future, item in self._pending.items() if unwanted(item)]
        for future in futures:
            future.cancel()
        return [self._pending.pop(future) for future in futures]

    def __iter__(self) -> Iterator[list[tuple[Item, Outcome]]]:
        while True:
            for item in islice(self._items, max(0, self._most - len(self._pending))):
                self.add(item)
            if not self._pending:
                return
            yield self._take(wait(self._pending, self._timeout_s, FIRST_COMPLETED).done)

    def rest(self, timeout_s: float | None = None) -> list[tuple[Item, Outcome]]:
        """Wait for what has begun, perhaps not for longer than a time, and drop what has not."""
        begun = {future for future in self._pending if not future.cancel()}
        return self._take(begun if timeout_s is None else wait(begun, timeout_s).done)

    def cancel(self) -> None:
        """Drop what has not begun."""
        for future in self._pending:
            future.cancel()

    def _take(self, done: set[Future[Outcome]]) -> list[tuple[Item, Outcome]]:
        in_order = [future for future in self._pending if future in done]
        return [(self._pending.pop(future), future.result()) for future in in_order]


def batched(items: Iterator[Item], n: int) -> Iterator[tuple[Item, ...]]:
    """Yield items by n, the last perhaps fewer."""
    while some := tuple(islice(items, n)):
        yield some
