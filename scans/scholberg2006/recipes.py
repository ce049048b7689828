"""The results of the paper, in the order of the report."""

from . import charm, interactions, magnetic_moments, oscillations, statements, weak_mixing_angle, yields
from .paper import paper

paper.recipe("fig01", "Fig. 1: neutrino spectra of a stopped-pion source")(yields.fig01)
paper.recipe("fig02", "Fig. 2: yield in ²⁰Ne")(yields.fig02)
paper.recipe("fig03", "Fig. 3: yield in ⁴⁰Ar")(yields.fig03)
paper.recipe("fig04", "Fig. 4: yield in ⁷⁶Ge")(yields.fig04)
paper.recipe("fig05", "Fig. 5: yield in ¹³²Xe")(yields.fig05)
paper.recipe("fig06", "Fig. 6: events over threshold, all targets")(yields.fig06)
paper.recipe("weak-mixing-angle", "Section III A: the weak mixing angle")(weak_mixing_angle.weak_mixing_angle)
paper.recipe("table1", "Table I: limits on non-standard couplings")(charm.table1)
paper.recipe("fig07", "Fig. 7: ε_ee^uV and ε_ee^dV, ²⁰Ne")(interactions.fig07)
paper.recipe("fig08", "Fig. 8: ε_ee^uV and ε_ee^dV, ²⁰Ne and ¹³²Xe")(interactions.fig08)
paper.recipe("fig09", "Fig. 9: ε_ee^dV and ε_eτ^dV, ²⁰Ne")(interactions.fig09)
paper.recipe("fig10", "Fig. 10: ε_ee^dV and ε_eτ^dV, ²⁰Ne and ¹³²Xe")(interactions.fig10)
paper.recipe("fig11", "Fig. 11: ε_ee^dV and ε_eτ^dV, against neutrino oscillations")(oscillations.fig11)
paper.recipe("fig12", "Fig. 12: χ² of LMA-0 against ε_ττ")(oscillations.fig12)
paper.recipe("fig13", "Fig. 13: differential cross-sections with a magnetic moment")(magnetic_moments.fig13)
paper.recipe("fig14", "Fig. 14: yield in neon with a magnetic moment")(magnetic_moments.fig14)
paper.recipe("statements", "Statements about rates")(statements.statements)
