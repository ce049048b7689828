"""chi2, gradients and counts at many points at once are those of one point after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scanengine import InputError, Scan
from scanengine.definition import parse
from tests.scan_files import SMALL, definition, experiment

NAMES = ("eps_ee_uV", "eps_ee_dV")
AXES = {name: {"min": -1.0, "max": 1.0, "points": 5} for name in NAMES}
FLUX = {"name": "flux", "width": 0.1, "signal": "all"}
KINDS: dict[str, dict[str, Any]] = {
    "gaussian": {},
    "poisson": {"statistic": "poisson"},
    "nuisance of a signal": {"statistic": "poisson", "nuisances": [FLUX]},
    "linear nuisance": {"nuisances": [FLUX]},
    "coupling of which the square is counted": {
        "axes": {"g_zp": {"min": 1e-6, "max": 1e-4, "points": 5}, "mu_nu": {"min": 0.0, "max": 30.0, "points": 5}},
        "mediators": {"zp": {"kind": "vector", "mass_MeV": 10.0, "charges": "universal"}},
    },
}


def scan_of(**changes: Any) -> Scan:
    return Scan(definition(**{"axes": AXES, **changes}))


def somewhere(scan: Scan, n: int = 12) -> dict[str, Any]:
    """Random points within the axes, and a little beyond them."""
    random = np.random.default_rng(5)
    ends = {axis.name: axis.values[[0, -1]] for axis in scan.definition.axes}
    return {name: random.uniform(low, high + 0.1 * (high - low), n) for name, (low, high) in ends.items()}


@pytest.mark.jit_only
@pytest.mark.parametrize("kind", KINDS)
def test_many_points_are_one_after_the_other(kind: str) -> None:
    scan = scan_of(**KINDS[kind])
    places = somewhere(scan)
    each = [dict(zip(places, values, strict=True)) for values in zip(*places.values(), strict=True)]
    one_by_one = np.array([scan.chi2(**place) for place in each])
    together = scan.chi2(**places)
    assert together.shape == (12,)
    assert np.max(np.abs(together - one_by_one) / (1.0 + one_by_one)) < 1e-10
    counts = scan.counts(**places)
    assert counts.shape == (12, len(scan.bins))
    np.testing.assert_allclose(counts, [scan.counts(**place) for place in each], rtol=1e-13)


@pytest.mark.jit_only
@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_the_difference_of_neighbours(kind: str) -> None:
    scan = scan_of(**KINDS[kind])
    places = somewhere(scan, 4)
    gradient = scan.gradient(**places)
    for i, axis in enumerate(scan.definition.axes):
        step = 1e-5 * (axis.values[-1] - axis.values[0])
        above, below = (scan.chi2(**places | {axis.name: places[axis.name] + s}) for s in (step, -step))
        np.testing.assert_allclose(gradient[:, i], (above - below) / (2.0 * step), rtol=1e-5, atol=1e-6 / step * 1e-4)


def test_the_counts_are_the_events_added_over_flavours() -> None:
    scan = scan_of(experiments=[experiment(recoil_window_keV=None, recoil_bins_keV=[10.0, 20.0, 50.0])])
    counts = scan.counts(eps_ee_uV=0.3)
    assert [(cell.channel, cell.bin.energy[0]) for cell in scan.bins] == [
        ("delayed", 10.0),
        ("delayed", 20.0),
        ("prompt", 10.0),
        ("prompt", 20.0),
    ]
    for cell, count in zip(scan.bins, counts, strict=True):
        parts = [e.counts for e in scan.events(eps_ee_uV=0.3) if (e.channel, e.bin) == (cell.channel, cell.bin)]
        assert count == pytest.approx(sum(parts), rel=1e-12)


def test_arrays_are_broadcast_and_numbers_stay_numbers() -> None:
    scan = Scan(parse(SMALL))
    plane = scan.chi2(eps_ee_uV=np.linspace(-0.1, 0.1, 3)[:, None], eps_ee_dV=np.linspace(-0.1, 0.1, 4))
    assert plane.shape == (3, 4)
    assert isinstance(scan.chi2(eps_ee_uV=0.1), float)
    assert plane[2, 0] == pytest.approx(scan.chi2(eps_ee_uV=0.1, eps_ee_dV=-0.1), rel=1e-10)
    assert scan.chi2(eps_ee_uV=[]).shape == (0,)
    assert scan.gradient(eps_ee_uV=0.1).shape == (2,)


def test_the_log_likelihood_ends_with_the_axes() -> None:
    scan = Scan(parse(SMALL))
    many = scan.log_likelihood([[0.1, 0.2], [0.1, 1.5], [-1.2, -0.8]])
    within = [scan.chi2(eps_ee_uV=u, eps_ee_dV=d) for u, d in ((0.1, 0.2), (-1.2, -0.8))]
    assert many == pytest.approx([-0.5 * within[0], -np.inf, -0.5 * within[1]])
    assert scan.log_likelihood([0.1, 0.2]) == pytest.approx(np.asarray(many)[0], rel=1e-10)
    with pytest.raises(InputError, match=r"a point has 2 numbers, of eps_ee_uV, eps_ee_dV.*the shape \(3,\)"):
        scan.log_likelihood([0.1, 0.2, 0.3])


def test_a_sampler_that_takes_many_points_finds_the_profile_of_a_gaussian() -> None:
    """Stretch moves of two halves of walkers (Goodman and Weare 2010), as emcee makes them with vectorize=True."""
    scan = scan_of(axes={"mu_nu": {"min": 0.0, "max": 60.0, "points": 61}})
    random = np.random.default_rng(1)
    x = random.uniform(0.0, 10.0, (40, 1))
    value, samples = np.asarray(scan.log_likelihood(x)), []
    for step in range(1200):
        for half, other in ((slice(0, 20), slice(20, 40)), (slice(20, 40), slice(0, 20))):
            z = (1.0 + random.uniform(size=(20, 1))) ** 2 / 2.0
            trial = x[other][random.integers(20, size=20)] * (1.0 - z) + z * x[half]
            there = np.asarray(scan.log_likelihood(trial))
            taken = np.log(random.uniform(size=20)) < there - value[half]
            x[half][taken], value[half][taken] = trial[taken], there[taken]
        if step > 200:
            samples.append(x[:, 0].copy())
    grid = np.linspace(0.0, 60.0, 2001)
    weights = np.exp(-0.5 * scan.chi2(mu_nu=grid))
    mean = float(np.sum(grid * weights) / np.sum(weights))
    assert np.mean(samples) == pytest.approx(mean, rel=0.05)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mass": [1.0]}, "'mass' is not an axis of this scan"),
        ({"eps_ee_uV": ["a"]}, r"eps_ee_uV must be a number or an array of numbers: found \['a'\]"),
        ({"eps_ee_uV": [[1.0], [1.0, 2.0]]}, "eps_ee_uV must be a number or an array of numbers"),
        ({"eps_ee_uV": [np.nan]}, "eps_ee_uV must be finite numbers"),
        ({"eps_ee_uV": [1.0, 2.0], "eps_ee_dV": [1.0, 2.0, 3.0]}, r"found eps_ee_uV \(2,\), eps_ee_dV \(3,\)"),
    ],
)
def test_what_is_no_point(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Scan(parse(SMALL)).chi2(**values)


@pytest.mark.jit_only
def test_axes_that_are_numbers_of_the_file() -> None:
    scan = scan_of(axes={**AXES, "experiments.A.mass_kg": {"min": 50.0, "max": 200.0, "points": 3}})
    masses = np.array([50.0, 120.0, 50.0])
    together = scan.chi2(**{"experiments.A.mass_kg": masses, "eps_ee_uV": np.full(3, 0.1)})
    each = [scan.chi2(**{"experiments.A.mass_kg": mass, "eps_ee_uV": 0.1}) for mass in masses.tolist()]
    assert together == pytest.approx(each, rel=1e-10)
    with pytest.raises(InputError, match=r"a gradient needs one polynomial, and the axis experiments\.A\.mass_kg"):
        scan.gradient(eps_ee_uV=0.1)
