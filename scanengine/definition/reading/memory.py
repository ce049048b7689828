"""What was made of parts of a scan file, for definitions that differ from it in other parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

T = TypeVar("T")

_MOST = 4096


class Memory:
    """Remembers what was made of objects that are the same ones, not only equal: tables are shared where they are.

    To another process or a copy it goes empty.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[str, tuple[int, ...]], tuple[tuple[object, ...], object]] = {}

    def __reduce__(self) -> tuple[type[Memory], tuple[()]]:
        return Memory, ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Memory)  # what is remembered can be made again

    def __hash__(self) -> int:
        return hash(Memory)

    def once(self, what: str, of: tuple[object, ...], make: Callable[[], T], is_sound: Callable[[], bool]) -> T:
        """Return what was made of the same objects, or make it, and remember it if it `is_sound` afterwards."""
        key = what, tuple(map(id, of))
        if key in self._made:
            return cast(T, self._made[key][1])
        made = make()
        if is_sound():
            if len(self._made) >= _MOST:
                self._made.clear()
            self._made[key] = of, made  # the objects are kept, so that no other one gets their ids
        return made
