"""The tables [physics] and [mediators] of a scan file: the choices of the cross-section, and new interactions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import Field, SkipValidation

from scanengine.definition.reading.columns import Columns
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed, nearest_or_all, quoted, written
from scanengine.definition.reading.table import NotNegative, Number, Table
from scanengine.errors import InputError
from scanengine.inputs.constants import SIN2_THETA_W
from scanengine.inputs.mediators import CHARGES, Charges, Kind, Mediator
from scanengine.inputs.parameters import PARAMETERS, Parameter, parameters_of
from scanengine.inputs.physics import Physics
from scanengine.inputs.spins import SPINS, NuclearSpin
from scanengine.inputs.terms import MEDIATORS

_CHARGES = '{ u = 1, d = 1, nu_e = 1, nu_mu = 1, nu_tau = 1 }; or the name of a model, such as "B-L"'
_SPIN = "{ F19 = { J = 0.5, S_p = 0.475, S_n = -0.009 } }"
_MEDIATOR = '{ kind = "vector", mass_MeV = 30.0, charges = "B-L" }'
_RATIO = Columns(("q_invfm", "ratio"), low=0.0)


class SpinTable(Table):
    """The spin of a nucleus, and what its protons and neutrons carry of it."""

    J: Annotated[float, Field(gt=0, le=10)] = Field(description="Spin of the nucleus.")
    S_p: Annotated[float, Field(ge=-1, le=1)] = Field(description="Expectation value of the protons' spin.")
    S_n: Annotated[float, Field(ge=-1, le=1)] = Field(description="Expectation value of the neutrons' spin.")
    q_invfm: list[Number] | None = Field(None, description="Momentum transfers at which `ratio` is given, 1/fm.")
    ratio: list[Number] | None = Field(
        None, description="F_A(q^2) / F_A(0) at each of them; without it F_A is constant, an upper estimate."
    )


class PhysicsTable(Table):
    """Choices of the cross-section."""

    couplings: Literal["tree", "pdg2012", "radiative2020", "radiative2023"] = Field(
        "tree", description="Vector couplings of the nucleons; radiative ones depend on the flavour."
    )
    sin2_theta_w: float = Field(
        SIN2_THETA_W, gt=0, lt=1, description="Weak mixing angle at which the Asimov data are generated."
    )
    kinematics: Literal["leading", "full"] = Field(
        "leading", description='Kinematic factor; "leading" is 1 - M T / (2 E^2).'
    )
    magnetic_moment: Literal["leading", "full"] = Field(
        "leading", description='Magnetic term; "full" has T / (4 E^2) too.'
    )
    magnetic_form_factor: bool = Field(
        True, description="Whether the magnetic term has the proton form factor squared."
    )
    charge_radius: Literal["kosmas2015", "form-factor"] = Field(
        "kosmas2015",
        description='Convention of charge radii: a shift of sin2_theta_w, or <r^2> = 6 dF/dq^2 ("form-factor"), which '
        "with tree couplings is half as strong.",
    )
    axial: Annotated[bool | dict[str, SpinTable], SkipValidation] = Field(
        False, description=f"Whether axial scattering on odd nuclei counts, or their spins by isotope, such as {_SPIN}."
    )
    evaluation: Literal["polynomial", "direct"] = Field(
        "polynomial", description='How a scan evaluates counts; "direct" is a double integral at every grid point.'
    )


class ChargesTable(Table):
    """Charges of a vector mediator, which multiply its coupling."""

    u: Number = Field(0.0, description="Of the u quark.")
    d: Number = Field(0.0, description="Of the d quark.")
    electron: Number = Field(0.0, description="Of the electron.")
    nu_e: Number = Field(0.0, description="Of electron neutrinos.")
    nu_mu: Number = Field(0.0, description="Of muon neutrinos.")
    nu_tau: Number = Field(0.0, description="Of tau neutrinos.")


class MediatorTable(Table):
    """A mediator of a new interaction; its parameters g_NAME and g2_NAME = g_NAME^2 can be scanned, fixed or tied.

    A contact interaction has eps_NAME instead, a dipole portal mu_NAME [1e-10 mu_B].
    """

    kind: Literal["vector", "scalar", "tensor", "dipole"] = Field(
        description='"vector", "scalar", "tensor", or "dipole": a sterile state by a transition magnetic moment.'
    )
    mass_MeV: NotNegative | None = Field(None, description="Mass, MeV; for a dipole portal, that of the sterile state.")
    contact: bool = Field(False, description="Whether the mediator is too heavy for its mass to matter.")
    charges: Annotated[str | ChargesTable, SkipValidation] = Field(
        "universal", description=f"Charges of a vector mediator: {', '.join(CHARGES)}, or a table."
    )
    matrix_elements: Literal["hoferichter2015", "15.1Z+14N"] = Field(
        "hoferichter2015",
        description="Nucleon matrix elements of a scalar mediator that couples to quarks.",
    )


class PhysicsRead(NamedTuple):
    """The physics of a scan file, with defaults in the place of faults; `sound` says that there were none.

    `known` are all names that axes may have, those of faulty mediators too, and `bad` the faulty keys of [physics].
    """

    physics: Physics
    sound: bool
    known: Mapping[str, Parameter]
    bad: frozenset[str]


def build_physics(raw: Mapping[str, Any], report: Report) -> PhysicsRead:
    """Return the physics of a scan file after adding its faults."""
    before = len(report.faults)
    table, bad = report.check(PhysicsTable, raw.get("physics", {}), ("physics",))
    mediators = _mediators(raw.get("mediators", {}), report)
    axial = {} if "axial" in bad else _axial(table.axial, report)
    scalars = PhysicsTable.model_validate({}).model_dump(exclude={"axial"})
    scalars |= {name: getattr(table, name) for name in scalars if name not in bad}
    physics = Physics(**scalars, mediators=mediators, axial=axial)
    sound = len(report.faults) == before
    return PhysicsRead(physics, sound, parameters_of(physics) if sound else _perhaps(raw, physics), bad)


def _perhaps(raw: Mapping[str, Any], physics: Physics) -> Mapping[str, Parameter]:
    """Return the known parameters, with all that mediators of any kind would bring which have a fault."""
    tables = raw.get("mediators", {})
    sound = {mediator.name for mediator in physics.mediators}
    names = [name for name in tables if name not in sound] if isinstance(tables, dict) else []
    either = [Mediator(name, kind, mass) for name in names for kind in get_args(Kind) for mass in (1.0, None)]
    return {p.name: p for each in either for p in MEDIATORS[each.kind](each).parameters} | dict(parameters_of(physics))


def _mediators(raw: object, report: Report) -> tuple[Mediator, ...]:
    """Return the mediators without faults."""
    found = []
    taken = set(PARAMETERS)
    for name, table in report.table(raw, ("mediators",), f"{{ zp = {_MEDIATOR} }}").items():
        mediator = _mediator(name, table, ("mediators", name), report)
        if mediator is None:
            continue
        own = {parameter.name for parameter in MEDIATORS[mediator.kind](mediator).parameters}
        if own & taken:
            what = listed(sorted(own & taken))
            report.add(("mediators", name), f"its parameter {what} exists already: choose another name")
        taken |= own
        found.append(mediator)
    return tuple(found)


def _mediator(name: str, raw: object, path: KeyPath, report: Report) -> Mediator | None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", name, re.ASCII):
        report.add(path, "a mediator's name must be letters, digits and single underscores")
        return None
    if not isinstance(raw, dict):
        report.add(path, f"found {written(raw)}, it must be a table, such as {_MEDIATOR}")
        return None
    kind = report.kind_of(raw, tuple(MEDIATORS), path)
    if kind is None:
        return None
    before = len(report.faults)
    table, bad = report.check(MediatorTable, raw, path)
    _check_keys(kind, raw, path, report)
    charges = _charges(raw.get("charges", "universal"), path, report) if kind == "vector" else CHARGES["universal"]
    if bad or charges is None or len(report.faults) > before:
        return None
    mass_MeV = None if table.contact else table.mass_MeV
    return Mediator(name, table.kind, mass_MeV, charges, table.matrix_elements)


def _check_keys(kind: str, raw: Mapping[str, Any], path: KeyPath, report: Report) -> None:
    """Add the faults of keys that a kind of mediator does not have, or lacks."""
    contact = raw.get("contact") is True
    if kind == "dipole" and contact:
        report.add((*path, "contact"), "a dipole portal has no contact form: give the mass of the sterile state")
    elif contact and "mass_MeV" in raw:
        message = "found beside contact = true, where no mass matters: leave out one of them"
        report.add((*path, "mass_MeV"), message, (*path, "contact"))
    elif not contact and "mass_MeV" not in raw and not report.misspelt(raw, ("mass_MeV",), MediatorTable):
        other = "" if kind == "dipole" else ", or contact = true for one that is too heavy to matter"
        report.add((*path, "mass_MeV"), f"missing, it must be given: mass, MeV{other}")
    for key, owner in (("charges", "vector"), ("matrix_elements", "scalar")):
        if key in raw and kind != owner:
            report.add((*path, key), f"found for a {kind} mediator, only a {owner} one has {key.replace('_', ' ')}")


def _charges(raw: object, path: KeyPath, report: Report) -> Charges | None:
    if isinstance(raw, str):
        if raw not in CHARGES:
            report.add((*path, "charges"), f"unknown charges {quoted(raw)}, {nearest_or_all(raw, CHARGES)}; or a table")
        return CHARGES.get(raw)
    table, bad = report.check(ChargesTable, raw, (*path, "charges"), _CHARGES)
    if bad:
        return None
    charges = Charges(**table.model_dump())
    if charges.u == charges.d == charges.electron == 0.0:
        report.add((*path, "charges"), "all charges of u, d and electron are 0: no detector would feel this mediator")
        return None
    if charges.nu_e == charges.nu_mu == charges.nu_tau == 0.0:
        report.add((*path, "charges"), "all charges of neutrinos are 0: no detector would feel this mediator")
        return None
    return charges


def _axial(raw: object, report: Report) -> Mapping[str, NuclearSpin]:
    """Return the spins of nuclei by isotope: those of the table that is cited, or the file's own."""
    if isinstance(raw, bool):
        return dict(SPINS) if raw else {}
    path: KeyPath = ("physics", "axial")
    spins = {}
    for isotope, table in report.table(raw, path, f"{_SPIN}, or true").items():
        if not re.fullmatch(r"[A-Z][a-z]?\d+", isotope, re.ASCII):
            report.add((*path, isotope), f"found {quoted(isotope)}, it must be an isotope, as F19")
            continue
        spin, bad = report.check(SpinTable, table, (*path, isotope), "{ J = 0.5, S_p = 0.475, S_n = -0.009 }")
        if bad:
            continue
        lists = {name: values for name in _RATIO.names if (values := getattr(spin, name)) is not None}
        if len(lists) == 1:
            report.add((*path, isotope), f"found {next(iter(lists))} alone: F_A(q^2) needs {listed(_RATIO.names)}")
            continue
        try:
            points = _RATIO.from_lists(lists) if lists else None
        except InputError as error:
            report.add((*path, isotope), str(error))
            continue
        ratio = (None, None) if points is None else (points[:, 0].copy(), points[:, 1].copy())
        spins[isotope] = NuclearSpin(spin.J, spin.S_p, spin.S_n, *ratio)
    return spins


def physics_notes(physics: Physics, isotopes: set[str]) -> list[str]:
    """Return notes on what is approximate in a sound scan file: axial form factors, tensor mediators."""
    notes = []
    constant = sorted(name for name, spin in physics.axial.items() if spin.ratio is None and name in isotopes)
    if constant:
        notes.append(f"axial: F_A of {listed(constant)} is taken as constant, which is an upper estimate")
    if physics.axial and not isotopes & set(physics.axial):
        notes.append("axial: no isotope of the targets has a spin in the table, nothing is added")
    notes += [
        f"mediators.{mediator.name}: the nucleus is assumed to respond coherently to the tensor current, as in the "
        "literature, which gives an upper estimate"
        for mediator in physics.mediators
        if mediator.kind == "tensor"
    ]
    return notes
