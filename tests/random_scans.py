"""Random scans of couplings: targets, bins, channels, statistics and axes that are coarse and start anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from scanengine.definition import Definition
from tests.scan_files import definition, experiment

NSI = [f"eps_{pair}_{quark}V" for pair in ("ee", "mm", "em", "et", "mt") for quark in "ud"]
OTHERS = ["sin2_theta_w", "mu_nu", "mu_nu_e", "mu_nu_mu", "r2_nu_e", "r2_nu_mu"]
TARGETS = ["Ne20", "Ar40", "Ge76", "Xe132", "CsI", "NaI", "Si28", "Ca40"]
CHANNELS: list[dict[str, list[str]]] = [
    {"all": ["nu_e", "nu_mubar", "nu_mu"]},
    {"delayed": ["nu_e", "nu_mubar"]},
    {"delayed": ["nu_e", "nu_mubar"], "prompt": ["nu_mu"]},
    {"prompt": ["nu_mu"], "e": ["nu_e"], "mb": ["nu_mubar"]},
]
KINDS = ("gaussian", "nuisance", "poisson")


@dataclass(frozen=True)
class RandomScan:
    """A scan with the Standard Model inside its axes, as tables that can be changed."""

    experiments: list[dict[str, Any]]
    axes: dict[str, dict[str, Any]]
    statistic: str
    nuisances: list[dict[str, Any]]

    def definition(self, **changes: Any) -> Definition:
        """Read the scan file, with other axes, fixed or tied values."""
        return definition(
            self.experiments,
            **{"axes": self.axes, **changes},
            statistic=self.statistic,
            nuisances=self.nuisances,
        )


def random_scan(seed: int, kind: str, most_axes: int = 5) -> RandomScan:
    """Return the scan of a seed: Gaussian with systematics, or with a nuisance, or of Poisson counts."""
    random = np.random.default_rng((seed, KINDS.index(kind)))
    experiments = []
    for i in range(random.integers(1, 5)):
        edges = np.cumsum([random.uniform(4.0, 10.0), *random.uniform(2.0, 12.0, random.integers(1, 5))])
        bins = random.random() < 0.6
        keys: dict[str, Any] = {
            "name": f"X{i}",
            "target": str(random.choice(TARGETS)),
            "mass_kg": 10.0 ** random.uniform(0.0, 2.5),
            "recoil_window_keV": None if bins else [random.uniform(1.0, 12.0), inf],
            "channels": CHANNELS[random.integers(len(CHANNELS))],
        }
        if bins:
            keys["recoil_bins_keV"] = edges.tolist()
        if kind == "gaussian":
            keys["systematic"] = float(random.choice([0.0, 0.1, 0.2]))
        experiments.append(experiment(**keys))
    names = [str(name) for name in random.choice(NSI + OTHERS, random.integers(2, most_axes + 1), replace=False)]
    if "mu_nu" in names:
        names = [name for name in names if name not in ("mu_nu_e", "mu_nu_mu")]
    flux = {"name": "flux", "width": random.uniform(0.03, 0.2), "signal": "all"}
    return RandomScan(
        experiments,
        {name: _axis(name, random) for name in names},
        "poisson" if kind == "poisson" else "gaussian",
        [flux] if kind == "nuisance" or (kind == "poisson" and random.random() < 0.5) else [],
    )


def _axis(name: str, random: np.random.Generator) -> dict[str, Any]:
    """Ends on both sides of the Standard Model, at it for some magnetic moments, even for some couplings."""
    below, above = 1.0, 1.0
    match name.split("_", maxsplit=1)[0]:
        case "eps":
            below, above = random.uniform(0.3, 3.0, 2)
            if random.random() < 0.2:
                below = above
        case "mu":
            below, above = random.choice([0.0, random.uniform(1.0, 15.0)]), random.uniform(2.0, 45.0)
        case "r2":
            below, above = random.uniform(5.0, 45.0, 2)
        case "sin2":
            below, above = random.uniform(0.03, 0.18, 2)
    middle = 0.2312 if name == "sin2_theta_w" else 0.0
    return {"min": float(middle - below), "max": float(middle + above), "points": int(random.integers(4, 9))}
