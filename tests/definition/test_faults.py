"""Each kind of fault gives one sentence with its line, its key, what was found and what is needed."""

from __future__ import annotations

import pytest

from scanengine.definition import parse
from tests.definition.example import TEXT, edited, faults_of

# What is replaced in the example, by what, and what the one sentence must hold beside the line of the replacement.
EDITS = {
    "unknown key": ("mass_kg = 100.0", "mas_kg = 100.0", "Ne.mas_kg: unknown key, the nearest known one is mass_kg"),
    "unknown table": ("[output]", "[outptu]", "outptu: unknown key, the nearest known one is output"),
    "unlike any key": ("systematic = 0.10", "zzz = 1", "Ne.zzz: unknown key, known are name, target, mass_kg"),
    "missing key": ("flux_per_cm2_s = 1.0e7\n", "", "source.flux_per_cm2_s: missing, it must be given: flux of each"),
    "string for a number": ("= 14.6", '= "14.6"', 'CsI.mass_kg: found "14.6", it must be a finite number'),
    "bool for a number": ("= 14.6", "= true", "CsI.mass_kg: found true, it must be a finite number"),
    "NaN": ("= 14.6", "= nan", "CsI.mass_kg: found nan, it must be a finite number"),
    "infinity": ("distance_m = 19.3", "distance_m = inf", "CsI.distance_m: found inf, it must be a finite number"),
    "huge integer": ("= 14.6", "= 1" + 400 * "0", "CsI.mass_kg: found an integer of 1329 bits, it must be a finite"),
    "date for a number": ("= 14.6", "= 2020-01-01", "CsI.mass_kg: found 2020-01-01, it must be a finite number"),
    "list for a number": ("= 14.6", "= [1, 'a']", 'CsI.mass_kg: found [1, "a"], it must be a finite number'),
    "table for a number": ("= 14.6", "= { a = 1 }", "CsI.mass_kg: found a table with a, it must be a finite number"),
    "number for a string": ('"CsI"\nmass', "55\nmass", "CsI.target: found 55, it must be a string in quotes"),
    "number for a bool": ("factor = true", "factor = 1", "physics.magnetic_form_factor: found 1, it must be true or"),
    "negative mass": ("= 14.6", "= -5", "CsI.mass_kg: found -5, it must be a positive number"),
    "zero distance": ("distance_m = 19.3", "distance_m = 0", "CsI.distance_m: found 0, it must be a positive number"),
    "negative systematic": ("= 0.10", "= -0.1", "Ne.systematic: found -0.1, it must be a number that is not negative"),
    "choice": (
        '"tree"',
        '"loop"',
        'physics.couplings: found "loop", it must be "tree", "pdg2012", "radiative2020" or "radiative2023"',
    ),
    "weak angle": (
        "sin2_theta_w = 0.23",
        "sin2_theta_w = 1.2",
        "physics.sin2_theta_w: found 1.2, it must be less than 1",
    ),
    "scalar for a table": (
        '{ delayed = ["nu_e", "nu_mubar"], prompt = ["nu_mu"] }',
        '"all"',
        'Ne.channels: found "all", it must be a table, such as { delayed =',
    ),
    "statistic": (
        "[fixed]",
        '[statistic]\nkind = "poison"\n[fixed]',
        'found "poison", it must be "gaussian" or "poisson"',
    ),
    "systematic of a Poisson likelihood": (
        'systematic = 0.10\n[[experiments]]\nname = "CsI"',
        'systematic = 0.10\n[statistic]\nkind = "poisson"\n[[experiments]]\nname = "CsI"',
        'cannot include: use systematic = 0 or statistic.kind = "gaussian"',
    ),
    "source kind": (
        '"stopped-pion"',
        '"stoped-pion"',
        '"tabulated", "reactor" or "solar" (the nearest is stopped-pion)',
    ),
    "oscillations of no size": (
        "[physics]",
        "[source.sterile]\ndm2_eV2 = 1e-300\n[physics]",
        "source.sterile.dm2_eV2: found 1e-300, it must be 0 or lie between 1e-30 and 1e+30",
    ),
    "both live times": ("live_time_s =", "live_time_yr = 1\nlive_time_s =", "live_time_s: found beside live_time_yr"),
    "unknown target": ('"Ne20"', '"Nn20"', "Ne.target: unknown target 'Nn20'"),
    "unknown isotope": ('"Ne20"', '"Ne99"', "Ne has no isotope of mass number 99"),
    "unknown flavour": (
        '"nu_mubar"]',
        '"nu_mubr"]',
        'channels.delayed: unknown flavour "nu_mubr", the nearest known one',
    ),
    "flavour without flux": (
        '["nu_mu"]',
        '["nu_tau"]',
        'found "nu_tau", of which the source has no flux: it has nu_mu',
    ),
    "flavour twice": ('["nu_mu"]', '["nu_mu", "nu_mu"]', 'channels.prompt: found "nu_mu" twice'),
    "no flavours": ('["nu_mu"]', "[]", "channels.prompt: found [], it must be a list of flavours"),
    "a flavour for a list": ('["nu_mu"]', '"nu_mu"', 'channels.prompt: found "nu_mu", it must be a list of flavours'),
    "no channels": ('{ all = ["nu_e", "nu_mubar", "nu_mu"] }', "{}", "CsI.channels: found no channel"),
    "window upside down": ("[10.0, inf]", "[50.0, 10.0]", "found 10.0 after 50.0, the upper end must lie above"),
    "window from -1": (
        "[10.0, inf]",
        "[-1, 10.0]",
        "recoil_window_keV: found -1, it must be a finite number of keV from 0",
    ),
    "window from NaN": ("[10.0, inf]", "[nan, 10.0]", "recoil_window_keV: found nan, it must be a finite number"),
    "window from infinity": ("[10.0, inf]", "[inf, inf]", "recoil_window_keV: found inf, it must be a finite number"),
    "window of three": ("[10.0, inf]", "[10, 20, 30]", "found [10, 20, 30], it must hold the lower and the upper end"),
    "bins to infinity": ("[5, 10, 20, 40]", "[5, inf]", "recoil_bins_keV: found inf, it must be a finite number"),
    "bins out of order": ("[5, 10, 20, 40]", "[5, 20, 10]", "recoil_bins_keV: found 10 after 20, edges must increase"),
    "bin of one rounding": (
        "[5, 10, 20, 40]",
        "[5, 10, 24.950000000000003, 24.950000000000006]",
        (
            "found 24.950000000000006 after 24.950000000000003, too narrow a bin for double precision: "
            "its width must be 1e-06 of its edges or more"
        ),
    ),
    "window of one rounding": (
        "[10.0, inf]",
        "[10.0, 10.000000000000002]",
        "recoil_window_keV: found 10.000000000000002 after 10.0, too narrow a bin for double precision",
    ),
    "window above almost nothing": (
        "[10.0, inf]",
        "[1e-300, inf]",
        "recoil_window_keV: found 1e-300, it must be 0 or lie between 1e-30 and 1e+30",
    ),
    "window up to almost nothing": (
        "[10.0, inf]",
        "[0, 5e-324]",
        "recoil_window_keV: found 5e-324, it must be 0 or lie between 1e-30 and 1e+30",
    ),
    "bin up to 1e308": ("[5, 10, 20, 40]", "[5, 1e308]", "recoil_bins_keV: found 1e+308, it must be 0 or lie between"),
    "one edge": ("[5, 10, 20, 40]", "[5]", "recoil_bins_keV: found [5], it must hold two or more edges in keV"),
    "window and bins": (
        "recoil_bins_keV",
        "recoil_window_keV = [1, 2]\nrecoil_bins_keV",
        "found beside recoil_window_keV",
    ),
    "threshold too high": ("[10.0, inf]", "[400, inf]", "a threshold of 400 keV, it must lie below the highest recoil"),
    "efficiency above 1": ("= 0.8", "= 1.5", "Ne.efficiency: found 1.5, it must be a number in [0, 1] or a curve"),
    "efficiency of no kind": ("= 0.8", '= "all"', 'Ne.efficiency: found "all", it must be a number in [0, 1] or a'),
    "efficiency of zero": ("= 0.8", "= 0", "Ne.efficiency: found zero everywhere from 10 to 298.1 keV"),
    "curve not sorted": (
        "= 0.8",
        "= { recoil_keV = [1, 3, 2], values = [0, 1, 1] }",
        "Ne.efficiency: element 3: found recoil_keV = 2 after 3, it must increase",
    ),
    "curve above 1": (
        "= 0.8",
        "= { recoil_keV = [1, 2, 3], values = [0, 1.5, 1] }",
        "Ne.efficiency: element 2: found efficiency = 1.5, it must lie in [0, 1]",
    ),
    "curve of two lengths": (
        "= 0.8",
        "= { recoil_keV = [1, 2, 3], values = [1] }",
        "Ne.efficiency: found 3 of recoil_keV and 1 of values",
    ),
    "curve of strings": (
        "= 0.8",
        '= { recoil_keV = [1, 2], values = [1, "a", "b"] }',
        'Ne.efficiency.values: found "a", it must be a finite number',
    ),
    "curve without values": ("= 0.8", "= { recoil_keV = [1, 2] }", "Ne.efficiency.values: missing"),
    "curve zero in the window": (
        "= 0.8",
        "= { recoil_keV = [0, 1, 10], values = [1, 0, 0] }",
        "Ne.efficiency: found zero everywhere from 10 to 298.1 keV",
    ),
    "unknown form factor": ('= "helm"', '= "helmm"', 'unknown form factor "helmm", the nearest known one is helm'),
    "form factor of no kind": (
        '= "helm"',
        "= 3",
        'Ne.form_factor: found 3, it must be a name, such as "helm", or { kind',
    ),
    "form factor's kind": ('= "helm"', "= { kind = 1 }", 'Ne.form_factor.kind: found 1, it must be "unity", "helm"'),
    "form factor's key": (
        '= "helm"',
        '= { kind = "helm", rms = 3 }',
        "form_factor.rms: unknown key, the nearest known",
    ),
    "three radii": (
        '= "helm"',
        '= { kind = "helm", rms_fm = 3, rms_p_fm = 3 }',
        "found rms_fm and rms_p_fm, give rms_fm alone, or rms_p_fm and rms_n_fm",
    ),
    "radius too small": ('= "helm"', '= { kind = "helm", rms_fm = 1 }', "an rms radius of 1 fm is too small"),
    "table ends early": (
        '= "helm"',
        '= { kind = "tabulated", q_invfm = [0, 0.1, 0.2, 0.3], F_p = [1, 1, 1, 1], F_n = [1, 1, 1, 1] }',
        "Ne.form_factor: the table ends at q = 0.3 /fm, but recoils of 298.1 keV of Ne20 reach q = 0.5339 /fm",
    ),
    "table not from 1": (
        '= "helm"',
        '= { kind = "tabulated", q_invfm = [0, 1, 2, 3], F_p = [1, 1, 1, 1], F_n = [2, 1, 1, 1] }',
        "must begin with F_n(0) = 1: found 2",
    ),
    "tabulated alone": ('= "helm"', '= "tabulated"', 'found "tabulated" alone, write { kind = "tabulated", file ='),
    "two names": ('name = "CsI"', 'name = "Ne"', 'name: found "Ne" a second time, each experiment needs a name of its'),
    "empty name": ('name = "CsI"', 'name = ""', 'name: found "", it must be a name'),
    "one point": ("points = 201", "points = 1", "axes.eps_ee_uV.points: found 1, it must be at least 2"),
    "points for the memory": (
        "points = 201",
        "points = 20_000_000",
        "points: found 20000000, it must be at most 1e+07",
    ),
    "half a point": ("points = 201", "points = 2.5", "axes.eps_ee_uV.points: found 2.5, it must be an integer"),
    "min above max": (
        "min = -1.0, max = 1.0",
        "min = 1, max = -1",
        "found min = 1.0 and max = -1.0, min must lie below max",
    ),
    "log through zero": ("min = 0.1", "min = 0", 'mu_nu.min: found 0.0, it must be positive where spacing = "log"'),
    "no max": ("max = 1.0, ", "", "axes.eps_ee_uV: max missing, it must be { min ="),
    "axis of no kind": (
        "{ min = -1.0, max = 1.0, points = 201 }",
        "3",
        "axes.eps_ee_uV: found 3, it must be a table, such as {",
    ),
    "values and points": ("points = 201", "values = [1, 2]", "axes.eps_ee_uV.min: found beside values"),
    "values not sorted": (
        "{ min = -1.0, max = 1.0, points = 201 }",
        "{ values = [1, 3, 2] }",
        "axes.eps_ee_uV.values: found 2 after 3, values must increase",
    ),
    "one value": (
        "{ min = -1.0, max = 1.0, points = 201 }",
        "{ values = [1] }",
        "found [1], it must have at least 2 elem",
    ),
    "points too dense": (
        "min = -1.0, max = 1.0, points = 201",
        "min = 1.0, max = 1.0000000000000004, points = 201",
        "that many points from 1 to 1 are not distinct in double precision",
    ),
    "unknown axis": ("mu_nu =", "mu_nux =", "axes.mu_nux: unknown parameter, the nearest known one is mu_nu"),
    "axis of an odd name": ("mu_nu =", '"mu/nu" =', 'axes."mu/nu": an axis\' name must be letters, digits'),
    "axis of a name taken": ("mu_nu =", "chi2 =", "axes.chi2: an axis' name must be"),
    "unknown fixed": (
        "eps_mm_uV =",
        "eps_mm_uX =",
        "fixed.eps_mm_uX: unknown parameter, the nearest known one is eps_mm_uV",
    ),
    "fixed to a string": ("= 0.05", '= "0.05"', 'fixed.eps_mm_uV: found "0.05", it must be a finite number'),
    "axis also fixed": ("eps_mm_uV =", "mu_nu =", "fixed.mu_nu: it is an axis too"),
    "axis also tied": ("eps_et_dV =", "mu_nu =", "tied.mu_nu: it is an axis too"),
    "fixed also tied": ("eps_et_dV =", "eps_mm_uV =", "tied.eps_mm_uV: it is fixed too"),
    "unknown tied": (
        "eps_et_dV =",
        "eps_et_dW =",
        "tied.eps_et_dW: unknown parameter, the nearest known one is eps_et_dV",
    ),
    "tied to no axis": (
        "{ eps_ee_uV = 0.5",
        "{ eps_et_uV = 0.5",
        'eps_et_uV: "eps_et_uV" is neither an axis nor fixed nor tied',
    ),
    "tied to a constant": ("{ eps_ee_uV = 0.5, ", "{ ", "tied.eps_et_dV: it depends on no axis: name one"),
    "tied to itself": ("{ eps_ee_uV = 0.5", "{ eps_et_dV = 0.5", "tied to itself, eps_et_dV -> eps_et_dV"),
    "tied by a string": ("constant = 0.1", 'constant = "a"', 'tied.eps_et_dV.constant: found "a", it must be a finite'),
    "tied in a circle": (
        "eps_et_dV = { eps_ee_uV = 0.5, constant = 0.1 }",
        "eps_et_dV = { eps_et_uV = 1 }\neps_et_uV = { eps_tt_uV = 1 }\neps_tt_uV = { eps_et_dV = 2 }",
        "tied to itself, eps_et_dV -> eps_et_uV -> eps_tt_uV -> eps_et_dV: leave out one",
    ),
}


