"""Input of a rate: constants, nuclei, form factors, sources, detectors, couplings. Frozen, validated, with
references.
"""
