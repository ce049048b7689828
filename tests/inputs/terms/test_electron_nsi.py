"""NSI with electrons: their names, and what they are called."""

from __future__ import annotations

from scanengine.inputs.terms.electron_nsi import TERM
from scanengine.inputs.terms.interactions import Interactions
from tests.interactions import physics


def test_vector_and_axial_ones_for_each_pair_of_families() -> None:
    names = [parameter.name for parameter in TERM.parameters]
    assert names[:4] == ["eps_ee_eV", "eps_ee_eA", "eps_mm_eV", "eps_mm_eA"]
    assert len(set(names)) == 12
    by_name = {parameter.name: parameter for parameter in TERM.parameters}
    assert by_name["eps_em_eA"].long_name == "axial NSI of e-mu neutrinos with the electron"
    assert by_name["eps_em_eA"].symbol == r"\varepsilon_{e\mu}^{eA}"
    assert set(by_name["eps_em_eA"].flavours) == {"nu_e", "nu_mu", "nu_ebar", "nu_mubar"}


def test_nuclei_do_not_feel_them() -> None:
    names = {parameter.name for parameter in TERM.parameters}
    assert Interactions(physics(), frozenset(names), ("electron",)).felt_by("nu_e") >= {"eps_ee_eV", "eps_et_eA"}
    assert not names & Interactions(physics(), frozenset(names)).felt_by("nu_e")
