"""From chi2 to statements: regions, intervals, best fits, pseudo-experiments."""
