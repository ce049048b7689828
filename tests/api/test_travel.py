"""Scans, results and all that comes of them go to other processes and back, by every pool that there is."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import scanengine
from scanengine import errors
from scanengine.api import Result, Scan
from scanengine.definition import bundled_scans
from scanengine.errors import DefinitionError, Fault, InputError, Interrupted, RunError
from scanengine.grid.axes import FloatArray
from scanengine.store.partial import ForeignScan
from tests.scan_files import NEED_DATA, definition, experiment
from tests.travellers import read, run_in_memory, run_to_file, same

AXES = {"eps_ee_uV": {"min": -1.0, "max": 1.0, "points": 9}, "eps_ee_dV": {"min": -1.0, "max": 1.0, "points": 8}}
COPIES = {
    "pickle": lambda sent: pickle.loads(pickle.dumps(sent)),
    "oldest pickle": lambda sent: pickle.loads(pickle.dumps(sent, protocol=0)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}
each_copy = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)

DETECTOR = {
    "target": "CsI",
    "recoil_window_keV": None,
    "channels": {"all": ["nu_e", "nu_mubar", "nu_mu"]},
    "response": {
        "quenching": {"kind": "polynomial", "coefficients": [0.0, 0.0554, 4.307]},
        "light_yield_PE_per_keVee": 13.35,
        "resolution": {"kind": "gamma", "shape_per_keVee": 9.56},
        "efficiency": {"kind": "logistic", "height": 0.66, "steepness": 0.49, "midpoint": 10.8},
        "bins": [8.0, 20.0, 60.0],
    },
    "backgrounds": [{"name": "neutrons", "counts": [2.0, 1.0]}],
    "data": {"counts": [7.0, 9.0]},
    "statistic": "poisson",
}
FORM_FACTORS: dict[str, Any] = {
    "helm": "helm",
    "radii": {"kind": "helm", "rms_p_fm": 2.9, "rms_n_fm": 3.0},
    "unity": "unity",
    "klein-nystrand": "klein-nystrand",
    "symmetrised-fermi": "symmetrised-fermi",
    "bcs": "bcs",
    "tabulated": {
        "kind": "tabulated",
        "q_invfm": [0.0, 0.5, 1.0, 2.0, 4.0],
        "F_p": [1.0, 0.8, 0.5, 0.1, 0.0],
        "F_n": [1.0, 0.7, 0.4, 0.1, 0.0],
    },
    "by isotope": {"Ne20": "helm", "Ne21": "unity", "Ne22": {"kind": "helm", "rms_fm": 3.0}},
}


def tiny(**keys: Any) -> Scan:
    return Scan(definition([experiment(**keys)], axes=AXES))


@pytest.fixture(scope="module")
def scan() -> Scan:
    return tiny(systematic=0.1)


@pytest.fixture(scope="module")
def result(scan: Scan) -> Result:
    return scan.run()


@pytest.fixture
def stored(scan: Scan, tmp_path: Path) -> Result:
    return scan.run(tmp_path / "out.h5")


def test_two_things_are_the_same_only_if_every_number_is(scan: Scan) -> None:
    assert same(scan.definition, scan.definition)
    assert not same(scan.definition, tiny(systematic=0.2).definition)
    assert not same(tiny(form_factor=FORM_FACTORS["radii"]).definition, tiny(form_factor="helm").definition)


@each_copy
@pytest.mark.parametrize("form_factor", FORM_FACTORS.values(), ids=FORM_FACTORS)
def test_a_scan_of_any_form_factor_is_the_same_after_it(copied: Callable[[Any], Any], form_factor: object) -> None:
    sent = tiny(
        target="Ne" if isinstance(form_factor, dict) and "Ne21" in form_factor else "Ne20", form_factor=form_factor
    )
    arrived = copied(sent)
    assert same(arrived.definition, sent.definition)
    assert arrived.chi2(eps_ee_uV=0.3) == sent.chi2(eps_ee_uV=0.3) > 0.0


@each_copy
def test_a_scan_of_a_real_detector_is_the_same_after_it(copied: Callable[[Any], Any]) -> None:
    sent = tiny(**DETECTOR)
    before = pickle.dumps(sent)
    sent.chi2(eps_ee_uV=0.3)
    sent.problem.evaluator  # noqa: B018
    assert pickle.dumps(sent) == before  # what follows from the definition stays at home
    arrived = copied(sent)
    assert same(arrived.definition, sent.definition)
    assert arrived.chi2(eps_ee_uV=0.3) == sent.chi2(eps_ee_uV=0.3)
    assert same(arrived.fit_at(eps_ee_uV=0.3), sent.fit_at(eps_ee_uV=0.3))


@pytest.mark.parametrize("name", [name for name in bundled_scans() if not name.startswith(NEED_DATA)])
def test_every_bundled_scan_travels(name: str) -> None:
    sent = scanengine.load(name)
    assert same(pickle.loads(pickle.dumps(sent)), sent)
    assert same(copy.deepcopy(sent.definition), sent.definition)


@numba.njit
def constant(E: float, T: float, nucleus: FloatArray, flavour: int, parameters: FloatArray) -> float:
    return float(1.0 + parameters[-1]) * 1e-40


@each_copy
def test_a_cross_section_of_ones_own_travels(copied: Callable[[Any], Any]) -> None:
    sent = Scan(tiny().definition, constant)
    assert copied(sent).chi2(eps_ee_dV=0.5) == sent.chi2(eps_ee_dV=0.5)


@each_copy
def test_all_that_comes_of_a_result_is_the_same_after_it(copied: Callable[[Any], Any], result: Result) -> None:
    arrived = copied(result)
    assert same(arrived.chi2, result.chi2)
    assert same(arrived.definition, result.definition)
    assert repr(arrived) == repr(result)
    for made in (
        result,
        result.axes,
        result.profile("eps_ee_uV"),
        result.slice("eps_ee_uV", at={"eps_ee_dV": 0.0}),
        result.region(cl=0.90),
        result.limits(),
        result.fit,
    ):
        assert same(copied(made), made)


@each_copy
@pytest.mark.jit_only
def test_fits_calibrations_and_counts_are_the_same_after_it(copied: Callable[[Any], Any]) -> None:
    one_axis = Scan(definition([experiment(**DETECTOR)], axes={"mu_nu": {"min": 0.0, "max": 30.0, "points": 7}}))
    for made in (
        one_axis.fit(),
        one_axis.calibrate(0.90, pseudo_experiments=20),
        one_axis.events(),
        one_axis.responses,
    ):
        assert same(copied(made), made)


@each_copy
def test_errors_say_the_same_after_it(copied: Callable[[Any], Any]) -> None:
    faults = [Fault("scan.toml:3: axes", "no axes"), Fault("scan.toml:7: fixed", "nothing")]
    for raised in (
        DefinitionError(faults),
        InputError("wrong"),
        RunError("failed"),
        Interrupted("interrupted"),
        ForeignScan("of another scan"),
    ):
        arrived = copied(raised)
        assert (type(arrived), str(arrived), arrived.args) == (type(raised), str(raised), raised.args)
    assert copied(DefinitionError(faults)).faults == tuple(faults)
    known = {found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, Exception)}
    assert known == {errors.ScanengineError, DefinitionError, InputError, RunError, Interrupted}


def test_a_result_in_a_file_travels_as_its_path(
    stored: Result, result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sent = pickle.dumps(scanengine.open_result("out.h5"))
    assert len(sent) < 400
    monkeypatch.chdir("/")
    arrived = pickle.loads(sent)
    assert arrived.path == stored.path
    assert pickle.dumps(arrived) == sent  # passed on without a look at it
    assert same(arrived.chi2, result.chi2)
    assert same(arrived.region(), result.region())
    assert arrived.definition.text == result.definition.text
    assert pickle.dumps(arrived) == sent
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        arrived.nothing  # noqa: B018


def test_a_file_that_has_gone_or_changed_on_the_way_is_a_sentence(stored: Result, scan: Scan) -> None:
    assert stored.path is not None
    sent = pickle.dumps(stored)
    stored.path.rename(stored.path.with_name("elsewhere.h5"))
    arrived = pickle.loads(sent)  # not yet: what cannot be unpickled breaks the pool
    for look in (lambda: arrived.minimum, arrived.region, lambda: arrived.title, lambda: arrived.has_grid):
        with pytest.raises(
            InputError, match=r"sent from another process as the path of its file: .*out\.h5: there is no"
        ):
            look()
    assert "there is no such file" in repr(arrived)
    assert copy.deepcopy(stored).minimum == stored.minimum  # a copy knows what its original knows
    tiny(systematic=0.2).run(stored.path)
    with pytest.raises(InputError, match=r"out\.h5 has changed: it is not the result that another process had opened"):
        arrived.limits()
    stored.path.unlink()
    stored.path.with_name("elsewhere.h5").rename(stored.path)
    assert same(arrived.limits(), stored.limits())


@contextmanager
def processes(method: str) -> Iterator[Executor]:
    with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
        yield pool


@contextmanager
def dask() -> Iterator[Executor]:
    distributed = pytest.importorskip("distributed")
    local = {"n_workers": 1, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with distributed.LocalCluster(**local) as cluster, distributed.Client(cluster) as client:
        yield client.get_executor(pure=False)


def goes_and_comes_back(call: Callable[..., Any], scan: Scan, result: Result, path: Path) -> None:
    """Send a scan, and have back what came of it there; send a result in memory and one in a file."""
    arrived, region, chi2 = call(run_in_memory, scan)
    assert same((arrived.chi2, region), (result.chi2, result.region(cl=0.90)))
    assert chi2 == scan.chi2(eps_ee_uV=0.3)
    expected = result.region(cl=0.90), result.chi2.tobytes()
    assert same(call(read, arrived), expected)
    in_file = call(run_to_file, scan, path)
    assert in_file.path == path
    assert same(call(read, in_file), expected)
    assert same(read(in_file), expected)


POOLS = [pytest.param(lambda m=method: processes(m), id=method) for method in ("fork", "spawn", "forkserver")]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(os.name == "nt", reason="no fork")
@pytest.mark.parametrize("pool", [*POOLS, pytest.param(dask, id="dask")])
def test_goes_to_a_pool_and_comes_back(pool: Any, scan: Scan, result: Result, tmp_path: Path) -> None:
    with pool() as executor:

        def call(function: Callable[..., Any], *arguments: Any) -> Any:
            return executor.submit(function, *arguments).result()

        goes_and_comes_back(call, scan, result, tmp_path / "there.h5")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_goes_to_joblib_and_comes_back(scan: Scan, result: Result, tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    with joblib.Parallel(n_jobs=2, backend="loky") as parallel:

        def call(function: Callable[..., Any], *arguments: Any) -> Any:
            return parallel([joblib.delayed(function)(*arguments)])[0]

        goes_and_comes_back(call, scan, result, tmp_path / "there.h5")
    joblib.externals.loky.get_reusable_executor().shutdown()


@pytest.mark.jit_only
def test_double_integrals_are_the_same_in_another_process(tmp_path: Path) -> None:
    """There the standard cross-section is another object than here."""
    direct = Scan(definition([experiment()], axes=AXES, physics={"evaluation": "direct"}))
    here = direct.run(tmp_path / "here.h5")
    there = direct.run(tmp_path / "there.h5", executor="processes:1")
    np.testing.assert_array_equal(there.chi2, here.chi2)
