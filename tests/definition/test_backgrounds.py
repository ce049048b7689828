"""Backgrounds with a spectrum in scan files: counts by hand, thresholds, dotted keys, and faults in a sentence."""

from __future__ import annotations

from math import exp, log, pi, sqrt

import pytest
from numpy.testing import assert_allclose

from scanengine.definition import Definition, parse
from scanengine.errors import DefinitionError
from scanengine.inputs.nuisances import FREE_WIDTH
from tests.scan_files import SOURCE_TEXT

KG_DAY = 12.0 * 365.25
REAL = """\
[experiments.response]
quenching = 0.2
bins = [1.0, 2.0, 4.0]
"""
TEXT = f"""\
{SOURCE_TEXT}
[[experiments]]
name = "A"
target = "Na23"
mass_kg = 12.0
live_time_yr = 1.0
distance_m = 20.0
channels = {{ all = ["nu_e"] }}
{REAL}
[[experiments.backgrounds]]
name = "b"
spectrum = "constant"
per_kg_day_keV = 5.0
"""
SPECTRUM = 'spectrum = "constant"\nper_kg_day_keV = 5.0'


def read(spectrum: str = SPECTRUM, detector: str = REAL, *overrides: str) -> Definition:
    return parse(TEXT.replace(SPECTRUM, spectrum).replace(REAL, detector), overrides=overrides, require_axes=False)


def counts(spectrum: str = SPECTRUM, detector: str = REAL, *overrides: str) -> list[float]:
    found: list[float] = read(spectrum, detector, *overrides).experiments[0].backgrounds["b"].tolist()
    return found


def fault(spectrum: str = SPECTRUM, detector: str = REAL, *overrides: str) -> str:
    with pytest.raises(DefinitionError) as caught:
        read(spectrum, detector, *overrides)
    (found,) = caught.value.faults
    return str(found)


@pytest.mark.parametrize(
    ("spectrum", "expected"),
    [
        (SPECTRUM, [5.0, 10.0]),
        (
            'spectrum = "exponential"\nslope_keV = 2.0\nper_kg_day_keV = 5.0',
            [10.0 * (exp(-0.5) - exp(-1.0)), 10.0 * (exp(-1.0) - exp(-2.0))],
        ),
        (
            'spectrum = "exponential"\nslope_keV = 2.0\nat_keV = 1.0\nper_kg_day_keV = 5.0',
            [10.0 * (1.0 - exp(-0.5)), 10.0 * (exp(-0.5) - exp(-1.5))],
        ),
        ('spectrum = "power"\nindex = -1\nper_kg_day_keV = 5.0', [5.0 * log(2.0)] * 2),
        ('spectrum = "power"\nindex = -2\nat_keV = 2\nper_kg_day_keV = 5.0', [10.0, 5.0]),
    ],
)
def test_counts_are_the_rate_times_mass_and_live_time(spectrum: str, expected: list[float]) -> None:
    assert_allclose(counts(spectrum), [KG_DAY * each for each in expected], rtol=1e-13)


def test_line_has_a_rate_as_a_whole_or_in_its_middle() -> None:
    line = 'spectrum = "line"\nenergy_keV = 2.0\nwidth_keV = 0.1\n'
    assert_allclose(counts(f"{line}per_kg_day = 3.0"), [1.5 * KG_DAY] * 2, rtol=1e-13)
    in_middle = 3.0 / (0.1 * sqrt(2.0 * pi))
    assert_allclose(counts(f"{line}per_kg_day_keV = {in_middle}"), [1.5 * KG_DAY] * 2, rtol=1e-13)


def test_counts_in_all_bins_take_the_place_of_a_rate() -> None:
    assert_allclose(counts('spectrum = "constant"\ncounts = 60'), [20.0, 40.0])


def test_ideal_detectors_have_spectra_in_recoil_energy() -> None:
    assert_allclose(counts(SPECTRUM, "recoil_bins_keV = [10, 20, 25]\n"), [50.0 * KG_DAY, 25.0 * KG_DAY])
    falling = 'spectrum = "exponential"\nslope_keV = 2.0\nper_kg_day_keV = 5.0'
    assert_allclose(counts(falling, "recoil_window_keV = [10, inf]\n"), [10.0 * exp(-5.0) * KG_DAY])


def test_bins_in_photo_electrons_are_those_of_their_energies() -> None:
    light = REAL.replace("bins", "light_yield_PE_per_keVee = 10.0\nbins").replace("[1.0, 2.0, 4.0]", "[10, 20, 40]")
    assert_allclose(counts(SPECTRUM, light), counts(), rtol=1e-13)


