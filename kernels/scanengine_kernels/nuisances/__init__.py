"""chi2 minimised over nuisance parameters at every point: a safeguarded Newton iteration, eight bins at a time.

Each row (a bin, or a residual of several) has a value mu = T_0 + sum_k z_k T_k, with templates T that are quadratics of
the scanned variables and z in standard deviations; for some nuisances T_k is another one below z_k = 0 than above.
Three kinds of rows follow one another, each filled up to whole blocks by rows of zeros without weight:

- seen: mu = N / n - 1 of a Poisson count N with data n > 0, chi2 = 2 n (mu - ln(1 + mu)) (Baker and Cousins 1984);
- empty: mu = N of a Poisson count without data, chi2 = 2 N, which rises steeply again below N = 0;
- Gaussian: mu a residual in standard deviations, chi2 = mu^2 times a weight that may differ with the sign of mu.

Within an orthant of the nuisances with two templates chi2 is convex. On the boundary to another it has a kink, where
the iteration stops a variable and looks at both sides.
"""
