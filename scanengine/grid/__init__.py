"""Axes, the profiles over them, and how a grid is cut into tiles."""