def test_time_is_flat() -> None:
    in_time = f"{REAL}[experiments.time]\nbins_us = [0, 1, 4]\ndelayed = [0.5, 0.5]\n"
    assert_allclose(counts(SPECTRUM, in_time), [KG_DAY * each for each in (1.25, 3.75, 2.5, 7.5)], rtol=1e-13)


def test_exposure_and_parameters_are_keys_for_set_at_and_axes() -> None:
    power = 'spectrum = "power"\nindex = -1\nper_kg_day_keV = 5.0'
    key = "experiments.A.backgrounds.b.index"
    assert_allclose(counts(SPECTRUM, REAL, "experiments.A.mass_kg=24"), [10.0 * KG_DAY, 20.0 * KG_DAY])
    assert_allclose(counts(SPECTRUM, REAL, "experiments.A.live_time_s=86400"), [60.0, 120.0])
    flat = [5.0 * KG_DAY, 10.0 * KG_DAY]
    assert_allclose(counts(power, REAL, f"{key}=0"), flat)
    assert_allclose(read(power).at({key: 0}).experiments[0].backgrounds["b"], flat)
    scan = read(power, REAL, f'axes={{"{key}" = {{ values = [-2, 0] }}}}')
    assert_allclose(scan.inside({key: 0.0}).experiments[0].backgrounds["b"], flat)
    assert 'no background "c", the file has b' in fault(power, REAL, "experiments.A.backgrounds.c.index=0")
    assert "this names a whole background" in fault(power, REAL, "experiments.A.backgrounds.b=0")


def test_bins_begin_at_a_threshold() -> None:
    threshold = "experiments.A.response.threshold_keVee"
    scan = read(SPECTRUM, REAL, f"{threshold}=1.5")
    assert scan.experiments[0].binning.energy_edges.tolist() == [1.5, 2.0, 4.0]
    assert_allclose(scan.experiments[0].backgrounds["b"], [2.5 * KG_DAY, 10.0 * KG_DAY])
    assert_allclose(scan.at({threshold: 2.5}).experiments[0].backgrounds["b"], [7.5 * KG_DAY])
    axis = read(SPECTRUM, REAL, f'axes={{"{threshold}" = {{ values = [1.0, 3.0] }}}}')
    assert axis.inside({threshold: 3.0}).experiments[0].binning.energy_edges.tolist() == [3.0, 4.0]
    assert axis.axes[0].units == "keVee"
    assert "found 5 keVee, at or above the last edge of bins, 4" in fault(SPECTRUM, REAL, f"{threshold}=5")
    assert "found 0.5 keVee, below the first edge of bins, 1" in fault(SPECTRUM, REAL, f"{threshold}=0.5")


def test_a_threshold_is_in_photo_electrons_where_these_are_counted() -> None:
    light = REAL.replace("bins", "light_yield_PE_per_keVee = 0.7\nthreshold_keVee = 3.0\nbins")
    experiment = read(SPECTRUM, light.replace("[1.0, 2.0, 4.0]", "[0.7, 2.1, 2.8]")).experiments[0]
    assert experiment.binning.energy_edges.tolist() == [2.1, 2.8]  # 0.7 * 3.0 is not 2.1 in double precision


def test_counts_in_lists_are_those_of_all_bins_above_or_below_a_threshold() -> None:
    listed = "counts = [7.0, 8.0]"
    assert counts(listed, REAL, "experiments.A.response.threshold_keVee=2.0") == [8.0]
    divided = fault(listed, REAL, "experiments.A.response.threshold_keVee=3.0")
    assert "the threshold of 3 keVee divides the bin [2, 4], whose counts in a list cannot be divided" in divided


