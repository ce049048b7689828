"""Figures for papers: allowed regions on a plane, profiles, corner plots, sheets of panels, and files of them.

The only package that imports matplotlib. It never touches pyplot or the global settings.
"""

from __future__ import annotations

from scanengine.figures import _matplotlib  # noqa: F401  (before the others import it)

# isort: split
from scanengine.figures._calibration import calibration
from scanengine.figures._corner import corner
from scanengine.figures._items import Area, Band, Line, Panel, Points
from scanengine.figures._look import Look
from scanengine.figures._marginal import credible, densities, density
from scanengine.figures._nuisances import correlation, impacts, pulls
from scanengine.figures._plane import allowed_region, plane
from scanengine.figures._profile import profile
from scanengine.figures._reduced import reduced
from scanengine.figures._save import check, png, save, thumbnail
from scanengine.figures._sheet import sheet
from scanengine.figures._spectrum import spectrum
from scanengine.figures._style import Curve
from scanengine.figures._text import label, literal
from scanengine.figures._upper_limits import upper_limits
from scanengine.figures._words import statement

__all__ = [
    "Area",
    "Band",
    "Curve",
    "Line",
    "Look",
    "Panel",
    "Points",
    "allowed_region",
    "calibration",
    "check",
    "corner",
    "correlation",
    "credible",
    "densities",
    "density",
    "impacts",
    "label",
    "literal",
    "plane",
    "png",
    "profile",
    "pulls",
    "reduced",
    "save",
    "sheet",
    "spectrum",
    "statement",
    "thumbnail",
    "upper_limits",
]
