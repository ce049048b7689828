"""Figures for papers: allowed regions on a plane, one-parameter profiles, corner plots, and files of them.

The only package that imports matplotlib. It never touches pyplot or the global settings.
"""

from __future__ import annotations

from scanengine.figures._corner import corner
from scanengine.figures._plane import plane
from scanengine.figures._profile import profile
from scanengine.figures._save import check, save
from scanengine.figures._style import Curve

__all__ = ["Curve", "check", "corner", "plane", "profile", "save"]