@pytest.mark.parametrize("fault", EDITS)
def test_fault_is_one_sentence_with_its_line(fault: str) -> None:
    old, new, expected = EDITS[fault]
    text = edited((old, new))
    faults = faults_of(text)
    assert len(faults) == 1, faults
    assert expected in str(faults[0])
    first, last = TEXT.index(old), TEXT.index(old) + len(new)
    lines = range(text.count("\n", 0, first) + 1, text.count("\n", 0, last) + 2)
    where, line = faults[0].where.split(":")
    assert where == "scan"
    assert int(line) in lines or fault == "missing key"


@pytest.mark.parametrize("fault", EDITS)
def test_sentences_have_none_of_the_jargon(fault: str) -> None:
    old, new, _ = EDITS[fault]
    sentences = " ".join(str(fault) for fault in faults_of(edited((old, new))))
    for word in ("pydantic", "Input should", "NoneType", "Traceback", "dict", "literal", "<class", "Decode"):
        assert word not in sentences


def test_all_faults_at_once_in_the_order_of_the_file() -> None:
    names = [
        name for name in EDITS if name in ("choice", "negative mass", "unknown flavour", "one point", "axis also fixed")
    ]
    text = edited(*((EDITS[name][0], EDITS[name][1]) for name in names))
    faults = faults_of(text)
    assert len(faults) == len(names)
    lines = [int(fault.where.split(":")[1]) for fault in faults]
    assert lines == sorted(lines)
    for name in names:
        assert any(EDITS[name][2] in str(fault) for fault in faults)


