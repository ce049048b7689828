"""The Python interface: load a scan, run it, look at the result. The command line can do nothing more."""

from scanengine.api.result import Result, draw, open_result
from scanengine.api.scan import Estimate, Events, Scan, load

__all__ = ["Estimate", "Events", "Result", "Scan", "draw", "load", "open_result"]
