"""Statistics and nuisances of scan files: what they mean, and a sentence for all that can be wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scanengine.definition import parse
from scanengine.errors import DefinitionError
from scanengine.inputs.quenching import PolynomialQuenching
from scanengine.inputs.reconstruction import Reconstruction
from tests.scan_files import SOURCE_TEXT

DETECTORS_AND_NUISANCES = """\
[[experiments]]
name = "Ne"
target = "Ne20"
mass_kg = 100.0
live_time_yr = 1.0
distance_m = 20.0
recoil_bins_keV = [10.0, 20.0, 30.0]
channels = { all = ["nu_e", "nu_mu"] }
backgrounds = [{ name = "flat", counts = [3.0, 3.0] }, { name = "steep", counts = [5.0, 1.0] }]
statistic = "poisson"
[[experiments]]
name = "CsI"
target = "CsI"
mass_kg = 14.6
live_time_yr = 1.0
distance_m = 19.3
channels = { all = ["nu_e", "nu_mu"] }
[experiments.response]
quenching = 0.09
light_yield_PE_per_keVee = 13.0
resolution = { kind = "poisson" }
bins = [6, 10, 20]
[[experiments]]
name = "split"
target = "Ar40"
mass_kg = 10.0
live_time_yr = 1.0
distance_m = 20.0
recoil_bins_keV = [10.0, 20.0, 30.0]
channels = { delayed = ["nu_e"], prompt = ["nu_mu"] }
[[nuisances]]
name = "flux"
width = 0.1
signal = "all"
background = ["Ne.flat"]
[[nuisances]]
name = "shape"
shape = [{ experiment = "Ne", background = "steep", plus = [4.0, 2.0], minus = [5.5, 0.5] }]
pull = "gaussian"
[[nuisances]]
name = "response"
quenching = { CsI = 0.01 }
[axes]
eps_ee_uV = { min = -1.0, max = 1.0, points = 31 }
"""
TEXT = SOURCE_TEXT + DETECTORS_AND_NUISANCES


def edited(*edits: tuple[str, str]) -> str:
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def faults(text: str, *overrides: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        parse(text, overrides=overrides)
    return [str(fault) for fault in caught.value.faults]


def test_nuisances_are_what_the_file_says() -> None:
    scan = parse(TEXT)
    flux, shape, response = scan.nuisances
    assert (flux.name, flux.width, flux.pull) == ("flux", 0.1, "gaussian")
    assert flux.signals == ("Ne", "CsI", "split")
    assert flux.backgrounds == (("Ne", "flat"),)
    assert (shape.width, shape.signals, shape.backgrounds) == (1.0, (), ())
    (steep,) = shape.shapes
    assert (steep.experiment, steep.background, steep.normalised) == ("Ne", "steep", True)
    assert steep.plus.tolist() == [4.0, 2.0]
    assert steep.minus is not None
    assert steep.minus.tolist() == [5.5, 0.5]
    (varied,) = response.responses
    for experiment, factor in ((varied.plus, 0.10), (varied.minus, 0.08)):
        assert isinstance(experiment.reconstruction, Reconstruction)
        quenching = experiment.reconstruction.quenching
        assert isinstance(quenching, PolynomialQuenching)
        np.testing.assert_allclose(quenching.coefficients, [0.0, factor])
    assert (flux.touches_signal, shape.touches_signal, response.touches_signal) == (True, False, True)
    assert (flux.is_linear, shape.is_linear, response.is_linear) == (True, False, False)


def test_statistic_of_an_experiment_takes_the_place_of_that_of_all() -> None:
    scan = parse(TEXT)
    assert [scan.statistic_of(name).kind for name in ("Ne", "CsI", "split")] == ["poisson", "gaussian", "gaussian"]
    text = edited(('"poisson"\n[[exp', '{ kind = "gaussian", sigma_above = [7.1, 7.0], sigma_below = 6.3 }\n[[exp'))
    statistic = parse(text).statistic_of("Ne")
    assert statistic.sigma_above is not None
    assert statistic.sigma_below is not None
    assert statistic.sigma_above.tolist() == [7.1, 7.0]
    assert statistic.sigma_below.tolist() == [6.3, 6.3]


def test_covariance_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "cov.txt").write_text("# of two bins\n4.0 1.0\n1.0 2.0\n", encoding="utf-8")
    text = edited(('statistic = "poisson"', 'statistic = { covariance = { file = "cov.txt" } }'))
    covariance = parse(text, directory=tmp_path).statistic_of("Ne").covariance
    assert covariance is not None
    assert covariance.tolist() == [[4.0, 1.0], [1.0, 2.0]]


SIGNAL = 'signal = "all"'
STATISTIC = 'statistic = "poisson"'


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("width = 0.1", "width = 0.0", 37, "nuisances.flux.width: found 0.0, it must be a positive number"),
        ("width = 0.1", "width = -0.1", 37, "nuisances.flux.width: found -0.1, it must be a positive number"),
        ('pull = "gaussian"', 'pull = "log"', 40, "nuisances.shape: width is missing, it must be given with pull"),
        (
            "quenching = { CsI = 0.01 }\n",
            "",
            44,
            "nuisances.response: it has no effect: give signal, background, shape,",
        ),
        (
            SIGNAL,
            'signal = ["Nee"]',
            38,
            'nuisances.flux.signal: unknown experiment "Nee", the nearest known one is Ne',
        ),
        (SIGNAL, 'signal = ["Ne", "Ne"]', 38, 'nuisances.flux.signal: found "Ne" twice'),
        (
            SIGNAL,
            "signal = []",
            38,
            'nuisances.flux.signal: found [], it must be a list of names, such as ["CsI2017"], or "all"',
        ),
        (SIGNAL, "signal = [3]", 38, "nuisances.flux.signal: found 3, it must be a name"),
        (
            '["Ne.flat"]',
            '["Ne.flet"]',
            39,
            'nuisances.flux.background: unknown background "Ne.flet", the nearest known',
        ),
        (
            '["Ne.flat"]',
            '["flat"]',
            39,
            'nuisances.flux.background: unknown background "flat", the nearest known one is',
        ),
        ('name = "shape"', 'name = "flux"', 41, 'nuisances.flux.name: found "flux" a second time, each nuisance needs'),
        (
            '"steep", plus',
            '"step", plus',
            42,
            'nuisances.shape.shape.background: unknown background "step", the nearest',
        ),
        (
            'experiment = "Ne"',
            'experiment = "Xe"',
            42,
            'nuisances.shape.shape.experiment: unknown experiment "Xe", the',
        ),
        ('background = "steep", ', "", 42, "nuisances.shape.shape: background is missing: give it, or signal"),
        (
            "plus = [4.0, 2.0]",
            "plus = [4.0]",
            42,
            "nuisances.shape.shape.plus: found 1 counts, the bins are 2 of energy",
        ),
        (
            "plus = [4.0, 2.0]",
            "plus = [4.0, true]",
            42,
            "nuisances.shape.shape.plus: found true among the counts, they must be finite numbers",
        ),
        (
            "plus = [4.0, 2.0]",
            "plus = [0.0, 0.0]",
            42,
            "nuisances.shape.shape.plus: found zero in every bin, there must be",
        ),
        (
            "{ CsI = 0.01 }",
            "{ CsI = 0.1 }",
            46,
            "nuisances.response.quenching.CsI: found 0.1, it must be below the quenching",
        ),
        (
            "{ CsI = 0.01 }",
            "{ CsI = 0 }",
            46,
            "nuisances.response.quenching.CsI: found 0, it must be a positive number, or",
        ),
        (
            "{ CsI = 0.01 }",
            "{ Ne = 0.01 }",
            46,
            "nuisances.response.quenching.Ne: Ne has no [experiments.response] to vary",
        ),
        (STATISTIC, 'statistic = "poison"', 14, 'experiments.Ne.statistic: found "poison", it must be "gaussian"'),
        (STATISTIC, "statistic = { variance = [1.0] }", 14, "experiments.Ne.statistic.variance: found 1 counts, the"),
        (
            STATISTIC,
            "statistic = { variance = [1.0, 0.0] }",
            14,
            "experiments.Ne.statistic.variance: found 0 in bin 2: the covariance would be singular",
        ),
        (
            STATISTIC,
            "statistic = { covariance = [[1.0, 2.0], [2.0, 4.0]] }",
            14,
            "experiments.Ne.statistic.covariance: it is singular: the correlations have an eigenvalue of",
        ),
        (
            STATISTIC,
            "statistic = { covariance = [[1.0, 2.0], [1.0, 9.0]] }",
            14,
            "experiments.Ne.statistic.covariance: found 2 of bins 1 and 2 but 1 of bins 2 and 1, it must be symmetric",
        ),
        (
            STATISTIC,
            "statistic = { covariance = [[1.0, 0.0]] }",
            14,
            "experiments.Ne.statistic.covariance: found 1 rows of 2 numbers, there must be 2: one for each bin",
        ),
        (
            STATISTIC,
            "statistic = { covariance = 3.0 }",
            14,
            "experiments.Ne.statistic.covariance: found 3.0, it must be 2 lists of 2 finite numbers each",
        ),
        (
            STATISTIC,
            "statistic = { sigma_above = 3.0 }",
            14,
            "experiments.Ne.statistic: found one of sigma_above and sigma_below: give both",
        ),
        (
            STATISTIC,
            "statistic = { sigma_above = [3.0], sigma_below = 2.0 }",
            14,
            "experiments.Ne.statistic.sigma_above: found [3.0], it must be a positive number, or one for each of 2",
        ),
        (
            STATISTIC,
            'statistic = { kind = "poisson", variance = [1.0, 1.0] }',
            14,
            "experiments.Ne.statistic.variance: found with a Poisson likelihood, which has its own: leave it out",
        ),
        (
            STATISTIC,
            "statistic = { variance = [1.0, 1.0], covariance = [[1.0, 0.0], [0.0, 1.0]] }",
            14,
            "experiments.Ne.statistic.covariance: found beside variance: give only one of them",
        ),
        (
            STATISTIC,
            f"{STATISTIC}\nsystematic = 0.1",
            15,
            "experiments.Ne.systematic: found 0.1, which a Poisson likelihood cannot include: use systematic = 0 and",
        ),
    ],
)
def test_fault(old: str, new: str, line: int, message: str) -> None:
    (fault,) = faults(edited((old, new)))
    assert fault.startswith(f"scan:{line}: {message}")


def test_shape_and_variance_need_a_single_channel() -> None:
    text = edited(
        ('experiment = "Ne", background = "steep"', 'experiment = "split", signal = true'),
        (
            "recoil_bins_keV = [10.0, 20.0, 30.0]\nchannels = { delayed",
            "statistic = { variance = [1, 1] }\nrecoil_bins_keV = [10.0, 20.0, 30.0]\nchannels = { delayed",
        ),
    )
    found = faults(text)
    assert found == [
        "scan:33: experiments.split.statistic.variance: found with 2 channels, and it could belong to any of them",
        "scan:43: nuisances.shape.shape: split has 2 channels, and it could belong to any of them",
    ]


def test_a_single_table_is_told_from_a_list() -> None:
    text = TEXT[: TEXT.index("[[nuisances]]")] + '[nuisances]\nname = "flux"\n' + TEXT[TEXT.index("[axes]") :]
    (fault,) = faults(text)
    assert fault == "scan:35: nuisances: found a table with name, write each header as [[nuisances]]"


def test_nuisances_are_set_by_their_name() -> None:
    scan = parse(TEXT, overrides=["nuisances.flux.width=0.05"])
    assert scan.nuisances[0].width == 0.05
    (fault,) = faults(TEXT, "nuisances.flax.width=0.05")
    assert 'there is no nuisance "flax", the file has flux, shape and response; the nearest is flux' in fault
    (fault,) = faults(TEXT, "nuisances.flux.width=0")
    assert fault.startswith("--set nuisances.flux.width=0: nuisances.flux.width: found 0, it must be a positive number")


def test_all_faults_are_found_at_once() -> None:
    text = edited(("width = 0.1", "width = 0.0"), ('signal = "all"', 'signal = ["X"]'), ("CsI = 0.01", "Ne = 0.01"))
    assert len(faults(text)) == 3


@pytest.mark.parametrize(
    ("output", "edits", "why"),
    [
        ('profile = "exact"', (), "the statistic of Ne is not Gaussian with one covariance"),
        ('profile = "exact"', ((STATISTIC, ""),), "the nuisance flux changes a signal"),
    ],
)
def test_what_needs_a_polynomial_says_why_there_is_none(
    output: str, edits: tuple[tuple[str, str], ...], why: str
) -> None:
    (fault,) = faults(edited(*edits) + f"[output]\n{output}\n")
    assert f"output.profile: found it where chi2 is no polynomial, as {why}" in fault


def test_backgrounds_alone_leave_the_polynomial() -> None:
    nuisance = '[[nuisances]]\nname = "flat"\nwidth = 0.2\nbackground = ["Ne.flat"]\n'
    head, tail = TEXT[: TEXT.index("[[nuisances]]")], TEXT[TEXT.index("[axes]") :]
    text = head.replace(STATISTIC, "") + nuisance + tail + '[output]\nprofile = "exact"\n'
    assert parse(text).output.profile == "exact"


def test_direct_evaluation_has_no_varied_responses() -> None:
    found = faults(TEXT + '[physics]\nevaluation = "direct"\n')
    assert any("nuisances.response: it varies a response, which needs the polynomial" in fault for fault in found)


@pytest.mark.parametrize("old", ['name = "flat", counts = [3.0, 3.0]', 'name = "steep", counts = [5.0, 1.0]'])
def test_a_background_with_a_fault_is_not_said_to_be_missing_as_well(old: str) -> None:
    """The first is normalised by a nuisance, the second has a shape."""
    (fault,) = faults(TEXT.replace(old, old.split("[", maxsplit=1)[0] + "[1.0]"))
    name = old.split('"')[1]
    assert f"experiments.Ne.backgrounds.{name}.counts: found 1 counts, the bins are 2 of energy" in fault
