"""What goes into a rate: constants, nuclei, form factors, sources, detectors, couplings. Frozen, validated, with
references.
"""
