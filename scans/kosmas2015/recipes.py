"""The results of the paper, in the order of the report."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from scanengine.reproduce import Exhibit

from . import charge_radii, experiments, magnetic_moments, two_parameters, weak_mixing_angle
from .paper import paper, with_note


def recipe(name: str, title: str, make: Callable[[], Exhibit]) -> None:
    """Add a result that is made from the scans."""

    @wraps(make)
    def noted() -> Exhibit:
        return with_note(make())

    paper.recipe(name, title)(noted)


paper.recipe("table1", "Table I: published limits on magnetic moments")(experiments.table1)
recipe("table2", "Table II: the eight experiments", experiments.table2)
recipe("eq5", "Eq. 5: BCS form factors", experiments.form_factors)
recipe("fig01", "Fig. 1: weak mixing angle, prompt and delayed", weak_mixing_angle.fig01)
recipe("table3", "Table III: weak mixing angle, flavour by flavour", weak_mixing_angle.table3)
recipe("fig02", "Fig. 2: weak mixing angle, prompt and delayed together", weak_mixing_angle.fig02)
recipe("table4", "Table IV: weak mixing angle, prompt and delayed together", weak_mixing_angle.table4)
recipe("fig03", "Fig. 3: magnetic moment, prompt and delayed", magnetic_moments.fig03)
recipe("fig04", "Fig. 4: magnetic moment of the muon neutrino, prompt and delayed together", magnetic_moments.fig04)
recipe("table5", "Table V: upper limits on magnetic moments", magnetic_moments.table5)
recipe("eq13-14", "Eqs. 13 and 14: magnetic moment from several targets", magnetic_moments.equations_13_and_14)
recipe("fig05", "Fig. 5: magnetic moment and weak mixing angle", two_parameters.fig05)
recipe("fig06", "Fig. 6: magnetic moments of ν̄_μ and ν_e", two_parameters.fig06)
recipe("fig07", "Fig. 7: charge radius, prompt and delayed", charge_radii.fig07)
recipe("fig08", "Fig. 8: charge radius of the muon neutrino, prompt and delayed together", charge_radii.fig08)
recipe("table6", "Table VI: neutrino charge radii", charge_radii.table6)
