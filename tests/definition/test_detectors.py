"""Real detectors in scan files: what is read of them, and each kind of fault with its line and key."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, expm1
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from scanengine.definition import Definition, parse, read
from scanengine.definition.tables.counts import _falling as falling
from scanengine.errors import DefinitionError
from scanengine.inputs.acceptances import ExponentialDecay, Logistic, PiecewiseLinear
from scanengine.inputs.detectors import Experiment
from scanengine.inputs.quenching import Lindhard, PolynomialQuenching, TabulatedQuenching
from scanengine.inputs.reconstruction import Reconstruction
from scanengine.inputs.resolution import Gamma, Gaussian, Perfect, Poisson
from scanengine.inputs.sources import Spectrum
from scanengine.response.integrals import responses

TEXT = """\
data_from = "example.org has the release."
[sources.sns]
kind = "stopped-pion"
protons_on_target = 1.0e23
neutrinos_per_proton = 0.08
[sources.core]
kind = "reactor"
power_GW = 2.9
fission_fractions = { U235 = 0.55, U238 = 0.07, Pu239 = 0.32, Pu241 = 0.06 }
[[experiments]]
name = "CsI"
source = "sns"
target = "CsI"
mass_kg = 14.6
distance_m = 19.3
channels = { all = ["nu_mu", "nu_e", "nu_mubar"] }
[experiments.response]
quenching = 0.0878
light_yield_PE_per_keVee = 13.348
resolution = { kind = "poisson" }
efficiency = { kind = "logistic", height = 0.67, steepness = 0.5, midpoint = 10.8, threshold = 5.0 }
bins = [6, 10, 20]
[experiments.time]
bins_us = [0.0, 1.0, 2.0, 6.0]
prompt = [0.8, 0.2, 0.0]
delayed = { kind = "gaussian", mean_us = 0.44, width_us = 0.15 }
[[experiments.backgrounds]]
name = "steady"
counts = [[1.0, 2.0, 3.0], [4, 5, 6]]
[[experiments.backgrounds]]
name = "neutrons"
counts = { energy = [1.0, 3.0], time = { kind = "exponential", rate_per_us = 0.5 }, total = 8.0 }
[experiments.data]
counts = [[3, 2, 3], [0, 5, 7]]
[[experiments]]
name = "Ge"
source = "core"
target = "Ge"
mass_kg = 1.0
live_time_yr = 1.0
distance_m = 17.0
channels = { all = ["nu_ebar"] }
[experiments.response]
quenching = { kind = "lindhard", k = 0.157 }
resolution = { kind = "gaussian", a = 0.05, c = 0.01 }
bins = [0.2, 0.5, 1.0]
"""


def scan(*edits: tuple[str, str], files: Mapping[str, str] | None = None, folder: Path | None = None) -> Definition:
    """The file with the first occurrence of each first string replaced by the second, beside some files."""
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    for name, content in (files or {}).items():
        assert folder is not None
        (folder / name).write_text(content)
    return parse(text, directory=folder, require_axes=False)


def csi(*edits: tuple[str, str], files: Mapping[str, str] | None = None, folder: Path | None = None) -> Experiment:
    return scan(*edits, files=files, folder=folder).experiments[0]


def test_response_data_and_backgrounds() -> None:
    experiment = csi()
    made = experiment.reconstruction
    assert isinstance(made, Reconstruction)
    assert isinstance(made.quenching, PolynomialQuenching)
    assert made.quenching.coefficients.tolist() == [0.0, 0.0878]
    assert (made.light_yield, made.units) == (13.348, "PE")
    assert isinstance(made.resolution, Poisson)
    assert made.efficiency == Logistic(0.67, 0.5, 10.8, threshold=5.0) or vars(made.efficiency) == vars(
        Logistic(0.67, 0.5, 10.8, threshold=5.0)
    )
    assert experiment.binning.shape == (2, 3)
    assert experiment.data is not None
    assert experiment.data.tolist() == [3.0, 2.0, 3.0, 0.0, 5.0, 7.0]
    assert list(experiment.backgrounds) == ["steady", "neutrons"]
    assert experiment.backgrounds["steady"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_product_of_factors_has_its_shape_and_total() -> None:
    neutrons = csi().backgrounds["neutrons"].reshape(2, 3)
    assert neutrons.sum() == pytest.approx(8.0)
    assert_allclose(neutrons[1], 3.0 * neutrons[0])
    falling = [1.0 - np.exp(-0.5), np.exp(-0.5) - np.exp(-1.0), np.exp(-1.0) - np.exp(-3.0)]
    assert_allclose(neutrons[0], 2.0 * np.array(falling) / np.sum(falling))


def test_experiments_have_the_sources_that_they_name() -> None:
    loaded = scan()
    sns, core = (experiment.source for experiment in loaded.experiments)
    assert sns is not None and core is not None  # noqa: PT018
    assert (set(sns.spectra), sns.fluence) == ({"nu_mu", "nu_e", "nu_mubar"}, True)
    assert (set(core.spectra), core.fluence) == ({"nu_ebar"}, False)
    assert loaded.source_of(loaded.experiments[1]) is core


def test_fluence_is_that_of_the_protons() -> None:
    sns = csi().source
    assert sns is not None
    at_detector = sns.spectra["nu_mu"].line_fluxes_per_cm2_s[0] * (sns.reference_distance_m / 19.3) ** 2
    assert at_detector == pytest.approx(1.0e23 * 0.08 / (4.0 * np.pi * 1930.0**2), rel=1e-12)


def test_protons_are_as_good_as_a_flux_and_a_live_time() -> None:
    flux = 1.0e23 * 0.08 / (4.0 * np.pi * 2000.0**2) / 1e6
    as_protons = scan()
    as_flux = scan(
        (
            "protons_on_target = 1.0e23\nneutrinos_per_proton = 0.08",
            f"flux_per_cm2_s = {flux!r}\nreference_distance_m = 20",
        ),
        ("mass_kg = 14.6", "live_time_s = 1.0e6\nmass_kg = 14.6"),
    )
    for a, b in zip(responses(as_protons), responses(as_flux), strict=True):
        assert_allclose(a.integrals, b.integrals, rtol=1e-12)


def test_default_source_serves_experiments_that_name_none() -> None:
    loaded = scan(("[sources.sns]", "[source]"), ('source = "sns"\n', ""))
    assert loaded.experiments[0].source is None
    assert loaded.source_of(loaded.experiments[0]) is loaded.source
    assert set(loaded.source.spectra) == {"nu_mu", "nu_e", "nu_mubar"}


OTHERS: dict[str, dict[str, type]] = {
    "quenching = 0.0878": {
        'quenching = { kind = "polynomial", coefficients = [0, 0.1, 1e-4] }': PolynomialQuenching,
        'quenching = { kind = "lindhard", k = 0.157 }': Lindhard,
        'quenching = { kind = "table", recoil_keV = [0, 50], factors = [0.05, 0.1] }': TabulatedQuenching,
    },
    'resolution = { kind = "poisson" }': {
        'resolution = { kind = "none" }': Perfect,
        'resolution = { kind = "gaussian", a = 1.0 }': Gaussian,
        'resolution = { kind = "gamma", shape_per_keVee = 9.56 }': Gamma,
    },
    'efficiency = { kind = "logistic", height = 0.67, steepness = 0.5, midpoint = 10.8, threshold = 5.0 }': {
        "efficiency = 0.5": PiecewiseLinear,
        'efficiency = { kind = "curve", energies = [0, 20], values = [0.1, 0.9] }': PiecewiseLinear,
    },
}


@pytest.mark.parametrize(("old", "new", "kind"), [(o, n, k) for o, each in OTHERS.items() for n, k in each.items()])
def test_other_kinds(old: str, new: str, kind: type) -> None:
    made = csi((old, new)).reconstruction
    assert isinstance(made, Reconstruction)
    assert kind in {type(made.quenching), type(made.resolution), type(made.efficiency)}


def test_time_efficiency_acts_on_pulses_within_bins_and_on_shares_by_their_average() -> None:
    bins = "bins_us = [0.0, 1.0, 2.0, 6.0]"
    plain = csi().timing
    cut = csi((bins, f'{bins}\nefficiency = {{ kind = "exponential", start_us = 1.0, rate_per_us = 0.3 }}')).timing
    assert plain is not None and cut is not None  # noqa: PT018
    assert_allclose(cut.shares["prompt"], [0.8, 0.2 * (1.0 - np.exp(-0.3)) / 0.3, 0.0], rtol=1e-12)
    assert cut.shares["delayed"][0] == pytest.approx(plain.shares["delayed"][0], rel=1e-12)
    assert np.all(cut.shares["delayed"][1:] < plain.shares["delayed"][1:])
    assert ExponentialDecay(1.0, 0.3)(np.array([2.0]))[0] < 1.0


# Files.

HISTOGRAM = "".join(f"{t} {e} {10 * i + j} 9\n" for i, e in enumerate((8, 15)) for j, t in enumerate((0.5, 1.5, 4.0)))
COUNTS = "counts = [[1.0, 2.0, 3.0], [4, 5, 6]]"
FILE = 'counts = { file = "h.txt", columns = ["time_us", "energy", "counts", "ignored"] }'


def test_histogram_is_read_by_the_names_of_its_columns(tmp_path: Path) -> None:
    steady = csi((COUNTS, FILE), files={"h.txt": HISTOGRAM}, folder=tmp_path).backgrounds["steady"]
    assert steady.tolist() == [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]


def test_finer_histograms_add_up_and_rows_outside_are_left_out(tmp_path: Path) -> None:
    finer = HISTOGRAM + "0.6 9 5 0\n7.0 9 100 0\n0.6 25 100 0\n"
    steady = csi((COUNTS, FILE), files={"h.txt": finer}, folder=tmp_path).backgrounds["steady"]
    assert steady.tolist() == [5.0, 1.0, 2.0, 10.0, 11.0, 12.0]


def test_lists_of_events_are_counted(tmp_path: Path) -> None:
    events = "6 0.1\n9.9 0.9\n10 0.1\n19 5\n19 5.9\n20 1\n"
    new = 'counts = { file = "e.txt", columns = ["energy", "time_us"] }'
    data = csi(("counts = [[3, 2, 3], [0, 5, 7]]", new), files={"e.txt": events}, folder=tmp_path).data
    assert data is not None
    assert data.tolist() == [2.0, 0.0, 0.0, 1.0, 0.0, 2.0]


def test_several_files_their_projections_and_a_factor(tmp_path: Path) -> None:
    new = FILE.replace('file = "h.txt"', 'files = ["h.txt", "h.txt"]').replace(
        " }", ", projections = true, factor = 0.5 }"
    )
    steady = csi((COUNTS, new), files={"h.txt": HISTOGRAM}, folder=tmp_path).backgrounds["steady"]
    expected = np.outer([3.0, 33.0], [10.0, 12.0, 14.0]) / 36.0
    assert_allclose(steady.reshape(2, 3), expected, rtol=1e-12)


def test_smeared_rows_go_through_the_response(tmp_path: Path) -> None:
    new = 'counts = { file = "s.txt", columns = ["energy", "time_us", "counts"], smeared = true, energy_shift = 0.5 }'
    experiment = csi((COUNTS, new), files={"s.txt": "11 0.5 2\n3 1.5 1\n40 7 9\n"}, folder=tmp_path)
    steady, made = experiment.backgrounds["steady"].reshape(2, 3), experiment.reconstruction
    assert isinstance(made, Reconstruction)
    from scipy.stats import poisson

    k = np.arange(6, 20)
    seen = 0.67 / (1.0 + np.exp(-0.5 * (k - 10.8)))
    for column, (mean, weight) in enumerate([(11.5, 2.0), (3.5, 1.0)]):
        each = weight * seen * poisson.pmf(k, mean)
        assert_allclose(steady[:, column], [each[:4].sum(), each[4:].sum()], rtol=1e-12)
    assert steady[:, 2].tolist() == [0.0, 0.0]


def test_shares_in_time_from_a_file_are_not_renormalised(tmp_path: Path) -> None:
    new = 'prompt = { file = "t.txt", columns = ["time_us", "counts"] }'
    timing = csi(
        ("prompt = [0.8, 0.2, 0.0]", new), files={"t.txt": "0.5 0.6\n1.5 0.1\n3 0.05\n"}, folder=tmp_path
    ).timing
    assert timing is not None
    assert_allclose(timing.shares["prompt"], [0.6, 0.1, 0.05], rtol=1e-12)


def test_efficiency_of_a_file_by_its_columns(tmp_path: Path) -> None:
    keys = 'mass_kg = 14.6\nefficiency = { file = "f.txt", columns = ["keVee", "recoil_keV", "efficiency"] }'
    efficiency = csi(("mass_kg = 14.6", keys), files={"f.txt": "1 2 0.1\n2 9 0.8\n"}, folder=tmp_path).efficiency
    assert_array_equal(efficiency.T_keV, [2.0, 9.0])
    assert_array_equal(efficiency.values, [0.1, 0.8])


def test_quenching_and_efficiency_curves_of_files(tmp_path: Path) -> None:
    efficiency = 'efficiency = { kind = "logistic", height = 0.67, steepness = 0.5, midpoint = 10.8, threshold = 5.0 }'
    made = csi(
        ("quenching = 0.0878", 'quenching = { kind = "table", file = "q.txt" }'),
        (efficiency, 'efficiency = { kind = "curve", file = "e.txt", threshold = 6.0 }'),
        files={"q.txt": "1 0.05\n50 0.09\n", "e.txt": "5 0.1\n20 0.9\n"},
        folder=tmp_path,
    ).reconstruction
    assert isinstance(made, Reconstruction)
    assert isinstance(made.quenching, TabulatedQuenching)
    assert made.quenching.factors.tolist() == [0.05, 0.09]
    assert made.efficiency(np.array([5.5, 12.5])).tolist() == [0.0, 0.5]


def test_extra_bins_come_between_energy_and_time(tmp_path: Path) -> None:
    columns = 'columns = ["energy", "F90", "time_us", "counts"] }'
    rows = "".join(
        f"{e} {f} {t} {1 + 100 * i + 10 * j + k}\n"
        for i, e in enumerate((8, 15))
        for j, f in enumerate((0.6, 0.8))
        for k, t in enumerate((0.5, 1.5, 4.0))
    )
    template = (
        f'signal_template = {{ file = "x.txt", {columns}\nextra_bins = {{ F90 = [0.5, 0.7, 0.9] }}\nmass_kg = 14.6'
    )
    backgrounds = TEXT[TEXT.index("[[experiments.backgrounds]]") : TEXT.index("[experiments.data]")]
    data = f'counts = {{ file = "x.txt", {columns}'
    experiment = csi(
        ("mass_kg = 14.6", template),
        (backgrounds, ""),
        ("counts = [[3, 2, 3], [0, 5, 7]]", data),
        files={"x.txt": rows},
        folder=tmp_path,
    )
    assert experiment.binning.shape == (2, 2, 3)
    assert experiment.data is not None
    assert experiment.data.tolist() == [1, 2, 3, 11, 12, 13, 101, 102, 103, 111, 112, 113]
    bins = list(experiment.binning)
    assert (bins[4].energy, bins[4].extra, bins[4].time_us) == ((6.0, 10.0), (0.7, 0.9), (1.0, 2.0))


def test_files_in_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "h.txt").write_text(HISTOGRAM)
    text = TEXT.replace(COUNTS, FILE.replace("h.txt", "{data}/release/h.txt"))
    by_option = parse(text, data=tmp_path, require_axes=False)
    monkeypatch.setenv("SCANENGINE_DATA", str(tmp_path))
    (tmp_path / "scan.toml").write_text(text)
    by_variable = read(tmp_path / "scan.toml", require_axes=False)
    for found in (by_option, by_variable):
        assert found.experiments[0].backgrounds["steady"].sum() == 36.0


# Faults.

EFFICIENCY = 'efficiency = { kind = "logistic", height = 0.67, steepness = 0.5, midpoint = 10.8, threshold = 5.0 }'
DATA = "counts = [[3, 2, 3], [0, 5, 7]]"
FAULTS: dict[str, tuple[str, str, str]] = {
    "unknown source": (
        'source = "sns"',
        'source = "sn"',
        'CsI.source: unknown source "sn", the nearest known one is sns',
    ),
    "no source": ('source = "sns"\n', "", "CsI: source is missing: name one of [sources], sns or core"),
    "live time": ("mass_kg = 14.6", "mass_kg = 14.6\nlive_time_s = 1.0", "the source has protons_on_target in all"),
    "no live time": ("live_time_yr = 1.0\n", "", "Ge: live_time_yr is missing: give it, or live_time_s"),
    "flux and protons": (
        "protons_on",
        "flux_per_cm2_s = 1.0\nprotons_on",
        "flux_per_cm2_s: found beside protons_on_target",
    ),
    "no neutrinos": ("neutrinos_per_proton = 0.08\n", "", "sns.neutrinos_per_proton: missing, it must be given"),
    "fuel": ("U235 = 0.55", "U235 = 0.25", "core.fission_fractions: the shares of the fissions add up to 0.7"),
    "unknown fuel": (
        "U235 = 0.55",
        "U236 = 0.55",
        "fission_fractions.U236: unknown key, the nearest known one is U23",
    ),
    "flavour of a reactor": ('["nu_ebar"]', '["nu_e"]', 'found "nu_e", of which the source has no flux'),
    "bins twice": (
        "mass_kg = 14.6",
        "mass_kg = 14.6\nrecoil_bins_keV = [1, 2]",
        "recoil_bins_keV: found beside response",
    ),
    "unknown key": ("light_yield_PE", "light_yeld_PE", "the nearest known one is light_yield_PE_per_keVee"),
    "quenching of no size": (
        "quenching = 0.0878",
        "quenching = 1e-300",
        "CsI.response.quenching: found 1e-300, it must be a positive number",
    ),
    "negative quenching": ("quenching = 0.0878", "quenching = -0.1", "CsI.response.quenching: found -0.1, it must be"),
    "quenching kind": ('kind = "lindhard"', 'kind = "lindhart"', "(the nearest is lindhard)"),
    "quenching below zero": (
        "quenching = 0.0878",
        'quenching = { kind = "polynomial", coefficients = [-0.1, 0.09] }',
        "response.quenching: a recoil of 0 keV of Cs133 would have -0.1 keVee, which must not be negative",
    ),
    "half a table": (
        "0.0878",
        '{ kind = "table", recoil_keV = [1, 2] }',
        "it must have recoil_keV and factors, or a file",
    ),
    "table backwards": (
        "0.0878",
        '{ kind = "table", recoil_keV = [2, 1], factors = [0.1, 0.1] }',
        "element 2: found recoil_keV = 1 after 2",
    ),
    "no width": (", a = 0.05, c = 0.01", "", "Ge.response.resolution: found no a, b or c above zero"),
    "too fine": ("a = 0.05, c = 0.01", "c = 1e-9", 'use kind = "none"'),
    "no photo-electron": (
        "bins = [6, 10, 20]",
        "bins = [6, 9.2, 9.8, 20]",
        "in which there is no whole number of photo",
    ),
    "too many photo-electrons": ("bins = [6, 10, 20]", "bins = [6, 10, 1e9]", "up to 5000 photo-electrons are counted"),
    "edges backwards": (
        "bins = [6, 10, 20]",
        "bins = [6, 20, 10]",
        "response.bins: found 10 after 20, edges must increase",
    ),
    "one edge": ("bins = [6, 10, 20]", "bins = [6]", "response.bins: found [6], it must hold two or more edges"),
    "infinite edge": ("bins = [6, 10, 20]", "bins = [6, inf]", "response.bins: found inf, it must be a finite number"),
    "efficiency above one": ("height = 0.67", "height = 1.67", "must rise to a value in (0, 1]: found 1.67"),
    "no step": ("steepness = 0.5", "steepness = 0", "efficiency.steepness: found 0, a step needs a steepness"),
    "threshold out of reach": (
        "bins = [0.2, 0.5, 1.0]",
        "recoil_threshold_keV = 90.0\nbins = [0.2, 0.5, 1.0]",
        "Ge.response.recoil_threshold_keV: found a threshold of 90 keV, it must lie below",
    ),
    "time edges": (
        "[0.0, 1.0, 2.0, 6.0]",
        "[0.0, 1.0, 1.0, 6.0]",
        "time.bins_us: found 1.0 after 1.0, edges must increase",
    ),
    "reconstructed bin of one rounding": (
        "bins = [6, 10, 20]",
        "bins = [6, 20, 20.000000000000004]",
        "response.bins: found 20.000000000000004 after 20.0, too narrow a bin for double precision",
    ),
    "time bin of one rounding": (
        "[0.0, 1.0, 2.0, 6.0]",
        "[-2.0, -1.9999999999999998, 2.0, 6.0]",
        "time.bins_us: found -1.9999999999999998 after -2.0, too narrow a bin for double precision",
    ),
    "threshold of almost nothing": (
        "bins = [0.2, 0.5, 1.0]",
        "recoil_threshold_keV = 1e-300\nbins = [0.2, 0.5, 1.0]",
        "Ge.response.recoil_threshold_keV: found 1e-300, it must be 0 or lie between",
    ),
    "no shares": ("prompt = [0.8, 0.2, 0.0]\n", "", "CsI.time: prompt is missing: when do the nu_mu arrive?"),
    "too few shares": ("[0.8, 0.2, 0.0]", "[0.8, 0.2]", "time.prompt: found 2 counts, the bins are 3 of time_us"),
    "more than all": (
        "[0.8, 0.2, 0.0]",
        "[0.8, 0.3, 0.0]",
        "time.prompt: the shares add up to 1.1, they must to a number",
    ),
    "shares all zero": ("[0.8, 0.2, 0.0]", "[0.0, 0.0, 0.0]", "time.prompt: the shares add up to 0, they must"),
    "negative share": ("[0.8, 0.2, 0.0]", "[0.8, -0.1, 0.0]", "time.prompt: found -0.1, counts must not be negative"),
    "late pulse": ("mean_us = 0.44", "mean_us = 440.0", "found a pulse outside the bins, 0 to 6 us"),
    "pulse without width": (", width_us = 0.15", "", "time.delayed.width_us: missing, it must be given"),
    "time of a reactor": (
        "bins = [0.2, 0.5, 1.0]",
        "bins = [0.2, 0.5, 1.0]\n[experiments.time]\nbins_us = [0, 1]\nprompt = [1.0]",
        "Ge.time: found bins in time, but nu_ebar is neither of pi+ nor of mu+ decay",
    ),
    "shape of data": (
        DATA,
        "counts = [[3, 2, 3]]",
        "CsI.data.counts: found 1 x 3 counts, the bins are 2 of energy x 3 of",
    ),
    "ragged data": (DATA, "counts = [[3, 2, 3], [1, 2]]", "data.counts: found lists of different lengths"),
    "negative template": (
        "mass_kg = 14.6",
        "mass_kg = 14.6\nsignal_template = [[3, 2, 3], [0, -5, 7]]",
        "signal_template: found -5, counts must not be negative",
    ),
    "words among counts": (
        DATA,
        'counts = [[3, 2, "3"], [0, 5, 7]]',
        'found "3" among the counts, they must be finite',
    ),
    "no counts": (DATA, "", "CsI.data.counts: missing, it must be given"),
    "background of nothing": (
        COUNTS,
        "counts = [[0, 0, 0], [0, 0, 0]]",
        "backgrounds.steady.counts: found zero in every bin",
    ),
    "scaled nothing": ("energy = [1.0, 3.0]", "energy = [0.0, 0.0]", "which cannot be scaled to a total of 8"),
    "total and factor": (
        "total = 8.0",
        "total = 8.0, factor = 2.0",
        "found total beside factor: give only one of them",
    ),
    "two of a name": ('name = "neutrons"', 'name = "steady"', 'backgrounds.steady.name: found "steady" a second time'),
    "nameless": ('name = "neutrons"\n', "", "CsI.backgrounds.number 2.name: missing, it must be given"),
    "two channels": (
        '{ all = ["nu_mu", "nu_e", "nu_mubar"] }',
        '{ a = ["nu_mu"], b = ["nu_e", "nu_mubar"] }',
        "CsI.channels: found 2 channels, with backgrounds and data there must be one",
    ),
    "template in a list": (
        "mass_kg = 14.6",
        "mass_kg = 14.6\nsignal_template = [1, 2]",
        "signal_template: found 2 counts",
    ),
    "empty template": (
        "mass_kg = 14.6",
        "mass_kg = 14.6\nsignal_template = [[0, 0, 0], [0, 0, 0]]",
        "signal_template: found zero in every bin",
    ),
    "extra without a template": (
        "mass_kg = 14.6",
        "mass_kg = 14.6\nextra_bins = { F90 = [0, 1] }",
        "extra_bins: found without signal_template",
    ),
    "file outside": (
        COUNTS,
        FILE.replace("h.txt", "../h.txt"),
        "it must lie in the scan file's directory, or in the data",
    ),
    "absolute file": (COUNTS, FILE.replace("h.txt", "/tmp/h.txt"), "it must lie in the scan file's directory, or"),
    "outside the data": (COUNTS, FILE.replace("h.txt", "{data}/../h.txt"), "it must lie in the scan file's directory"),
    "no data folder": (
        COUNTS,
        FILE.replace("h.txt", "{data}/h.txt"),
        "a data folder, and none is named: name the folder that holds it with --data DIR or the environment variable",
    ),
    "file and files": (COUNTS, FILE.replace("file =", 'files = ["b"], file ='), "there must be either file or files"),
    "smeared without response": (
        COUNTS,
        FILE.replace("energy", "E"),
        'there must be one named "energy", with its bins',
    ),
}
EXTRA_FAULTS_ALLOWED = {"two channels", "template in a list", "extra without a template"}
"""Here a data table no longer fits either."""


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_one_sentence_with_its_line(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCANENGINE_DATA", raising=False)
    old, new, expected = FAULTS[fault]
    with pytest.raises(DefinitionError) as caught:
        scan((old, new))
    faults = [str(each) for each in caught.value.faults]
    assert len(faults) == 1 or fault in EXTRA_FAULTS_ALLOWED, faults
    (found,) = [each for each in faults if expected in each] or [faults[0]]
    assert expected in found
    first = TEXT.count("\n", 0, TEXT.index(old)) + 1
    line = int(found.split(":")[1])
    table = 10 if first >= 10 else 1  # a key that is missing is placed at its table
    assert table <= line <= first + max(old.count("\n"), new.count("\n")) + 8


FILE_FAULTS: dict[str, tuple[str, str, str]] = {
    "missing bins": (
        HISTOGRAM[: HISTOGRAM.index("4.0 15")],
        FILE,
        "found no row for 1 of 6 bins, the first is energy [10, 20]",
    ),
    "nothing inside": (
        HISTOGRAM,
        FILE.replace('"time_us", "energy"', '"energy", "time_us"'),
        "no row lies in the bins",
    ),
    "columns": (HISTOGRAM, FILE.replace(', "ignored"', ""), "h.txt:1: found 4 columns, it must hold 3 numbers"),
    "words": (HISTOGRAM.replace("11 9", "x 9"), FILE, 'h.txt:5: found "x", it must hold 4 numbers'),
    "empty": ("# nothing\n", FILE, "h.txt: found no numbers"),
}


@pytest.mark.parametrize("fault", FILE_FAULTS)
def test_fault_of_a_file(fault: str, tmp_path: Path) -> None:
    content, key, expected = FILE_FAULTS[fault]
    with pytest.raises(DefinitionError) as caught:
        scan((COUNTS, key), files={"h.txt": content}, folder=tmp_path)
    (found,) = caught.value.faults
    assert expected in str(found)
    assert str(found).startswith("scan:29: experiments.CsI.backgrounds.steady.counts: ")


def test_absent_file_of_the_data_folder_says_where_it_is_to_be_had(tmp_path: Path) -> None:
    text = TEXT.replace(COUNTS, FILE.replace("h.txt", "{data}/release/h.txt"))
    with pytest.raises(DefinitionError) as caught:
        parse(text, data=tmp_path, require_axes=False)
    (found,) = caught.value.faults
    assert f"there is no file release/h.txt in the data folder {tmp_path}" in str(found)
    assert "--data DIR or the environment variable SCANENGINE_DATA; example.org has the release" in str(found)


def test_magnetic_moments_need_a_threshold_where_recoils_of_no_energy_are_seen() -> None:
    axes = "[axes]\nmu_nu = { min = 0.0, max = 1.0, points = 11 }\n"
    noisy = TEXT.replace("a = 0.05, c = 0.01", "a = 0.5, c = 0.01")
    with pytest.raises(DefinitionError, match=r"recoils of 0 keV are counted, where the rate of mu_nu_ebar"):
        parse(noisy + axes)
    parse(noisy.replace("bins = [0.2", "recoil_threshold_keV = 0.1\nbins = [0.2") + axes)
    parse(TEXT.replace("a = 0.05, c = 0.01", "b = 0.01") + axes)


def test_direct_evaluation_takes_a_response() -> None:
    found = scan(("[sources.sns]", '[physics]\nevaluation = "direct"\n[sources.sns]'))
    assert found.physics.evaluation == "direct"
    assert any(experiment.reconstruction is not None for experiment in found.experiments)


def test_bins_beyond_every_recoil_are_noted() -> None:
    loaded = scan(("bins = [0.2, 0.5, 1.0]", "bins = [0.2, 0.5, 50.0, 60.0]"))
    assert "experiment Ge: no signal reaches the bin [50, 60] keVee" in loaded.notes


def core(change: tuple[str, str]) -> Spectrum:
    source = scan(change).experiments[1].source
    assert source is not None
    return source.spectra["nu_ebar"]


def test_reactor_that_ends_at_eight_MeV_is_noted() -> None:
    assert [note for note in scan().notes if "8 MeV" in note] == [
        "sources.core: the reactor spectrum ends at 8 MeV, where the parametrisation ends: set above_8_MeV to extend it"
    ]
    loaded = scan(("power_GW = 2.9", 'power_GW = 2.9\nabove_8_MeV = "extrapolated"'))
    assert not [note for note in loaded.notes if "8 MeV" in note]


def test_parts_of_a_reactors_spectrum() -> None:
    E = np.array([1.0, 4.0, 8.5])
    usual = core(("power_GW = 2.9", "power_GW = 2.9")).per_cm2_s_MeV(E)
    assert usual[0] > usual[1] > usual[2] == 0.0
    points = "power_GW = 2.9\nbelow_2_MeV = { E_MeV = [0.0, 2.0], per_fission_MeV = [0.0, 1.3] }"
    assert core(("power_GW = 2.9", points)).per_cm2_s_MeV(E)[0] < 0.5 * usual[0]
    assert core(("power_GW = 2.9", 'power_GW = 2.9\nbelow_2_MeV = "none"')).per_cm2_s_MeV(E)[0] == 0.0
    huber = core(("power_GW = 2.9", 'power_GW = 2.9\nabove_2_MeV = "huber2011"')).per_cm2_s_MeV(E)
    assert huber[0] == usual[0]
    assert 1e-3 < abs(huber[1] / usual[1] - 1.0) < 0.05
    assert core(("power_GW = 2.9", 'power_GW = 2.9\nabove_8_MeV = "extrapolated"')).per_cm2_s_MeV(E)[2] > 0.0


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ('below_2_MeV = "vogel"', 'below_2_MeV: found "vogel", it must be "vogel-engel1989" or "none", or points as {'),
        ("below_2_MeV = 2.0", "below_2_MeV: found 2.0, it must be a table, such as { E_MeV = [0.0, 2.0]"),
        ("below_2_MeV = { E_MeV = [0, 3], per_fission_MeV = [1, 1] }", "below_2_MeV: found 3 MeV, the parametrisation"),
        ("above_8_MeV = { E_MeV = [7, 9], per_fission_MeV = [1, 1] }", "above_8_MeV: found 7 MeV, the parametrisation"),
        ("above_8_MeV = { E_MeV = [8, 9], per_fission_MeV = [1] }", "above_8_MeV: found 2 of E_MeV and 1 of per_"),
        (
            'above_2_MeV = "mueler"',
            'above_2_MeV: found "mueler", it must be "mueller2011", "huber2011" or "vogel-engel1989"',
        ),
    ],
)
def test_faults_of_a_reactors_spectrum(key: str, expected: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        scan(("power_GW = 2.9", f"power_GW = 2.9\n{key}"))
    (fault,) = caught.value.faults
    assert f"sources.core.{expected}" in str(fault)


FORM_FACTORS = 'form_factor = { Cs133 = { kind = "helm", rms_fm = 4.8 }, I127 = "klein-nystrand" }'


def test_form_factors_by_isotope() -> None:
    experiment = csi(("mass_kg = 14.6", f"mass_kg = 14.6\n{FORM_FACTORS}"))
    caesium, iodine = experiment.target.isotopes
    assert (str(caesium), str(iodine)) == ("Cs133", "I127")
    assert experiment.form_factors(caesium)[0].code != experiment.form_factors(iodine)[0].code
    assert experiment.form_factors(iodine)[0].parameters[0] == pytest.approx(1.2 * 127 ** (1.0 / 3.0))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            ', I127 = "klein-nystrand"',
            "",
            "form_factor: found none for I127: give one for each of Cs and I, or their isotopes",
        ),
        ("I127 =", "I128 =", 'form_factor.I128: found "I128", of which the target has none'),
        ("rms_fm = 4.8", "rms_fm = -4.8", "form_factor.Cs133.rms_fm: found -4.8"),
    ],
)
def test_faults_of_form_factors_by_isotope(old: str, new: str, expected: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        scan(("mass_kg = 14.6", f"mass_kg = 14.6\n{FORM_FACTORS.replace(old, new)}"))
    assert expected in str(caught.value)


def test_falling_backgrounds_in_late_bins() -> None:
    edges = np.array([-5.0, 0.0, 60.0, 61.0])
    assert_allclose(falling(0.5, edges), [1 - exp(-2.5), exp(-2.5) - exp(-32.5), exp(-32.5) * -expm1(-0.5)], rtol=1e-12)
    assert_allclose(falling(0.0, edges), [5.0 / 66.0, 60.0 / 66.0, 1.0 / 66.0])
    assert_allclose(falling(1e-20, edges), falling(0.0, edges), rtol=1e-12)
