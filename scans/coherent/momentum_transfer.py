"""The weak mixing angle at the momentum transfers of the experiments."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import sqrt

import numpy as np

from scanengine import Result, Scan, figures
from scanengine.inputs.detectors import Experiment
from scanengine.reproduce import Exhibit, Table

from .paper import ONE_SIGMA, SCANS, interval_words, loaded, missing_note, not_run, paper, result, there
from .weak_mixing_angle import AXES

COHERENT = ("csi2021", "lar2020", "ge2024")
CONUS = "CONUS+ 2025"
WINDOWS = 40
"""Windows of momentum transfer in which the expected counts are found."""
SHARES = (0.16, 0.5, 0.84)


def fig_sin2_q() -> Exhibit:
    """Fits of the weak mixing angle, each at the momentum transfers of its counts."""
    fits = {SCANS[scan]: (loaded(scan, (f"axes={{ {AXES} }}",)), result(scan, AXES)) for scan in there(COHERENT)}
    fits[CONUS] = conus()
    rows, items = [], []
    for stroke, (name, (scan, found)) in enumerate(fits.items()):
        Q = momentum_transfers_MeV(scan)
        angle = scan.fit()[0].place["sin2_theta_w"]
        ((span,),) = [each.intervals for each in found.limits(ONE_SIGMA)]
        first, last = found.axes[0].values[[0, -1]].tolist()
        low, high = (first if span.lo is None else span.lo), (last if span.hi is None else span.hi)
        items.append(point(Q, (low, angle, high), name, stroke))
        words = interval_words(found, ONE_SIGMA, "sin2_theta_w")
        rows.append((name, f"{Q[1]:.3g} MeV", f"{Q[0]:.3g} to {Q[2]:.3g} MeV", f"{angle:.4f}", words))
    known = {row["name"]: row for row in paper.published("running")}
    moller_Q, angle, error = (float(known["E158"][key]) for key in ("Q_MeV", "value", "error"))
    ends = (angle - error, angle, angle + error)
    items.append(point((moller_Q, moller_Q, moller_Q), ends, "Møller scattering", len(fits)))
    words = f"{ends[0]:.4f} to {ends[2]:.4f}"
    rows.append(("Møller scattering, E158", f"{moller_Q:.3g} MeV", "", f"{angle:.4f}", words))
    panel = figures.Panel(
        tuple(items),
        "$Q$ [MeV]",
        r"$\sin^2\theta_W$",
        "",
        x_range=(3.0, 1000.0),
        y_range=(0.1, 0.4),
        x_scale="log",
        levels=((float(known["limit"]["value"]), r"$\overline{\mathrm{MS}}$"),),
    )
    columns = ("experiment", "median Q", "central 68% of the counts", "sin²θ_W", "68.27% C.L., 1 dof")
    return Exhibit(
        "sin²θ_W as it is fitted to each experiment alone, with its 68.27% interval (1 dof, minimised over nuisances), "
        "at the median momentum transfer Q = √(2MT + T²) of the nuclear recoils that the Standard Model gives in its "
        "bins; horizontally, the central 68% of them. Dotted: the Standard Model in the MS-bar scheme at Q → 0.",
        not_run("weak mixing angle against momentum transfer", COHERENT),
        figures.sheet([[panel]]),
        [Table("sin²θ_W against Q", columns, tuple(rows))],
        [*missing_note(COHERENT), *NOTES],
    )


def conus() -> tuple[Scan, Result]:
    """Return the scan of CONUS+'s count, and its result."""
    scan = paper.load("../reactor/conus-plus", f"axes={{ {AXES} }}")
    return scan, scan.run()


def momentum_transfers_MeV(scan: Scan) -> tuple[float, float, float]:
    """Return the momentum transfers below which 16%, 50% and 84% of a scan's expected nuclear recoils lie."""
    (experiment,) = scan.definition.experiments
    target = experiment.target
    mass = float(np.average([isotope.mass_MeV for isotope in target.isotopes], weights=target.atoms_per_kg))
    spectra = scan.definition.source_of(experiment).spectra
    highest = 2.0 * max(spectrum.E_max_MeV for spectrum in spectra.values())
    lowest = sqrt(2e-3 * mass * experiment.bin_edges_keV[0])
    Q = np.linspace(lowest, highest, WINDOWS + 1)
    edges_keV = 1e3 * (np.sqrt(mass**2 + Q**2) - mass)  # Q^2 = 2 M T + T^2
    counts = [counted(scan, experiment, window) for window in pairwise(edges_keV.tolist())]
    below = np.concatenate([[0.0], np.cumsum(counts)]) / sum(counts)
    low, median, high = np.interp(SHARES, below, Q).tolist()
    return low, median, high


def counted(scan: Scan, experiment: Experiment, window_keV: tuple[float, float]) -> float:
    """Return the nuclear recoils with energies in a window that the Standard Model is expected to give in all bins."""
    alone = replace(
        experiment,
        bin_edges_keV=np.array(window_keV),
        signal_template=None,
        timing=None if experiment.signal_template is not None else experiment.timing,
        extra=None,
        data=None,
        backgrounds={},
        recoils=("nucleus",),
        electrons=None,
    )
    definition = replace(scan.definition, experiments=(alone,), template_references={}, nuisances=(), correlations=())
    return sum(record.counts for record in Scan(definition).events())


def point(Q: tuple[float, float, float], angle: tuple[float, float, float], name: str, stroke: int) -> figures.Points:
    """Return the point of a measurement, with both bars: each is the lower end, the value and the upper end."""
    ends = (np.array([[low], [high]]) for low, _, high in (Q, angle))
    return figures.Points(np.array([Q[1]]), np.array([angle[1]]), name, stroke, *ends)


NOTES = (
    (
        "Momentum transfers are those of the signal calculated with the detector's response; the expected counts that "
        "the collaborations give for LAr 2020, Ge 2024 and CONUS+ do not enter here."
    ),
    (
        "The value at Q → 0 is 0.23868 ± 0.00005: J. Erler and R. Ferro-Hernández, arXiv:1712.09146, abstract. The "
        "running between there and larger Q is not drawn. Møller scattering is E158, Phys. Rev. Lett. 95, 081601, "
        "abstract: an effective angle, at Q² = 0.026 GeV²."
    ),
)
