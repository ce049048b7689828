"""Scan files, read by path or by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from scanengine import definition as definitions
from scanengine.api.scan import Scan
from scanengine.chi2.given import OwnCrossSection
from scanengine.errors import InputError
from scanengine.grid.arguments import path
from scanengine_kernels.direct import CrossSection, LargestRecoil


def load(
    path_or_name: str | Path,
    overrides: str | Sequence[str] | Mapping[str, object] = (),
    *,
    cross_section: CrossSection | None = None,
    T_max: LargestRecoil | None = None,
    data: str | Path | None = None,
) -> Scan:
    """Load a scan file by its path, or a bundled scan by its name, such as "large/nsi-5d".

    overrides are values by dotted keys of the scan file, e.g. {"fixed.mu_nu": 10}, or texts KEY=VALUE, as `--set` takes
    them. cross_section, compiled with numba.njit, takes the place of the standard one at every grid point
    (`scanengine_kernels.direct` says how it is called). T_max, compiled as well and called with (E_MeV, M_MeV), is the
    largest recoil energy in MeV that it allows, if it is not that of elastic scattering. Files written as {data}/...
    are in the folder data, by default that of the environment variable SCANENGINE_DATA. Raises InputError with all
    faults of the file.

    >>> scanengine.load("scholberg2006/fig08", {"experiments.Xe.mass_kg": 1000})
    Scan('Flavour-diagonal NSI of nu_e, Ne and Xe'; experiments: Ne, Xe; axes: eps_ee_uV (401), eps_ee_dV (441))
    """
    own_axes = cross_section is not None
    items = [overrides] if isinstance(overrides, str) else overrides
    path(path_or_name, "a scan file")
    if not isinstance(items, Mapping) and not all(isinstance(item, str) for item in items):
        raise InputError(f"overrides are texts KEY=VALUE, such as 'fixed.mu_nu=10': found {items!r}")
    definition = definitions.read(path_or_name, items, require_axes=False, own_axes=own_axes, data=data)
    if T_max is None:
        return Scan(definition, cross_section)
    if cross_section is None:
        raise InputError("T_max is that of a cross-section of your own: give cross_section, too")
    return Scan(definition, OwnCrossSection(cross_section, T_max))
