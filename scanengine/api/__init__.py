"""The Python interface: load a scan, run it, and look at the result. The command line does nothing that this does not."""

from scanengine.api.result import Result, open_result, overlay
from scanengine.api.scan import Estimate, Events, Scan, load

__all__ = ["Estimate", "Events", "Result", "Scan", "load", "open_result", "overlay"]