def test_faults_of_one_experiment_do_not_hide_one_another() -> None:
    faults = faults_of(
        edited(
            ('"Ne20"', '"Nn20"'),
            ("mass_kg = 100.0", "mass_kg = -1"),
            ("live_time_yr = 1.0\n", ""),
            ("= 0.8", "= 2"),
            ("[10.0, inf]", "[10, 5]"),
            ('"helm"', '"halm"'),
            ('"nu_mubar"]', '"nu_mubr"]'),
            ("= 0.10", "= nan"),
        )
    )
    assert len(faults) == 8


def test_threshold_fault_states_the_highest_recoil_energy() -> None:
    (fault,) = faults_of(edited(("[10.0, inf]", "[400, inf]")))
    # 2 E^2 / (M + 2 E) at the end point m_mu / 2 = 52.829 MeV, with 18617.7 MeV for neon-20.
    assert "T_max = 298.1 keV of nu_e on Ne20" in str(fault)


@pytest.mark.parametrize("where", ["file", "--set"])
def test_exact_profiles_of_a_poisson_likelihood(where: str) -> None:
    text = edited(("systematic = 0.10\n", ""), ('"profiles"', '"profiles"\nprofile = "exact"'))
    if where == "file":
        faults = faults_of(text + '[statistic]\nkind = "poisson"\n')
    else:
        faults = faults_of(text, "statistic.kind=poisson")
    assert len(faults) == 1
    wanted = (
        'output.profile: found "exact", which needs a Gaussian chi2: use profile = "grid" or '
        'statistic.kind = "gaussian"'
    )
    assert wanted in str(faults[0])
    assert faults[0].where == ("scan:38" if where == "file" else "--set statistic.kind=poisson")


