"""Fast chi2 scans of new physics in coherent elastic neutrino-nucleus scattering.

    import scanengine

    result = scanengine.load("large/nsi-5d").run("nsi-5d.h5")
    result.plot().savefig("nsi-5d.pdf")

`load` reads a scan file, `Scan.run` gives a `Result`, `open_result` reads one back,
`merge` makes one of shards, `plot` draws several in one figure, `upper_limits` has those on one axis against another,
`verify` sees whether a file can be believed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from scanengine.errors import InputError, Interrupted, RunError, ScanengineError

if TYPE_CHECKING:
    from scanengine.api import Result, Scan, load, merge, open_result, plot, read_likelihood, upper_limits, verify

    __version__: str

__all__ = [
    "InputError",
    "Interrupted",
    "Result",
    "RunError",
    "Scan",
    "ScanengineError",
    "load",
    "merge",
    "open_result",
    "plot",
    "read_likelihood",
    "upper_limits",
    "verify",
]


if not TYPE_CHECKING:  # a type checker would believe every name

    def __getattr__(name: str) -> Any:
        # what takes a while to import waits until it is used
        if name == "__version__":
            from importlib.metadata import version

            return version("scanengine")
        if name in __all__:
            return getattr(import_module("scanengine.api"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