@pytest.mark.parametrize(
    ("spectrum", "words"),
    [
        ('spectrum = "linear"\ncounts = 3', 'b.spectrum: found "linear", it must be'),
        ('spectrum = "constant"', "found no rate, give per_kg_day_keV or counts"),
        ('spectrum = "constant"\ncounts = 3\nper_kg_day_keV = 2', "found per_kg_day_keV and counts, give only one of"),
        (
            'spectrum = "constant"\nper_kg_day = 2',
            'b.per_kg_day: found with spectrum = "constant", it belongs to "line"',
        ),
        ('spectrum = "constant"\ncounts = [1, 2]', "with a spectrum it must be a positive number"),
        ('spectrum = "exponential"\ncounts = 3', 'slope_keV: missing, it must be given with spectrum = "exponential"'),
        ('spectrum = "exponential"\ncounts = 3\nslope_keV = 0', "found slope_keV = 0"),
        ('spectrum = "power"\nindex = -1\nat_keV = 0\ncounts = 3', "found at_keV = 0, where a power law has no rate"),
        ('spectrum = "line"\nenergy_keV = 900\nwidth_keV = 1\ncounts = 3', "no finite and positive count in the bins"),
        ("slope_keV = 2.0\ncounts = [1, 2]", "b.slope_keV: found without spectrum: give it"),
        ("", "counts is missing: give the counts in each bin, or a spectrum with per_kg_day_keV"),
    ],
)
def test_fault_is_one_sentence(spectrum: str, words: str) -> None:
    assert words in fault(spectrum)


def test_a_source_of_protons_needs_counts() -> None:
    protons = 'kind = "stopped-pion"\nprotons_on_target = 1e23\nneutrinos_per_proton = 0.08\n'
    text = TEXT.replace(SOURCE_TEXT, f"[source]\n{protons}").replace("live_time_yr = 1.0\n", "")
    with pytest.raises(DefinitionError, match="and the experiment no live time: give counts instead"):
        parse(text, require_axes=False)


def test_a_factor_without_a_width_is_free() -> None:
    free = read(f'{SPECTRUM}\n[[nuisances]]\nname = "b"\nbackground = ["A.b"]').nuisances[0]
    assert free.free
    assert free.width == FREE_WIDTH
    nuisance = f'{SPECTRUM}\n[[nuisances]]\nname = "b"\nbackground = ["A.b"]\n'
    shaped = f'{nuisance}shape = [{{ experiment = "A", background = "b", plus = [1, 1] }}]'
    assert "width is missing, it must be given with background" in fault(shaped)
    correlated = f'{nuisance}[[nuisances]]\nname = "s"\nwidth = 0.1\nsignal = "all"\n'
    with pytest.raises(DefinitionError, match='"b" has no width: only what is known of a nuisance can be correlated'):
        read(correlated, REAL, 'correlations=[["b", "s", 0.5]]')


FALLING = 'spectrum = "exponential"\nslope_keV = 2.0\nper_kg_day_keV = 5.0\n[[nuisances]]\nname = "slope"\n'


def test_a_parameter_of_a_spectrum_is_known_to_a_width() -> None:
    """Counts at one standard deviation to either side are those of the spectrum there."""
    nuisance = read(f'{FALLING}width = [0.3, 0.5]\nparameter = "A.b.slope_keV"').nuisances[0]
    (shape,) = nuisance.shapes
    assert (shape.experiment, shape.background, shape.normalised) == ("A", "b", False)
    assert shape.minus is not None
    for found, slope in ((shape.plus, 2.5), (shape.minus, 1.7)):
        assert_allclose(
            found, counts(f'spectrum = "exponential"\nslope_keV = {slope}\nper_kg_day_keV = 5.0'), rtol=1e-13
        )
    assert (nuisance.width, nuisance.width_below) == (0.5, 0.3)


@pytest.mark.parametrize(
    ("nuisance", "words"),
    [
        (
            'width = 0.1\nparameter = "A.b.slop_keV"',
            'unknown parameter "slop_keV" of "b", the nearest known one is',
        ),
        ('width = 0.1\nparameter = "A.c.slope_keV"', 'found "A.c.slope_keV", it must be a parameter of a background'),
        ('parameter = "A.b.slope_keV"', "width is missing, it must be given with parameter"),
        (
            'width = 2.0\nparameter = "A.b.slope_keV"',
            "width: at one standard deviation, slope_keV would change its sign",
        ),
    ],
)
def test_fault_of_the_parameter_of_a_nuisance(nuisance: str, words: str) -> None:
    assert words in fault(FALLING + nuisance)


@pytest.mark.parametrize(
    "nuisance",
    [f'{SPECTRUM}\n[[nuisances]]\nname = "n"\nbackground = ["A.b"]', f'{FALLING}parameter = "A.b.slope_keV"'],
)
def test_a_fault_of_the_bins_is_the_only_one(nuisance: str) -> None:
    """What a nuisance says of backgrounds that could not be read is no fault of its own."""
    assert "response.efficiency" in fault(f"{nuisance}\nwidth = 0.1", REAL, "experiments.A.response.efficiency=2.0")