def test_missing_table_is_reported_once() -> None:
    faults = faults_of("")
    assert [fault.message.split(":")[0] for fault in faults] == ["source", "experiments", "axes"]


def test_missing_alternatives_name_both() -> None:
    faults = faults_of(edited(("live_time_yr = 1.0\n", ""), ("recoil_bins_keV = [5, 10, 20, 40]\n", "")))
    assert "experiments.Ne: live_time_yr is missing: give it, or live_time_s" in str(faults[0])
    assert "experiments.CsI: recoil_window_keV is missing: give it, or recoil_bins_keV" in str(faults[1])


def test_no_axes_is_a_fault_of_a_scan_only() -> None:
    text = TEXT[: TEXT.index("[axes]")]
    (fault,) = faults_of(text)
    assert "no axes, a scan needs at least one" in str(fault)
    assert parse(text, require_axes=False).axes == ()


def test_magnetic_rate_from_zero_on() -> None:
    (fault,) = faults_of(edited(("[10.0, inf]", "[0, inf]")))
    assert "scan:17: experiments.Ne.recoil_window_keV: found 0, where the rate of mu_nu_e diverges" in str(fault)
    without = edited(("[10.0, inf]", "[0, inf]"), ("mu_nu =", "eps_tt_uV ="))
    assert parse(without).experiments[0].bin_edges_keV[0] == 0.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("title = \n", "scan:1: not TOML: "),
        ('title = "a"\n[axes\n', "scan:2: not TOML: "),
        ('title = "a"\ntitle = "b"\n', "scan:2: not TOML: a key is given twice"),
        ("[axes]\n\n[axes]\n", "scan:3: not TOML: the table [axes] is there twice"),
        ("\n\ntitle = " + 5000 * "9", "scan:3: found a number of 5000 digits"),
        ("title = " + 3000 * "[", "scan:1: not TOML that can be read: its values are nested too deeply"),
    ],
)
def test_what_is_not_toml(text: str, expected: str) -> None:
    (fault,) = faults_of(text)
    assert expected in str(fault)
    assert "(at " not in str(fault)
