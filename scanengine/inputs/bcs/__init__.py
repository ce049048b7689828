"""Ground states of even-even nuclei by the BCS method, for the form factors of Kosmas et al. 2015 (eq. 5).

Levels of a Woods-Saxon potential (`levels`) are filled with BCS occupation probabilities (`pairing`); their radial
functions are those of a harmonic oscillator (`oscillator`), whose length is the authors' or fits the measured charge
radius (`charge_radii`, `ground_state`). Filling the oscillator's shells without pairing fits the tables of that paper
as well: they test the length, and that F_p is not F_n, not the pairing.
"""

from scanengine.inputs.bcs.ground_state import (
    Nucleus,
    closed_shell_notes,
    nucleus,
    oscillator_length_fm,
    require_even,
)
from scanengine.inputs.bcs.levels import Level, woods_saxon
from scanengine.inputs.bcs.pairing import Species

__all__ = [
    "Level",
    "Nucleus",
    "Species",
    "closed_shell_notes",
    "nucleus",
    "oscillator_length_fm",
    "require_even",
    "woods_saxon",
]
