"""Scanning a grid: tiles in threads, minima on the way, and where they go."""
