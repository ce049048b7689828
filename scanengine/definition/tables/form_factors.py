"""The key `form_factor` of an experiment: a name, or a table with its kind and parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from scanengine.definition.reading.columns import Columns
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report
from scanengine.definition.reading.sentences import listed, nearest_or_all, quoted, written
from scanengine.definition.reading.table import NotNegative, Number, Positive, Table
from scanengine.errors import InputError
from scanengine.inputs.bcs import require_even
from scanengine.inputs.form_factors import (
    NuclearFormFactors,
    bcs,
    by_isotope,
    helm,
    klein_nystrand,
    symmetrised_fermi,
    tabulated,
    unity,
)
from scanengine.inputs.nuclei import Target


class Unity(Table):
    """F = 1."""

    kind: Literal["unity"]


class Helm(Table):
    """Helm's form factor; without radii, those of Lewin and Smith."""

    kind: Literal["helm"]
    rms_fm: Positive | None = Field(None, description="Rms radius of protons and neutrons, fm.")
    rms_p_fm: Positive | None = Field(None, description="Rms radius of the protons, fm.")
    rms_n_fm: Positive | None = Field(None, description="Rms radius of the neutrons, fm.")
    s_fm: NotNegative = Field(0.9, description="Skin thickness, fm.")


class KleinNystrand(Table):
    """A hard sphere folded with a Yukawa potential."""

    kind: Literal["klein-nystrand"]
    radius_fm: Positive | None = Field(None, description="Radius of the sphere, fm; by default 1.2 A^(1/3).")
    a_fm: NotNegative = Field(0.7, description="Range of the Yukawa potential, fm.")


class SymmetrisedFermi(Table):
    """The symmetrised Fermi distribution."""

    kind: Literal["symmetrised-fermi"]
    c_fm: Positive | None = Field(None, description="Half-density radius, fm; by default 1.23 A^(1/3) - 0.60.")
    a_fm: Positive = Field(0.52, description="Diffuseness, fm.")


class Bcs(Table):
    """Oscillator states occupied as in a BCS ground state, for even-even nuclei; without keys, of tabulated radii."""

    kind: Literal["bcs"]
    b_fm: Positive | None = Field(None, description="Oscillator length, fm; or rms_charge_fm.")
    rms_charge_fm: Positive | None = Field(
        None, description="Rms charge radius to which the oscillator length is fitted, fm; or b_fm."
    )


class FormFactorTable(Table):
    """Form factors given at points of q, in a file of three columns or here."""

    kind: Literal["tabulated"]
    file: str | None = Field(
        None, description="File with columns q (/fm), F_p, F_n, relative to the scan file's directory."
    )
    q_invfm: list[Number] | None = Field(None, description="Momentum transfers from 0 on, /fm.")
    F_p: list[Number] | None = Field(None, description="Proton form factor at each q.")
    F_n: list[Number] | None = Field(None, description="Neutron form factor at each q.")


FORM_FACTORS: dict[str, type[Table]] = {
    "unity": Unity,
    "helm": Helm,
    "klein-nystrand": KleinNystrand,
    "symmetrised-fermi": SymmetrisedFermi,
    "bcs": Bcs,
    "tabulated": FormFactorTable,
}
FormFactorName = Literal["unity", "helm", "klein-nystrand", "symmetrised-fermi", "bcs"]


FormFactorKey = (
    FormFactorName
    | Unity
    | Helm
    | KleinNystrand
    | SymmetrisedFermi
    | Bcs
    | FormFactorTable
    | dict[str, FormFactorName | Unity | Helm | KleinNystrand | SymmetrisedFermi | Bcs | FormFactorTable]
)


_TABLE = Columns(("q_invfm", "F_p", "F_n"))


def build_form_factors(raw: object, target: Target | None, path: KeyPath, report: Report) -> NuclearFormFactors | None:
    """Return the form factors, tried on every isotope of the target, or None after a fault."""
    if isinstance(raw, str):
        raw = _named(raw, path, report)
        if raw is None:
            return None
    if not isinstance(raw, dict):
        report.add(
            path,
            f'found {written(raw)}, it must be a name, as "helm", or a table, as {{ kind = "helm", rms_fm = 3.0 }}',
        )
        return None
    if target is not None and "kind" not in raw and {str(isotope) for isotope in target.isotopes} & set(raw):
        return _by_isotope(raw, target, path, report)
    kind = report.kind_of(raw, tuple(FORM_FACTORS), path)
    if kind is None:
        return None
    try:
        form_factors = _of_kind(kind, raw, path, report)
        if form_factors is not None and target is not None:
            if kind == "bcs":
                require_even(target.isotopes)  # all of them in one sentence
            for isotope in target.isotopes:
                form_factors(isotope)
    except InputError as error:
        report.add(path, str(error))
        return None
    return form_factors


