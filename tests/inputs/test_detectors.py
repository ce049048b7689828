"""What an experiment counts: efficiency curves and reach."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.errors import InputError
from scanengine.inputs.detectors import Binning, Efficiency, Experiment, Quantity, T_max_keV
from scanengine.inputs.form_factors import unity
from scanengine.inputs.nuclei import target


def test_constant_efficiency_is_one_point() -> None:
    efficiency = Efficiency.constant(0.4)
    assert np.interp([0.0, 3.0, 1e6], efficiency.T_keV, efficiency.values).tolist() == [0.4] * 3


@pytest.mark.parametrize(
    ("T_keV", "values", "words"),
    [
        ([], [], "at least one"),
        ([1.0, 2.0], [0.5], "as many"),
        ([2.0, 1.0], [0.1, 0.2], "increase"),
        ([1.0, 1.0], [0.1, 0.2], "increase"),
        ([-1.0, 1.0], [0.1, 0.2], "from 0 keV"),
        ([0.0, 1.0], [0.1, 1.2], r"\[0, 1\]: found 1.2"),
        ([0.0, 1.0], [-0.1, 0.2], r"\[0, 1\]: found -0.1"),
        ([0.0, np.nan], [0.1, 0.2], "increase"),
        ([0.0, 1.0], [0.1, np.nan], r"\[0, 1\]: found nan"),
    ],
)
def test_bad_curve_is_an_input_error(T_keV: list[float], values: list[float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Efficiency(np.array(T_keV), np.array(values))


def test_highest_recoil_of_the_michel_end_point_on_neon() -> None:
    """2 E^2 / (M + 2 E), by hand: 2 * 52.83^2 / (18617.7 + 105.7) MeV."""
    assert T_max_keV(52.829, 18617.73) == pytest.approx(298.12, abs=0.01)


def test_channels_of_an_experiment_cannot_be_changed() -> None:
    channels = {"all": ("nu_e",)}
    edges = np.array([5.0, np.inf])
    experiment = Experiment("A", target("Ar40"), 1.0, 1.0, 20.0, Efficiency.constant(1.0), edges, unity(), channels)
    channels["more"] = ("nu_mu",)
    assert list(experiment.channels) == ["all"]
    with pytest.raises(TypeError):
        experiment.channels["more"] = ("nu_mu",)  # type: ignore[index]


def test_bins_run_through_time_fastest_and_energy_slowest() -> None:
    times, quantity = np.array([0.0, 1.0, 6.0]), Quantity("F90", np.array([0.5, 0.7, 0.9]))
    binning = Binning(np.array([6.0, 8.0, 20.0]), "PE", times, quantity)
    assert (binning.shape, binning.size) == ((2, 2, 2), 8)
    bins = list(binning)
    assert [b.energy for b in bins] == [(6.0, 8.0)] * 4 + [(8.0, 20.0)] * 4
    assert [b.extra for b in bins[:4]] == [(0.5, 0.7), (0.5, 0.7), (0.7, 0.9), (0.7, 0.9)]
    assert [b.time_us for b in bins[:3]] == [(0.0, 1.0), (1.0, 6.0), (0.0, 1.0)]
    assert list(binning.edges) == ["energy", "F90", "time_us"]


def test_energies_alone_are_the_default() -> None:
    bins = list(Binning(np.array([6.0, np.inf])))
    assert bins == [((6.0, np.inf), None, None)]


def test_backgrounds_of_an_experiment_cannot_be_changed() -> None:
    edges, counts = np.array([5.0, np.inf]), {"steady": np.array([3.0])}
    ideal = Experiment(
        "A",
        target("Ar40"),
        1.0,
        1.0,
        20.0,
        Efficiency.constant(1.0),
        edges,
        unity(),
        {"all": ("nu_e",)},
        backgrounds=counts,
    )
    counts["more"] = np.array([1.0])
    assert list(ideal.backgrounds) == ["steady"]


def test_flavours_are_those_of_all_channels() -> None:
    channels = {"prompt": ("nu_mu",), "delayed": ("nu_e", "nu_mubar"), "all": ("nu_mu", "nu_e")}
    edges = np.array([5.0, np.inf])
    ideal = Experiment("A", target("Ar40"), 1.0, 1.0, 20.0, Efficiency.constant(1.0), edges, unity(), channels)
    assert ideal.flavours == ("nu_mu", "nu_e", "nu_mubar")
