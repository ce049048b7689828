"""What the paper's sensitivities stand on: Table II, and the form factors of eq. 5."""

from __future__ import annotations

from math import sqrt

import numpy as np

from scanengine import figures
from scanengine.inputs.bcs import nucleus, oscillator_length_fm
from scanengine.inputs.bcs.charge_radii import CHARGE_RADII_FM
from scanengine.inputs.bcs.ground_state import PROTON_RADIUS_FM
from scanengine.inputs.constants import HBARC_MEV_FM
from scanengine.reproduce import Check, Exhibit, Table
from scanengine_kernels.form_factors import form_factor

from .paper import DISTANCE_NOTE, FLAVOURS, SYMBOLS, TARGETS, every_target, paper, whole

MOMENT_SYMBOLS = {"nu_mu": "ν_μ", "nu_e": "ν_e", "nubar_e": "ν̄_e"}


def table1() -> Exhibit:
    """Table I: limits of other experiments."""
    rows = tuple((row["experiment"], MOMENT_SYMBOLS[row["flavour"]], row["limit"]) for row in paper.published("table1"))
    return Exhibit(
        "Upper limits on magnetic moments in 10⁻¹⁰ μ_B, 90% C.L., 1 dof, from scattering on electrons.",
        tables=[Table("Table I", ("experiment", "of", "limit"), rows)],
        notes=[
            (
                "Quoted, as the paper quotes it: limits of other experiments, which no scan here gives. LSND's is what "
                "eq. 14 is compared with."
            )
        ],
    )


def table2() -> Exhibit:
    """Table II: the eight experiments."""
    rows = []
    for row in paper.published("table2"):
        scan = whole("fig01", row["case"]).only(row["target"])
        (experiment,) = scan.definition.experiments
        counts = {event.flavour: f"{event.counts:.5g}" for event in scan.events()}
        window = (
            f"{row['low_keV']} to {row['high_keV']} keV" if row["high_keV"] != "inf" else f"above {row['low_keV']} keV"
        )
        cells = (
            f"{row['mass_kg']} kg",
            f"{row['distance_m']} m",
            f"{experiment.distance_m:g} m",
            f"{row['efficiency']}%",
        )
        name = f"{TARGETS[row['target']]}, {row['case']}"
        rows.append((name, *cells, window, *(counts[flavour] for flavour in FLAVOURS)))
    words = ("experiment", "mass", "distance, Table II", "distance here", "efficiency", "recoil window")
    columns = (*words, *(f"events, {flavour}" for flavour in FLAVOURS.values()))
    return Exhibit(
        "What Table II says, and the events of each flavour that the scan files count. 2.5 × 10⁷ neutrinos /cm²/s per "
        "flavour at 20 m, 2.4 × 10⁷ s (realistic) or one year of 365.25 days (optimistic); BCS form factors, tree "
        "couplings.",
        tables=[Table("Experiments and expected events", columns, tuple(rows))],
        notes=[DISTANCE_NOTE],
    )


def form_factors() -> Exhibit:
    """Eq. 5: BCS form factors."""
    panels, rows, checks = [], [], []
    scans = {"BCS": whole("fig01", "optimistic"), "Helm": whole("fig01", "optimistic", every_target("helm"))}
    for target, symbol in TARGETS.items():
        T_keV = np.linspace(0.0, {"Ne": 250.0, "Ar": 150.0, "Ge": 80.0, "Xe": 46.0}[target], 200)
        lines = []
        for kind, scan in scans.items():
            (experiment,) = scan.only(target).definition.experiments
            (isotope,) = experiment.target.isotopes
            q_invfm = np.sqrt(2.0 * isotope.mass_MeV * T_keV * 1e-3) / HBARC_MEV_FM
            for stroke, (nucleon, F) in enumerate(
                zip(("protons", "neutrons"), experiment.form_factors(isotope), strict=True)
            ):
                squared = np.array([form_factor(F.code, F.parameters, q) ** 2 for q in q_invfm])
                if kind == "BCS":
                    lines.append(figures.Line(T_keV, squared, f"BCS, {nucleon}", stroke))
                elif stroke == 0:
                    lines.append(figures.Line(T_keV, squared, "Helm, both", 2))
        panels.append(figures.Panel(tuple(lines), "$T$ [keV]", "$F^2$", SYMBOLS[target], y_scale="log"))
        state = nucleus(isotope)
        b_fm = oscillator_length_fm(state)
        for kind, species in (("protons", state.protons), ("neutrons", state.neutrons)):
            numbers = (
                species.gap_MeV,
                species.delta_MeV,
                species.lambda_MeV,
                species.strength_MeV,
                species.rms_fm(b_fm),
            )
            rows.append((f"{symbol}, {kind}", f"{b_fm:.3f}", *(f"{number:.5g}" for number in numbers)))
        measured_fm = CHARGE_RADII_FM[isotope.symbol][isotope.A]
        charge_fm = sqrt(state.protons.rms_fm(b_fm) ** 2 + PROTON_RADIUS_FM**2)
        name = f"{symbol}: rms charge radius against Angeli and Marinova"
        checks.append(Check.number(name, f"{measured_fm:.4f}", charge_fm, relative=0.05, units="fm", derived=True))
    columns = ("nucleons", "b [fm]", "empirical gap [MeV]", "Δ [MeV]", "λ [MeV]", "G [MeV]", "rms radius [fm]")
    return Exhibit(
        "Form factors squared over recoil energy: eq. 5 for protons and neutrons, and Helm's with the radius of "
        "Lewin and Smith, which the readings of Table V compare with.",
        checks,
        figures.sheet([panels[:2], panels[2:]]),
        [Table("BCS ground states", columns, tuple(rows))],
        [
            (
                "The paper takes levels and interaction from elsewhere. Here the levels are those of a Woods-Saxon "
                "potential, the pairing strength gives the empirical gap of the AME2020 masses, and the oscillator "
                "lengths are believed to be the authors'. With them charge radii come out 1 to 4% small."
            ),
        ],
    )
