"""Names that have moved from `Scan` to `Problem` keep working for a version, and say where they are."""

from __future__ import annotations

import numpy as np
import pytest

import scanengine
from scanengine import Scan

MOVED = ["compiled", "evaluator", "one_pass", "planes_bytes", "theta", "tiles", "visit_planes"]


@pytest.fixture(scope="module")
def scan() -> Scan:
    return scanengine.load("scholberg2006/fig07")


@pytest.mark.parametrize("name", MOVED)
def test_what_has_moved_is_found_and_said_to_have(scan: Scan, name: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"Scan\.{name} is Scan\.problem\.{name} now"):
        found = getattr(scan, name)
    assert found == getattr(scan.problem, name)


def test_theta_gives_what_it_gave(scan: Scan) -> None:
    with pytest.warns(DeprecationWarning, match="theta"):
        theta = scan.theta(eps_ee_uV=0.3)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(theta, scan.definition.parameters.values(np.array([0.3, 0.0])))


def test_they_do_not_show(scan: Scan) -> None:
    assert not {name for name in dir(scan) if name in MOVED}
    with pytest.raises(AttributeError, match="'Scan' object has no attribute 'nothing'"):
        scan.nothing  # type: ignore[attr-defined]  # noqa: B018
