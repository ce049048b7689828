"""Neutrinos of the Sun: the fluxes of a standard solar model, their spectra, and the flavour in which they arrive."""
