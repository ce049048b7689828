"""From responses to chi2 as a function of the parameters: counts, templates, covariances, nuisances."""
