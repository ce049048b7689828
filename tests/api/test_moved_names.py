"""Names that have moved from `Scan` to `Problem` and `GridScan` keep working for a version, and say where they are."""

from __future__ import annotations

import numpy as np
import pytest

import scanengine
from scanengine import Scan
from scanengine.driver.sinks import ArraySink
from scanengine.scan.grid_scan import GridScan
from scanengine.scan.how import HowToRun

OF_PROBLEM = ["compiled", "evaluator", "theta"]
OF_GRID = ["chosen_planes", "one_pass", "tiles"]
MOVED = [*OF_PROBLEM, *OF_GRID, "planes_bytes", "visit", "visit_planes"]


@pytest.fixture(scope="module")
def scan() -> Scan:
    return scanengine.load("scholberg2006/fig07")


@pytest.mark.parametrize("name", OF_PROBLEM)
def test_what_has_moved_is_found_and_said_to_have(scan: Scan, name: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"Scan\.{name} is Scan\.problem\.{name} now"):
        found = getattr(scan, name)
    assert found == getattr(scan.problem, name)


@pytest.mark.parametrize("name", OF_GRID)
def test_what_belongs_to_the_grid_is_found_and_said_to(scan: Scan, name: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"Scan\.{name} is GridScan\(Scan\.problem\)\.{name}"):
        found = getattr(scan, name)
    assert found == getattr(GridScan(scan.problem), name)


def test_the_grid_is_visited_as_it_was(scan: Scan) -> None:
    sink = ArraySink(scan.shape, "float64")
    how = HowToRun(overwrite=False, fresh=False, threads=1, executor="threads", progress=None)
    with pytest.warns(DeprecationWarning, match="visit"):
        profiles = scan.visit(sink, how)  # type: ignore[attr-defined]
    assert profiles.minimum == sink.chi2.min() == scan.run().minimum


def test_theta_gives_what_it_gave(scan: Scan) -> None:
    with pytest.warns(DeprecationWarning, match="theta"):
        theta = scan.theta(eps_ee_uV=0.3)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(theta, scan.definition.parameters.values(np.array([0.3, 0.0])))


def test_they_do_not_show(scan: Scan) -> None:
    assert not {name for name in dir(scan) if name in MOVED}
    with pytest.raises(AttributeError, match="'Scan' object has no attribute 'nothing'"):
        scan.nothing  # type: ignore[attr-defined]  # noqa: B018
