"""The key output.planes: pairs of axes, and what is wrong with them."""

from __future__ import annotations

import pytest

from scanengine.definition import parse
from tests.definition.example import TEXT, edited, faults_of


def planes(value: str) -> tuple[str, str]:
    return ('keep = "profiles"', f'keep = "profiles"\nplanes = {value}')


def test_by_default_all_are_wanted() -> None:
    assert parse(TEXT).output.planes == ()


def test_planes_and_their_axes_come_in_the_order_of_the_axes() -> None:
    chosen = parse(edited(planes('[["mu_nu", "eps_ee_dV"], ["eps_ee_uV", "mu_nu"]]'))).output.planes
    assert chosen == (("eps_ee_uV", "mu_nu"), ("eps_ee_dV", "mu_nu"))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[]", "found [], it must have at least 1 element"),
        ('["mu_nu", "eps_ee_uV"]', 'found "mu_nu", it must be a list'),
        ('[["mu_nu"]]', 'found ["mu_nu"], a plane must have two different axes'),
        ('[["mu_nu", "mu_nu"]]', 'found ["mu_nu", "mu_nu"], a plane must have two different axes'),
        ('[["mu_nu", "eps_ee_uV", "eps_ee_dV"]]', "a plane must have two different axes"),
        ('[["mu_nu", "eps_eu_uV"]]', 'found "eps_eu_uV", which is not an axis, the nearest known one is eps_ee_uV'),
        ('[["mu_nu", "Q"]]', 'found "Q", which is not an axis, known are eps_ee_uV, eps_ee_dV and mu_nu'),
        (
            '[["mu_nu", "eps_ee_uV"], ["eps_ee_uV", "mu_nu"]]',
            'found ["eps_ee_uV", "mu_nu"] a second time: give each plane once',
        ),
    ],
)
def test_faults(value: str, message: str) -> None:
    (fault,) = faults_of(edited(planes(value)))
    assert "output.planes" in str(fault)
    assert message in str(fault)


def test_all_faults_are_told_at_once() -> None:
    assert len(faults_of(edited(planes('[["mu_nu", "X"], ["Y", "mu_nu"], ["mu_nu", "mu_nu"]]')))) == 3


def test_a_stored_grid_has_every_plane() -> None:
    text = edited(planes('[["mu_nu", "eps_ee_uV"]]'))
    (fault,) = faults_of(text, "output.keep=grid")
    assert str(fault).startswith("--set output.keep=grid")
    assert "but a stored grid has every plane" in str(fault)


def test_an_axis_that_is_wrong_itself_is_one_fault() -> None:
    (fault,) = faults_of(edited(planes('[["mu_nu", "eps_ee_uV"]]'), ("points = 11", "points = 0")))
    assert "axes.mu_nu" in str(fault)
