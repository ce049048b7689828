"""The Python interface: load a scan, run it, look at the result. The command line can do nothing more."""

from scanengine.api.calibrations import draw_calibration, open_calibration, save_calibration
from scanengine.api.merging import merge
from scanengine.api.result import Result, draw, open_result
from scanengine.api.scan import Events, Scan, load
from scanengine.api.verifying import Verification, verify
from scanengine.export import PublishedLikelihood, read_likelihood
from scanengine.grid.calibration import Calibration
from scanengine.inference.fitting import Minimum
from scanengine.inference.proving import Proof
from scanengine.scan.estimate import Estimate

__all__ = [
    "Calibration",
    "Estimate",
    "Events",
    "Minimum",
    "Proof",
    "PublishedLikelihood",
    "Result",
    "Scan",
    "Verification",
    "draw",
    "draw_calibration",
    "load",
    "merge",
    "open_calibration",
    "open_result",
    "read_likelihood",
    "save_calibration",
    "verify",
]
