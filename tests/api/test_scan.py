"""The Python interface, as a notebook uses it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import scanengine
from scanengine import api
from scanengine.grid.axes import FloatArray
from tests.scan_files import SMALL

THREE = """\
eps_ee_uV = { min = -1.2, max = 0.8, points = 21 }
eps_ee_dV = { min = -0.8, max = 1.4, points = 23 }
mu_nu = { min = 0.0, max = 30.0, points = 7 }
"""


@pytest.fixture
def scan(tmp_path: Path) -> api.Scan:
    path = tmp_path / "three.toml"
    path.write_text(SMALL[: SMALL.index("[axes]")] + "[axes]\n" + THREE)
    return scanengine.load(path)


@pytest.fixture
def result(scan: api.Scan) -> api.Result:
    return scan.run()


def whole_grid(scan: api.Scan) -> FloatArray:
    points = np.stack(np.meshgrid(*(axis.values for axis in scan.definition.axes), indexing="ij"), axis=-1)
    return scan.likelihood.chi2(scan.definition.parameters.values(points))


def test_the_grid_is_the_likelihood_at_every_point(scan: api.Scan, result: api.Result) -> None:
    direct = whole_grid(scan)
    assert np.max(np.abs(result.chi2 - direct) / (1.0 + direct)) < 1e-10


def test_memory_and_file_give_the_same_result(scan: api.Scan, result: api.Result, tmp_path: Path) -> None:
    stored = scan.run(tmp_path / "out.h5", threads=2)
    assert np.array_equal(stored.chi2, result.chi2)
    assert stored.best_fit == result.best_fit
    assert np.array_equal(stored.profile("mu_nu").chi2, result.profile("mu_nu").chi2)
    assert stored.path == tmp_path / "out.h5"


def test_a_profile_is_the_minimum_over_the_other_axes(result: api.Result) -> None:
    assert np.array_equal(result.profile("mu_nu").chi2, result.chi2.min(axis=(0, 1)))
    plane = result.profile("mu_nu", "eps_ee_uV")
    assert np.array_equal(plane.chi2, result.chi2.min(axis=1).T)
    assert plane.profiled == ("eps_ee_dV",)
    assert plane.minimum == result.chi2.min()


@pytest.mark.parametrize("large", [False, True])
def test_a_slice_holds_an_axis_and_minimises_over_the_rest(
    result: api.Result, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr("scanengine.api.slices.SLICE_POINTS", 10)
    at_five = result.slice("eps_ee_uV", "eps_ee_dV", at={"mu_nu": 5.2})
    assert at_five.fixed == (("mu_nu", 5.0),)
    assert np.array_equal(at_five.chi2, result.chi2[:, :, 1])
    line = result.slice("eps_ee_uV", at={"mu_nu": 0.0})
    assert np.array_equal(line.chi2, result.chi2[:, :, 0].min(axis=1))
    assert line.profiled == ("eps_ee_dV",)
    assert np.array_equal(result.slice("mu_nu", "eps_ee_dV", at={"eps_ee_uV": 0.0}).chi2, result.chi2[12].T)


def test_the_repr_says_what_it_is(scan: api.Scan, result: api.Result) -> None:
    assert repr(scan) == "Scan('Two axes'; experiments: Ne, Xe; axes: eps_ee_uV (21), eps_ee_dV (23), mu_nu (7))"
    assert "eps_ee_uV (21) x eps_ee_dV (23) x mu_nu (7)" in repr(result)
    assert "minimum" in repr(result)


def test_a_region_states_its_level_and_dof(result: api.Result) -> None:
    region = result.region("eps_ee_uV", "eps_ee_dV", cl=0.90)
    assert (region.cl, region.dof) == (0.90, 2)
    assert region.level == pytest.approx(4.605, abs=1e-3)
    for piece in region.pieces:
        assert np.array_equal(piece.outer[0], piece.outer[-1])


def test_to_xarray_has_named_coordinates_with_units(result: api.Result) -> None:
    dataset = result.to_xarray()
    assert dataset["chi2"].dims == ("eps_ee_uV", "eps_ee_dV", "mu_nu")
    assert dataset["mu_nu"].attrs["units"] == "1e-10 mu_B"
    assert np.array_equal(dataset["profile_mu_nu"], result.profile("mu_nu").chi2)
    assert float(dataset["chi2"].min()) == dataset.attrs["minimum"]


def test_exact_profiles_lie_below_the_grids_and_are_kept_in_the_file(scan: api.Scan, tmp_path: Path) -> None:
    exact = scanengine.load(scan.definition.path or "", ["output.profile=exact"]).run(tmp_path / "exact.h5")
    grid = scan.run()
    line = exact.profile("mu_nu")
    assert line.axes[0].values.size == 103
    assert np.all(line.chi2[::17] <= grid.profile("mu_nu").chi2)
    assert exact.minimum <= grid.minimum
    assert exact.minimum == pytest.approx(0.0, abs=1e-12)
    assert exact.best_fit == pytest.approx({"eps_ee_uV": 0.0, "eps_ee_dV": 0.0, "mu_nu": 0.0}, abs=1e-6)
    assert exact.to_xarray()["profile_mu_nu"].dims == ("mu_nu_fine",)
    again = scanengine.open_result(tmp_path / "exact.h5")
    assert np.array_equal(again.profile("eps_ee_uV", "mu_nu").chi2, exact.profile("eps_ee_uV", "mu_nu").chi2)


def test_the_plane_of_a_two_axis_scan_is_its_grid(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(SMALL)
    result = scanengine.load(tmp_path / "two.toml").run(tmp_path / "two.h5")
    assert np.array_equal(result.profile("eps_ee_uV", "eps_ee_dV").chi2, result.chi2)
    assert np.array_equal(result.profile("eps_ee_dV", "eps_ee_uV").chi2, result.chi2.T)


def test_a_plane_too_fine_to_be_drawn_is_thinned_for_the_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "two.toml").write_text(SMALL)
    result = scanengine.load(tmp_path / "two.toml").run(tmp_path / "two.h5")
    monkeypatch.setattr("scanengine.api.numbers.DRAWN_POINTS", 30)
    thin = result.profile("eps_ee_dV", "eps_ee_uV", thin=True)
    assert [axis.name for axis in thin.axes] == ["eps_ee_dV", "eps_ee_uV"]
    assert np.array_equal(thin.axes[0].values, result.axes[1].values[::3])
    assert np.array_equal(thin.chi2, result.chi2.T[::3, ::3])
    assert thin.minimum == result.minimum


def test_the_plane_of_two_axes_is_there_without_a_grid_too(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(SMALL)
    whole = scanengine.load(tmp_path / "two.toml").run().chi2
    scan = scanengine.load(tmp_path / "two.toml", ["output.keep=profiles"])
    for result in (scan.run(), scan.run(tmp_path / "two.h5")):
        assert not result.has_grid
        assert np.array_equal(result.profile("eps_ee_uV", "eps_ee_dV").chi2, whole)
        assert np.array_equal(result.profile("eps_ee_dV", "eps_ee_uV").chi2, whole.T)


@pytest.mark.parametrize("keep", ["grid", "profiles"])
def test_the_exact_plane_of_two_axes_is_refined(tmp_path: Path, keep: str) -> None:
    (tmp_path / "two.toml").write_text(SMALL)
    whole = scanengine.load(tmp_path / "two.toml").run().chi2
    scan = scanengine.load(tmp_path / "two.toml", [f"output.keep={keep}", "output.profile=exact"])
    for result in (scan.run(), scan.run(tmp_path / "two.h5")):
        plane = result.profile("eps_ee_uV", "eps_ee_dV")
        steps = [(fine.values.size - 1) // (n - 1) for fine, n in zip(plane.axes, whole.shape, strict=True)]
        assert all(step > 1 for step in steps)
        assert plane.chi2[:: steps[0], :: steps[1]] == pytest.approx(whole, rel=1e-9, abs=1e-9)
        assert np.array_equal(result.profile("eps_ee_dV", "eps_ee_uV").chi2, plane.chi2.T)


def test_each_experiment_alone_and_their_sum(scan: api.Scan) -> None:
    each = scan.run_each()
    assert list(each) == ["Ne", "Xe"]
    combined = whole_grid(scan)
    alone = whole_grid(scan.only("Ne")) + whole_grid(scan.only("Xe"))
    assert np.allclose(alone, combined, rtol=1e-12)
    assert each["Ne"].minimum <= combined.min() + 1e-12


def test_the_definition_is_read_back_from_the_result(scan: api.Scan, tmp_path: Path) -> None:
    overridden = scanengine.load(scan.definition.path or "", ["experiments.Ne.mass_kg=7"])
    stored = overridden.run(tmp_path / "out.h5")
    assert stored.definition.experiments[0].mass_kg == 7.0
    assert stored.definition.text == (scan.definition.path or Path()).read_text()


def test_chi2_and_events_take_axis_values(scan: api.Scan) -> None:
    assert scan.chi2() == pytest.approx(0.0, abs=1e-12)
    assert scan.chi2(mu_nu=10.0) > 0.1
    more = sum(record.counts for record in scan.events(mu_nu=10.0))
    assert more > sum(record.counts for record in scan.events())


@pytest.mark.parametrize(
    ("wrong", "fragment"),
    [
        (lambda scan, result: scan.chi2(mu=1.0), "'mu' is not an axis"),
        (lambda scan, result: scan.only("Ar"), "Ne, Xe"),
        (lambda scan, result: result.profile("mu"), "'mu' is not an axis"),
        (lambda scan, result: result.profile(), "one axis or two"),
        (lambda scan, result: result.profile("mu_nu", "mu_nu"), "two different"),
        (lambda scan, result: result.slice("mu_nu", at={"mu_nu": 1.0}), "is one of the axes shown"),
        (lambda scan, result: result.slice("mu_nu", at={"eps_ee_uV": 3.0}), "outside its axis"),
        (lambda scan, result: result.region(), "needs two axes"),
        (lambda scan, result: result.region("mu_nu", "eps_ee_uV", cl=90.0), "90"),
        (lambda scan, result: result.plot(at={"mu_nu": 1.0}), "corner"),
        (lambda scan, result: scan.run(threads=-1), "thread"),
    ],
)
def test_a_wrong_call_is_an_input_error_that_says_what_would_do(
    scan: api.Scan, result: api.Result, wrong: object, fragment: str
) -> None:
    with pytest.raises(scanengine.InputError, match=fragment):
        wrong(scan, result)  # type: ignore[operator]


def test_a_grid_too_large_for_memory_asks_for_a_file(scan: api.Scan) -> None:
    with pytest.raises(
        scanengine.InputError,
        match=r"take .* of memory, but only 40\.0 kB are allowed \(--memory\): name an output file",
    ):
        scan.run(memory_bytes=40_000)
    with pytest.raises(scanengine.InputError, match="fewer points or threads"):
        scan.run("out.h5", memory_bytes=5_000)


def test_an_estimate_knows_the_grid(scan: api.Scan) -> None:
    estimate = scan.estimate(threads=1)
    assert estimate.points == 21 * 23 * 7
    assert estimate.grid_bytes == 8 * 21 * 23 * 7
    assert 0 < estimate.file_bytes < 2 * estimate.grid_bytes
    assert estimate.seconds > 0.0


@pytest.mark.jit_only
def test_direct_evaluation_agrees_with_the_polynomial(scan: api.Scan) -> None:
    coarse = ["axes.eps_ee_uV.points=3", "axes.eps_ee_dV.points=3", "axes.mu_nu.points=3"]
    path = scan.definition.path or ""
    polynomial = scanengine.load(path, coarse).run()
    direct = scanengine.load(path, [*coarse, "physics.evaluation=direct"]).run()
    assert np.max(np.abs(direct.chi2 - polynomial.chi2) / (1.0 + polynomial.chi2)) < 1e-10


@pytest.mark.jit_only
def test_a_cross_section_of_ones_own_is_used_everywhere_or_refused(scan: api.Scan, tmp_path: Path) -> None:
    import numba

    @numba.njit
    def halved(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
        """A constant: counts in proportion to the axis."""
        return float(parameters[-1]) * 1e-40

    path = scan.definition.path or ""
    axes = "axes={ scale = { min = 1.0, max = 3.0, points = 3 } }"
    own = scanengine.load(path, axes, cross_section=halved)
    result = own.run(tmp_path / "own.h5")
    assert own.chi2(scale=3.0) == pytest.approx(result.chi2[2], rel=1e-12)
    assert result.chi2[2] != pytest.approx(result.chi2[0])
    events = {each.experiment: each.counts for each in own.events(scale=3.0)}
    assert own.counts(scale=3.0).sum() == pytest.approx(sum(each.counts for each in own.events(scale=3.0)), rel=1e-12)
    assert {each.experiment: each.counts for each in own.events(scale=1.0)} == pytest.approx(
        {name: n / 3.0 for name, n in events.items()}, rel=1e-12
    )
    with pytest.raises(scanengine.InputError, match="user-supplied cross-section, halved"):
        result.definition  # noqa: B018
    with pytest.raises(scanengine.InputError, match=r"must be used in \[tied\]"):
        scanengine.load(path, axes)
    exact = scanengine.load(path, [axes, "output.profile=exact"], cross_section=halved)
    with pytest.raises(scanengine.InputError, match="needs the polynomial"):
        exact.run(tmp_path / "exact.h5")
    assert not list(tmp_path.glob("exact*"))


def test_a_single_override_and_a_single_level_need_no_list(scan: api.Scan) -> None:
    one = scanengine.load(scan.definition.path or "", "axes.mu_nu.points=3")
    assert one.definition.axes[2].values.size == 3
    assert [interval.cl for interval in one.run().limits(cl=0.90)] == [0.90] * 3


def test_cross_section_is_given_per_keV_at_the_scan_s_couplings(scan: api.Scan) -> None:
    """Without a form factor to speak of: the weak one goes as the square of the charge, the magnetic one as 1/T."""
    T_keV = np.array([1e-3, 1e-2, 94.0, 97.0])
    weak = scan.cross_section_cm2_per_keV("Ne", "nu_e", 30.0, T_keV)
    assert weak[0] == pytest.approx(6.714e-42, rel=1e-3)
    assert weak[2] > 0.0 == weak[3]
    coupled = scan.cross_section_cm2_per_keV("Ne", "nu_e", 30.0, T_keV, eps_ee_uV=0.1)
    assert coupled[:3] / weak[:3] == pytest.approx((1.0 - 30 * 0.1 / 4.624) ** 2, rel=1e-9)
    magnetic = scan.cross_section_cm2_per_keV("Ne", "nu_e", 30.0, T_keV, mu_nu=5.0) - weak
    assert magnetic[0] / magnetic[1] == pytest.approx(10.0, rel=1e-3)


@pytest.mark.parametrize(
    ("experiment", "flavour", "E_MeV", "T_keV", "words"),
    [
        ("Ar", "nu_e", 30.0, 1.0, "there is no experiment 'Ar': Ne, Xe are there"),
        ("Ne", "nu_x", 30.0, 1.0, "there is no flavour 'nu_x': nu_e, "),
        ("Ne", "nu_e", 30.0, 0.0, "energies above zero: found 0"),
        ("Ne", "nu_e", -1.0, 1.0, "energies above zero: found -1"),
    ],
)
def test_cross_section_of_nothing_is_an_error(
    scan: api.Scan, experiment: str, flavour: str, E_MeV: float, T_keV: float, words: str
) -> None:
    with pytest.raises(scanengine.InputError, match=words):
        scan.cross_section_cm2_per_keV(experiment, flavour, E_MeV, np.array([T_keV]))
