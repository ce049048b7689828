"""The COHERENT data releases, where the folder that SCANENGINE_DATA names has them: counts that are known."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import scanengine
from scanengine.definition import bundled_scans, parse
from scanengine.inputs.detectors import Experiment
from tests.naive import FloatArray

TIMES = "[-0.1, 0.4, 0.9, 1.4, 1.9, 2.4, 2.9, 3.4, 3.9, 4.4, 4.9]"
PULSE = '{ kind = "gaussian", mean_us = 0.44, width_us = 0.15 }'
IN_TIME = (TIMES, f"{TIMES}\nprompt = {PULSE}\ndelayed = {PULSE}")
"""Arrival times of each flavour in argon, of which the scan file has no need."""
DATA = os.environ.get("SCANENGINE_DATA", "")


def scan(name: str, *edits: tuple[str, str]) -> scanengine.Scan:
    """A scan of one release, with edits of its file; the test is skipped where the release is not there."""
    if not DATA:
        pytest.skip("SCANENGINE_DATA names no folder with the COHERENT data releases")
    if not (Path(DATA) / name).is_dir():
        pytest.skip(f"the folder that SCANENGINE_DATA names has no {name}")
    text = bundled_scans()[f"coherent/{name}"].read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return scanengine.Scan(parse(text, data=DATA, require_axes=False))


def changed(loaded: scanengine.Scan, **fields: object) -> scanengine.Scan:
    (experiment,) = loaded.definition.experiments
    changed_experiment: Experiment = replace(experiment, **fields)  # type: ignore[arg-type]
    return scanengine.Scan(replace(loaded.definition, experiments=(changed_experiment,)))


def counts(loaded: scanengine.Scan) -> dict[str, float]:
    found: dict[str, float] = {}
    for event in loaded.events():
        found[event.flavour] = found.get(event.flavour, 0.0) + event.counts
    return found


def detector(loaded: scanengine.Scan) -> Experiment:
    (experiment,) = loaded.definition.experiments
    return experiment


def data(loaded: scanengine.Scan) -> FloatArray:
    seen = detector(loaded).data
    assert seen is not None
    return seen


# CsI 2017: an independent evaluation with the same form factor gives 154.42 = 30.57 + 0.914785 (80.42 + 54.98).


def test_csi_2017_expects_154_events() -> None:
    loaded = scan("csi2017")
    found = counts(loaded)
    assert sum(found.values()) == pytest.approx(154.42, abs=0.005)
    assert found["nu_mu"] == pytest.approx(30.57, abs=0.005)
    untimed = counts(changed(loaded, timing=None))
    assert untimed["nu_mubar"] == pytest.approx(80.42, abs=0.006)
    assert untimed["nu_e"] == pytest.approx(54.98, abs=0.006)
    assert sum(untimed.values()) == pytest.approx(165.96, abs=0.006)
    timing = detector(loaded).timing
    assert timing is not None
    assert timing.shares["delayed"].sum() == pytest.approx(0.914785, abs=1e-6)  # not renormalised


def test_csi_2017_with_the_earlier_step_of_the_acceptance() -> None:
    assert sum(counts(scan("csi2017", ("10.8507", "10.4512"))).values()) == pytest.approx(162.72, abs=0.006)


def test_csi_2017_data_and_backgrounds() -> None:
    loaded = scan("csi2017")
    assert data(loaded).sum() == 547.0
    backgrounds = detector(loaded).backgrounds
    assert backgrounds["steady"].sum() == pytest.approx(411.23, abs=0.005)
    # 5.27 takes the neutrons of 4 to 36 photo-electrons alone
    assert backgrounds["neutrons"].sum() == pytest.approx(5.27, abs=0.005)
    all_rows = scan("csi2017", ("\nenergy_range = [4, 37]", ""))
    assert detector(all_rows).backgrounds["neutrons"].sum() == pytest.approx(5.338, abs=0.001)


def test_csi_2017_steady_background_is_the_product_of_its_projections() -> None:
    steady = detector(scan("csi2017")).backgrounds["steady"].reshape(12, 12)
    np.testing.assert_allclose(steady, np.outer(steady.sum(1), steady.sum(0)) / steady.sum(), rtol=1e-12)


def test_csi_2017_beam_on_alone() -> None:
    files = (
        'files = ["{data}/csi2017/full_AC_on.dat", "{data}/csi2017/full_AC_off.dat", "{data}/csi2017/full_CO_off.dat"]'
    )
    loaded = scan("csi2017", (files, 'file = "{data}/csi2017/full_AC_on.dat"'), ("\nfactor =", "\n# factor ="))
    assert detector(loaded).backgrounds["steady"].sum() == pytest.approx(405.0, abs=1e-9)


# CsI 2021.


def test_csi_2021_expects_323_of_374_events_in_the_time_window() -> None:
    loaded = scan("csi2021")
    untimed = counts(changed(loaded, timing=None))
    assert sum(untimed.values()) == pytest.approx(373.75, abs=0.01)
    assert untimed == pytest.approx({"nu_mu": 50.415, "nu_mubar": 198.43, "nu_e": 124.91}, rel=5e-5)
    assert sum(counts(loaded).values()) == pytest.approx(323.33, abs=0.01)
    timing = detector(loaded).timing
    assert timing is not None
    assert {name: float(shares.sum()) for name, shares in timing.shares.items()} == pytest.approx(
        {"prompt": 0.99647, "delayed": 0.84462}, abs=1e-5
    )


def test_csi_2021_data_and_backgrounds() -> None:
    loaded = scan("csi2021")
    assert data(loaded).sum() == 1578.0
    assert detector(loaded).backgrounds["steady"].sum() == pytest.approx(1286.0)
    without_efficiency = detector(scan("csi2021", ("time_efficiency = true", "time_efficiency = false")))
    assert without_efficiency.backgrounds["neutrons"].sum() == pytest.approx(18.4, abs=0.05)
    assert without_efficiency.backgrounds["neutrino-induced"].sum() == pytest.approx(5.6, abs=0.05)
    # not accepted, the anticoincidences of the same cuts are 1295
    unscaled = detector(scan("csi2021", ("total = 1286.0", "factor = 1.0")))
    assert unscaled.backgrounds["steady"].sum() > 1295.0 - 1e-9


@pytest.mark.parametrize(
    ("curve", "per_cent"),
    [
        ("[0, 0.0613632, 3.51547e-3, -85.5548e-6, 595.562e-9]", 0.9),
        ("[0, 0.0495624, 5.09815e-3, -137.858e-6, 1085.2e-9]", -0.9),
        ("[0, 0.055413, 3.93597e-3, -93.1045e-6, 630.092e-9]", -3.0),
        ("[0, 0.0555126, 4.67765e-3, -130.309e-6, 1050.68e-9]", 3.0),
    ],
)
def test_csi_2021_quenching_curves_move_the_count(curve: str, per_cent: float) -> None:
    nominal = sum(counts(changed(scan("csi2021"), timing=None)).values())
    varied = scan("csi2021", ("[0, 0.0554628, 4.30681e-3, -111.707e-6, 840.384e-9]", curve))
    change = 100.0 * (sum(counts(changed(varied, timing=None)).values()) / nominal - 1.0)
    assert change == pytest.approx(per_cent, abs=0.1)


# LAr 2020.


def test_lar_2020_expects_138_events_and_123_in_the_time_window() -> None:
    bare = changed(scan("lar2020", IN_TIME), signal_template=None, extra=None)
    untimed = counts(changed(bare, timing=None))
    # the check values take the efficiency at the shown energy, the file's other column: 2e-4 apart
    assert sum(untimed.values()) == pytest.approx(137.63, rel=3e-4)
    assert untimed == pytest.approx({"nu_mu": 30.54, "nu_mubar": 62.94, "nu_e": 44.14}, rel=3e-4)
    assert sum(counts(bare).values()) == pytest.approx(123.4, abs=0.1)


def test_lar_2020_template_is_the_collaborations_prediction() -> None:
    loaded = scan("lar2020", IN_TIME)
    by_bin = np.zeros(12 * 8 * 10)
    for flavour in ("nu_mu", "nu_e", "nu_mubar"):
        by_bin += [event.counts for event in loaded.events() if event.flavour == flavour]
    template = detector(loaded).signal_template
    assert template is not None
    np.testing.assert_allclose(by_bin, template, rtol=1e-10, atol=1e-300)
    assert by_bin.sum() == pytest.approx(128.0, abs=1e-4)


def test_lar_2020_template_has_the_arrival_times_of_the_pulse() -> None:
    loaded = scan("lar2020", IN_TIME)
    template = detector(loaded).signal_template
    assert template is not None
    calculated = np.zeros(10)
    for event in changed(loaded, signal_template=None, extra=None).events():
        assert event.bin.time_us is not None
        calculated[round((event.bin.time_us[0] + 0.1) / 0.5)] += event.counts
    given = template.reshape(12, 8, 10).sum(axis=(0, 1))
    np.testing.assert_allclose(given / given.sum(), calculated / calculated.sum(), atol=0.01)


def test_lar_2020_data_and_backgrounds() -> None:
    loaded = scan("lar2020", IN_TIME)
    assert data(loaded).sum() == 3752.0
    sums = {name: float(each.sum()) for name, each in detector(loaded).backgrounds.items()}
    assert sums == pytest.approx({"prompt-neutrons": 497.0, "delayed-neutrons": 33.0, "steady": 3154.0}, abs=1e-3)


# Germanium 2024: no files are needed.


def test_germanium_2024_expects_33_events() -> None:
    loaded = changed(scanengine.load("coherent/ge2024"), signal_template=None)
    found = counts(loaded)
    total = sum(found.values())
    assert total == pytest.approx(33.3, abs=0.1)
    shares = {flavour: number / total for flavour, number in found.items()}
    assert shares == pytest.approx({"nu_mu": 0.272, "nu_mubar": 0.410, "nu_e": 0.318}, abs=1e-3)
    assert data(loaded).tolist() == [20.6]
