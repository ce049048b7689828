"""What the fixtures `command` and `printed` of conftest.py are."""

from __future__ import annotations

from typing import Protocol


class Command(Protocol):
    """Run `scanengine ARGUMENTS` in this process and in the test's folder."""

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, standard output, standard error."""


class Printed(Protocol):
    """The same for a command that succeeds."""

    def __call__(self, *arguments: str) -> str:
        """Standard output."""