def _by_isotope(raw: dict[str, Any], target: Target, path: KeyPath, report: Report) -> NuclearFormFactors | None:
    """Return form factors that are given for each of the target's isotopes by its name."""
    names = [str(isotope) for isotope in target.isotopes]
    for name in raw:
        if name not in names:
            report.add((*path, name), f"found {quoted(name)}, of which the target has none: it has {listed(names)}")
    for name in names:
        if name not in raw:
            report.add(path, f"{name} is missing: there must be a form factor for each of {listed(names)}")
    found = {
        isotope: build_form_factors(
            raw[str(isotope)], replace(target, isotopes=(isotope,)), (*path, str(isotope)), report
        )
        for isotope in target.isotopes
        if str(isotope) in raw
    }
    complete = {isotope: form_factors for isotope, form_factors in found.items() if form_factors is not None}
    if len(complete) < len(names) or len(raw) > len(names):
        return None
    return by_isotope(complete)


def _named(name: str, path: KeyPath, report: Report) -> dict[str, Any] | None:
    if name == "tabulated":
        report.add(path, 'found "tabulated" alone, write { kind = "tabulated", file = "form-factor.txt" }')
        return None
    if name not in FORM_FACTORS:
        report.add(path, f"unknown form factor {quoted(name)}, {nearest_or_all(name, FORM_FACTORS)}")
        return None
    return {"kind": name}


def _of_kind(kind: str, raw: dict[str, Any], path: KeyPath, report: Report) -> NuclearFormFactors | None:
    table, bad = report.check(FORM_FACTORS[kind], raw, path)
    match table:
        case Helm():
            if not _radii_agree(raw, path, report) or bad:
                return None
            return helm(table.rms_fm, table.rms_p_fm, table.rms_n_fm, table.s_fm)
        case Bcs():
            if not _one_length(raw, path, report) or bad:
                return None
            return bcs(table.b_fm, table.rms_charge_fm)
        case FormFactorTable():
            return _tabulated(table, raw, bad, path, report)
        case _ if bad:
            return None
        case KleinNystrand():
            return klein_nystrand(table.radius_fm, table.a_fm)
        case SymmetrisedFermi():
            return symmetrised_fermi(table.c_fm, table.a_fm)
    return unity()


def _radii_agree(raw: dict[str, Any], path: KeyPath, report: Report) -> bool:
    given = [name for name in ("rms_fm", "rms_p_fm", "rms_n_fm") if name in raw]
    if given in ([], ["rms_fm"], ["rms_p_fm", "rms_n_fm"]):
        return True
    message = f"found {listed(given)}, give rms_fm alone, or rms_p_fm and rms_n_fm"
    report.add((*path, given[-1]), message, *((*path, name) for name in given))
    return False


def _one_length(raw: dict[str, Any], path: KeyPath, report: Report) -> bool:
    if not ("b_fm" in raw and "rms_charge_fm" in raw):
        return True
    message = "found beside b_fm, give one of them: either decides the oscillator length"
    report.add((*path, "rms_charge_fm"), message, (*path, "b_fm"))
    return False


def _tabulated(
    table: FormFactorTable, raw: dict[str, Any], bad: frozenset[str], path: KeyPath, report: Report
) -> NuclearFormFactors | None:
    lists = {name: raw[name] for name in _TABLE.names if name in raw}
    missing = [name for name in _TABLE.names if name not in raw]
    if "file" in raw and lists:
        message = "found beside file: give the file, or the lists q_invfm, F_p and F_n"
        report.add((*path, next(iter(lists))), message, (*path, "file"))
        return None
    if bad:
        return None
    if table.file is not None:
        try:
            columns = _TABLE.from_file(report.files, table.file)
            return tabulated(*columns.T)
        except InputError as error:
            report.add((*path, "file"), str(error))
            return None
    if missing:
        report.add(
            path, f"{listed(missing)} missing: give the lists q_invfm, F_p and F_n, or a file with these columns"
        )
        return None
    columns = _TABLE.from_lists(lists)
    return tabulated(*columns.T)
