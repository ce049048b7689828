"""Signal templates: what they were made with, and changes that would cancel in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import scanengine
from scanengine import Scan
from scanengine.definition import parse, signal_numbers
from scanengine.definition.identity import identity
from scanengine.errors import DefinitionError, InputError
from scanengine.likelihood.profiled import Likelihood
from tests.definition.example import faults_of

TEMPLATE = """\
[source]
kind = "stopped-pion"
flux_per_cm2_s = 1.0e7
reference_distance_m = 20.0
[physics]
sin2_theta_w = 0.23857
[[experiments]]
name = "Ar"
target = "Ar40"
mass_kg = 24.4
live_time_yr = 1.0
distance_m = 27.5
efficiency = 0.8
form_factor = { kind = "helm", rms_p_fm = 3.427, rms_n_fm = 3.40 }
channels = { all = ["nu_mu", "nu_e", "nu_mubar"] }
signal_template = [60.0, 30.0, 8.0]
[experiments.response]
quenching = 0.27
resolution = { kind = "gaussian", b = 0.58 }
efficiency = 0.9
bins = [5, 10, 20, 40]
"""

REFERENCE = """\
[experiments.template_reference]
sin2_theta_w = 0.23857
couplings = "tree"
kinematics = "leading"
source = { kind = "stopped-pion", flux_per_cm2_s = 1.0e7, reference_distance_m = 20.0 }
mass_kg = 24.4
live_time_yr = 1.0
distance_m = 27.5
efficiency = 0.8
form_factor = { kind = "helm", rms_p_fm = 3.427, rms_n_fm = 3.40 }
quenching = 0.27
resolution = { kind = "gaussian", b = 0.58 }
response_efficiency = 0.9
recoil_threshold_keV = 0.0
"""

CHANGES = {
    "sin2_theta_w": "physics.sin2_theta_w=0.2",
    "couplings": "physics.couplings=pdg2012",
    "kinematics": "physics.kinematics=full",
    "source": "source.flux_per_cm2_s=2e7",
    "mass_kg": "experiments.Ar.mass_kg=50",
    "live_time_yr": "experiments.Ar.live_time_s=5e6",
    "distance_m": "experiments.Ar.distance_m=20",
    "efficiency": "experiments.Ar.efficiency={ recoil_keV = [10, 100], values = [0.2, 0.8] }",
    "form_factor": "experiments.Ar.form_factor.rms_n_fm=5.0",
    "quenching": "experiments.Ar.response.quenching=0.25",
    "resolution": "experiments.Ar.response.resolution.b=0.4",
    "response_efficiency": "experiments.Ar.response.efficiency=0.5",
    "recoil_threshold_keV": "experiments.Ar.response.recoil_threshold_keV=25",
}
"""A change of each key that a reference may have."""

FROZEN = (
    "experiments.Ar.target=Ne20",
    'experiments.Ar.channels={ all = ["nu_mu"] }',
    "experiments.Ar.response.bins=[6, 10, 20, 40]",
)


def counts(text: str, *overrides: str) -> list[float]:
    """The counts of the Standard Model in each bin of energy."""
    events = Scan(parse(text, overrides=overrides, require_axes=False)).events()
    bins = list(dict.fromkeys(event.bin.energy for event in events))
    return [sum(event.counts for event in events if event.bin.energy == each) for each in bins]


def calculated(*overrides: str) -> list[float]:
    """The same without the template."""
    return counts(TEMPLATE.replace("signal_template", "#"), *overrides)


@pytest.mark.parametrize("key", CHANGES)
def test_a_change_scales_the_template_as_the_calculated_counts_or_is_refused(key: str) -> None:
    change = CHANGES[key]
    (fault,) = faults_of(TEMPLATE, change, require_axes=False)
    assert fault.where == f"--set {change}"
    assert "the signal of Ar is a template, in which it would cancel" in fault.message
    named = "live_time_s" if key == "live_time_yr" else key
    assert f"as {named} in experiments.Ar.template_reference" in fault.message

    scaled = [
        template * now / then
        for template, now, then in zip((60.0, 30.0, 8.0), calculated(change), calculated(), strict=True)
    ]
    line = next(line for line in REFERENCE.splitlines() if line.startswith(f"{key} "))
    line = "live_time_s = 31557600.0" if key == "live_time_yr" else line
    text = f"{TEMPLATE}[experiments.template_reference]\n{line}\n"
    assert counts(text) == pytest.approx([60.0, 30.0, 8.0], rel=1e-13)
    assert counts(text, change) == pytest.approx(scaled, rel=1e-9)
    assert counts(text, change) != pytest.approx([60.0, 30.0, 8.0], rel=1e-3)


def test_all_changes_at_once_are_those_of_the_calculated_counts() -> None:
    changes = [change for key, change in CHANGES.items() if key != "live_time_yr"]
    ratios = zip((60.0, 30.0, 8.0), calculated(*changes), calculated(), strict=True)
    scaled = [template * now / then for template, now, then in ratios]
    assert counts(TEMPLATE + REFERENCE, *changes) == pytest.approx(scaled, rel=1e-9)


def test_a_template_made_with_other_numbers_than_the_file_has() -> None:
    """The reference may differ from the file itself, without any override."""
    text = TEMPLATE + REFERENCE.replace("rms_n_fm = 3.40", "rms_n_fm = 5.0")
    ratios = zip((60.0, 30.0, 8.0), calculated(), calculated(CHANGES["form_factor"]), strict=True)
    assert counts(text) == pytest.approx([template * now / then for template, now, then in ratios], rel=1e-9)


@pytest.mark.parametrize("change", FROZEN)
def test_what_no_reference_makes_up_for_is_refused(change: str) -> None:
    for text in (TEMPLATE, TEMPLATE + REFERENCE):
        (fault,) = faults_of(text, change, require_axes=False)
        assert "give a new signal_template" in fault.message


@pytest.mark.parametrize(
    "change",
    [
        "physics.magnetic_moment=full",
        "physics.couplings=tree",
        "experiments.Ar.mass_kg=24.4",
        "experiments.Ar.signal_template=[50, 20, 5]",
        "experiments.Ar.systematic=0.1",
        "fixed.sin2_theta_w=0.2",
        "axes.sin2_theta_w={ min = 0.1, max = 0.3, points = 3 }",
    ],
)
def test_what_does_not_cancel_may_be_set(change: str) -> None:
    parse(TEMPLATE, overrides=[change], require_axes=False)


def test_a_new_template_goes_with_new_numbers() -> None:
    changed = ["experiments.Ar.signal_template=[50, 20, 5]", CHANGES["quenching"]]
    assert counts(TEMPLATE, *changed) == pytest.approx([50.0, 20.0, 5.0], rel=1e-13)


def test_changes_in_python_are_refused_or_followed() -> None:
    """Of a definition whose parts are replaced by hand, as of one that is read."""
    for text in (TEMPLATE, TEMPLATE + REFERENCE):
        definition = parse(text, require_axes=False)
        (experiment,) = definition.experiments
        changed = replace(definition, experiments=(replace(experiment, mass_kg=48.8),))
        if text == TEMPLATE:
            with pytest.raises(InputError, match=r"experiments.Ar: mass_kg is not what the signal template was made"):
                Scan(changed).events()
        else:
            assert sum(event.counts for event in Scan(changed).events()) == pytest.approx(2.0 * 98.0, rel=1e-12)


def test_every_number_of_the_signal_is_a_key_of_the_reference_or_frozen() -> None:
    """A number that the calculation comes to depend on is not forgotten here."""
    definition = parse(TEMPLATE + REFERENCE, require_axes=False)
    (experiment,) = definition.experiments
    numbers = set(signal_numbers(experiment, definition.source, definition.physics))
    named = {"live_time_s" if key == "live_time_yr" else key for key in CHANGES}
    assert numbers == named | {"light_yield_PE_per_keVee", "target", "channels", "time", "bins"}


def test_a_light_yield_is_frozen_as_the_other_numbers_are() -> None:
    text = TEMPLATE.replace("quenching = 0.27", "quenching = 0.27\nlight_yield_PE_per_keVee = 4.5")
    text = text.replace("[5, 10, 20, 40]", "[10, 40, 80, 160]")
    change = "experiments.Ar.response.light_yield_PE_per_keVee=4.0"
    (fault,) = faults_of(text, change, require_axes=False)
    assert "as light_yield_PE_per_keVee in experiments.Ar.template_reference" in fault.message
    bare = text.replace("signal_template", "#")
    ratios = zip((60.0, 30.0, 8.0), counts(bare, change), counts(bare), strict=True)
    text += "[experiments.template_reference]\nlight_yield_PE_per_keVee = 4.5\n"
    assert counts(text, change) == pytest.approx([template * now / then for template, now, then in ratios], rel=1e-9)


FAULTS = {
    "no template": (("signal_template = [60.0, 30.0, 8.0]\n", ""), "found without signal_template"),
    "no such key": (("quenching = 0.27\nresolution = { kind", "quenchng = 0.27\nresolution = { kind"), "unknown key"),
    "two live times": (("recoil_threshold_keV = 0.0", "live_time_s = 3.0"), "found beside live_time_yr"),
    "light yield": (("recoil_threshold_keV = 0.0", "light_yield_PE_per_keVee = 4.0"), "whose response has none"),
    "form factor": (("rms_n_fm = 3.40 }\nquenching", "rms_n_fm = 1.0 }\nquenching"), "too small for a skin"),
    "resolution": (("b = 0.58 }\nresponse", "b = 1e-9 }\nresponse"), "standard deviations of the resolution long"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_the_reference_stand_in_it(name: str) -> None:
    (old, new), message = FAULTS[name]
    text = TEMPLATE + REFERENCE
    assert old in text
    head, found, tail = text.rpartition(old)
    faults = faults_of(head + new + tail if found else text, require_axes=False)
    assert any("template_reference" in fault.message and message in fault.message for fault in faults)


def test_an_ideal_detector_has_no_response_to_refer_to() -> None:
    text = TEMPLATE[: TEMPLATE.index("[experiments.response]")] + "recoil_bins_keV = [10, 20, 40, 80]\n" + REFERENCE
    faults = faults_of(text, require_axes=False)
    assert len(faults) == 4
    assert all("which has no quenching or resolution: leave it out" in fault.message for fault in faults)


def test_a_signal_that_leaves_the_template_is_refused() -> None:
    """Neutrons and quenching that put a share of the signal where the template has nothing to scale."""
    text = TEMPLATE.replace("[60.0, 30.0, 8.0]", "[60.0, 30.0, 0.0]") + REFERENCE
    text = text.replace("quenching = 0.27", "quenching = 0.15")
    assert sum(counts(text)) == pytest.approx(90.0)
    with pytest.raises(InputError, match=r"more of the signal would now be in bins in which the template has no"):
        counts(text, "experiments.Ar.response.quenching=0.3")


def test_a_nuisance_may_vary_a_response_that_the_reference_has() -> None:
    """What the template was made with stays, and the quenching moves away from it."""
    nuisance = '[[nuisances]]\nname = "q"\nquenching = { Ar = 0.02 }\n'
    (fault,) = faults_of(TEMPLATE + nuisance, require_axes=False)
    assert "quenching in experiments.Ar.template_reference" in fault.message
    scan = Scan(
        parse(TEMPLATE + REFERENCE + "[experiments.data]\ncounts = [65, 33, 9]\n" + nuisance, require_axes=False)
    )
    from scanengine.likelihood.profiled import Likelihood

    likelihood = scan.likelihood
    assert isinstance(likelihood, Likelihood)
    plus, minus = (counts(TEMPLATE + REFERENCE, f"experiments.Ar.response.quenching={value}") for value in (0.29, 0.25))
    nominal, above, below = likelihood.templates_at(scan.problem.theta())
    assert nominal == pytest.approx([60.0, 30.0, 8.0])
    assert nominal + above == pytest.approx(plus, rel=1e-9)
    assert nominal - below == pytest.approx(minus, rel=1e-9)


def test_the_shape_of_a_template_stays_what_it_was_beside_it() -> None:
    """A shape at +1 standard deviation is of the template, whatever the signal is scaled with."""
    nuisance = (
        '[[nuisances]]\nname = "s"\n[[nuisances.shape]]\nexperiment = "Ar"\nsignal = true\nnormalised = false\n'
        "plus = [66.0, 27.0, 8.0]\n"
    )
    text = TEMPLATE + REFERENCE + "[experiments.data]\ncounts = [65, 33, 9]\n" + nuisance
    scan = Scan(parse(text, overrides=[CHANGES["form_factor"]], require_axes=False))
    assert isinstance(scan.likelihood, Likelihood)
    nominal, change = scan.likelihood.templates_at(scan.problem.theta())
    assert change / nominal == pytest.approx([0.1, -0.1, 0.0], abs=1e-12)


def test_the_reference_is_part_of_what_a_scan_is_only_where_there_is_one() -> None:
    plain, named = (identity(parse(text, require_axes=False)) for text in (TEMPLATE, TEMPLATE + REFERENCE))
    assert not [place for place in plain if place.startswith("template_references")]
    assert named["template_references.Ar.sin2_theta_w"] == "0.23857"
    assert plain == {place: words for place, words in named.items() if not place.startswith("template_references")}


def test_physics_of_a_file_that_includes_a_template_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(TEMPLATE, encoding="utf-8")
    both = 'include = ["one.toml"]\n[physics]\nsin2_theta_w = 0.2\n'
    (tmp_path / "both.toml").write_text(both, encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"one: physics.sin2_theta_w: found 0.2 in place of 0.23857, but the"):
        scanengine.load(tmp_path / "both.toml")
    (tmp_path / "one.toml").write_text(TEMPLATE + REFERENCE, encoding="utf-8")
    scan = scanengine.load(tmp_path / "both.toml")
    whole = sum(event.counts for event in scan.events())
    assert whole == pytest.approx(sum(counts(TEMPLATE + REFERENCE, CHANGES["sin2_theta_w"])), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("coherent/ge2024", "experiments.Ge2024.form_factor=unity"),
        ("coherent/ge2024", "experiments.Ge2024.response.quenching.k=0.12"),
        ("coherent/ge2024", "physics.sin2_theta_w=0.2"),
        ("reactor/conus-plus", "experiments.CONUS.response.quenching.k=0.18"),
        ("reactor/conus-plus", "physics.sin2_theta_w=0.2"),
    ],
)
def test_bundled_templates_follow_the_physics(name: str, change: str) -> None:
    plain, changed = (sum(e.counts for e in scanengine.load(name, given).events()) for given in ([], [change]))
    assert abs(changed / plain - 1.0) > 0.02
