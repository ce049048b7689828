"""The Python interface: load a scan, run it, look at the result. The command line can do nothing more."""

from scanengine.api.borders import borders_csv, borders_hepdata
from scanengine.api.calibrations import draw_calibration, open_calibration, save_calibration
from scanengine.api.exclusion import draw_upper_limits, upper_limits, upper_limits_csv
from scanengine.api.finished import open_result
from scanengine.api.loading import load
from scanengine.api.merging import merge
from scanengine.api.plotting import Drawing, draw, drawing, plot
from scanengine.api.result import Result
from scanengine.api.scan import Scan
from scanengine.api.tables import limits_table
from scanengine.api.verifying import Verification, verify
from scanengine.export import PublishedLikelihood, read_likelihood
from scanengine.grid.calibration import Calibration
from scanengine.inference.fitting import Minimum
from scanengine.inference.joint import JointFit
from scanengine.inference.proving import Proof
from scanengine.inference.spectra import Spectrum
from scanengine.inference.upper_limits import UpperLimits
from scanengine.scan.estimate import Estimate
from scanengine.scan.events import Events

__all__ = [
    "Calibration",
    "Drawing",
    "Estimate",
    "Events",
    "JointFit",
    "Minimum",
    "Proof",
    "PublishedLikelihood",
    "Result",
    "Scan",
    "Spectrum",
    "UpperLimits",
    "Verification",
    "borders_csv",
    "borders_hepdata",
    "draw",
    "draw_calibration",
    "draw_upper_limits",
    "drawing",
    "limits_table",
    "load",
    "merge",
    "open_calibration",
    "open_result",
    "plot",
    "read_likelihood",
    "save_calibration",
    "upper_limits",
    "upper_limits_csv",
    "verify",
]
