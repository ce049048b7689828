"""A source of kind "reactor": antineutrinos of a reactor's fission products."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field, SkipValidation

from scanengine.definition.reading.columns import Columns
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed, quoted, written
from scanengine.definition.reading.table import File, FilePath, NotNegative, Number, Positive, Share, Table, file_of
from scanengine.definition.tables.sterile import STERILE, SterileTable
from scanengine.definition.tables.tabulated_source import read_points
from scanengine.errors import InputError
from scanengine.inputs.reactor import Points, reactor
from scanengine.inputs.sources import Source

_PER_FISSION = Columns(("E_MeV", "per_fission_MeV"), low=0.0)
_POINTS_PER_FISSION = '{ E_MeV = [0.0, 2.0], per_fission_MeV = [0.0, 1.3] } or "flux.txt"'
_REACTOR_PARTS = {"below_2_MeV": ("vogel-engel1989", "none"), "above_8_MeV": ("none", "extrapolated")}
"""What there is beyond the parametrisation, by its key; the first is the default."""

_LARGEST_POWER_GW = 100.0
"""The largest plants, of seven reactors, have some 25 GW of thermal power."""


class FissionFractions(Table):
    """Shares of the fissions, which add up to 1."""

    U235: Share = Field(0.0, description="Of uranium-235.")
    U238: Share = Field(0.0, description="Of uranium-238.")
    Pu239: Share = Field(0.0, description="Of plutonium-239.")
    Pu241: Share = Field(0.0, description="Of plutonium-241.")


class PerFission(Table):
    """Antineutrinos per fission at points, joined by straight lines."""

    E_MeV: list[Number] = Field(description="Increasing neutrino energies, MeV.")
    per_fission_MeV: list[NotNegative] = Field(description="Antineutrinos per fission and MeV at each.")


class Reactor(Table):
    """Antineutrinos of fission products, nu_ebar, from a reactor's thermal power and fuel."""

    kind: Literal["reactor"]
    power_GW: Positive = Field(description="Thermal power, GW.")
    fission_fractions: Annotated[FissionFractions, SkipValidation] = Field(
        description="Shares of the fissions of U235, U238, Pu239 and Pu241."
    )
    above_2_MeV: Literal["mueller2011", "huber2011", "vogel-engel1989"] = Field(
        "mueller2011",
        description="Spectrum per fission from 2 to 8 MeV: Mueller et al., Phys. Rev. C 83, 054615 (2011); Huber, "
        "Phys. Rev. C 84, 024617 (2011), with Mueller's of U238; Vogel and Engel, Phys. Rev. D 39, 3378 (1989).",
    )
    below_2_MeV: Annotated[Literal["vogel-engel1989", "none"] | FilePath | PerFission | File, SkipValidation] = Field(
        "vogel-engel1989",
        description="Spectrum per fission below 2 MeV: Vogel and Engel's table, of fission products without neutron "
        "captures; or lists, or a file with these two columns; or none.",
    )
    above_8_MeV: Annotated[Literal["none", "extrapolated"] | FilePath | PerFission | File, SkipValidation] = Field(
        "none",
        description="Spectrum per fission from 8 MeV on, where the parametrisations end: none; or lists, or a file "
        "with these two columns; or extrapolated, the formula used up to 12 MeV, where it is not validated.",
    )
    sterile: Annotated[SterileTable | None, SkipValidation] = Field(None, description=STERILE)


def build_reactor(raw: dict[str, Any], path: KeyPath, report: Report) -> Source | None:
    """Return the source, or None after adding its faults to the report."""
    table, bad = report.check(Reactor, raw, path)
    if "fission_fractions" not in raw:
        return None
    key = (*path, "fission_fractions")
    fractions, bad_fractions = report.check(FissionFractions, raw["fission_fractions"], key, "{ U235 = 0.6, ... }")
    parts: dict[str, Points | str | None] = {}
    try:
        for name, names in _REACTOR_PARTS.items():
            key = (*path, name)
            parts[name] = _part(raw.get(name, names[0]), names, key, report)
        below, beyond = parts.values()
        if bad or bad_fractions or below is None or beyond is None:
            return None
        # one key after the other, so that a fault stands at the right one
        make = partial(reactor, table.power_GW, fractions.model_dump(), above=table.above_2_MeV)
        more = {"fission_fractions": {}, "below_2_MeV": {"below": below}, "above_8_MeV": {"beyond": beyond}}
        for name, given in more.items():
            key, make = (*path, name), partial(make, **given)
            source = make()
    except InputError as error:
        report.add(key, str(error))
        return None
    return source


def _part(raw: object, names: Sequence[str], path: KeyPath, report: Report) -> Points | str | None:
    """Return a part of a reactor's spectrum, one of some names or points, or None after a fault of the table."""
    known = listed([quoted(name) for name in names], "or")
    raw = file_of(raw)
    if isinstance(raw, str):
        if raw in names:
            return raw
        report.add(path, f"found {written(raw)}, it must be {known}, or points as {_POINTS_PER_FISSION}")
        return None
    points = read_points(raw, PerFission, _PER_FISSION, path, report, f"{_POINTS_PER_FISSION}; or {known}")
    return None if points is None else (points[:, 0].copy(), points[:, 1].copy())


def reactor_notes(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Yield notes on the table of a sound reactor: of more power than there is, or without flux above 8 MeV."""
    if table["power_GW"] > _LARGEST_POWER_GW:
        yield (
            f"{name}: no plant has {table['power_GW']:g} GW of thermal power: for so many MW write "
            f"power_GW = {table['power_GW'] / 1000.0:g}"
        )
    if "above_8_MeV" not in table:
        yield (
            f"{name}: the reactor spectrum ends at 8 MeV, where the parametrisation ends: set above_8_MeV to extend it"
        )
