"""chi2 on tensor grids: the evaluators that a scan can choose from."""
