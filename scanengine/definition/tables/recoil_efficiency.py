"""Detection efficiencies in true recoil energy, as experiments and their electrons have them."""

from __future__ import annotations

from pydantic import Field

from scanengine.definition.reading.columns import Columns
from scanengine.definition.reading.lines import KeyPath
from scanengine.definition.reading.report import Report, finite
from scanengine.definition.reading.sentences import written
from scanengine.definition.reading.table import File, Number, Table, file_of
from scanengine.errors import InputError
from scanengine.inputs.detectors import Efficiency

_CURVE = '{ recoil_keV = [...], values = [...] } or a file, such as "eff.csv"'
_EFFICIENCY = Columns(("recoil_keV", "efficiency"), low=0.0, high=1.0)


class EfficiencyCurve(Table):
    """Detection efficiency at true recoil energies, joined by straight lines, constant beyond the ends."""

    recoil_keV: list[Number] = Field(description="Increasing true recoil energies, keV.")
    values: list[Number] = Field(description="Efficiency at each, in [0, 1].")


def build_recoil_efficiency(raw: object, path: KeyPath, report: Report) -> Efficiency | None:
    """Return the efficiency in true recoil energy, or None after adding its fault."""
    raw = file_of(raw)
    try:
        if not isinstance(raw, dict):
            value = finite(raw)
            if value is None or not 0.0 <= value <= 1.0:
                report.add(path, f"found {written(raw)}, it must be a number in [0, 1] or a curve {_CURVE}")
                return None
            return Efficiency.constant(value)
        if "file" in raw:
            file, bad = report.check(File, raw, path)
            path = (*path, "file")
            columns = None if bad else _EFFICIENCY.of_table(report.files, file)
        else:
            curve, bad = report.check(EfficiencyCurve, raw, path)
            columns = None if bad else _EFFICIENCY.from_lists({"recoil_keV": curve.recoil_keV, "values": curve.values})
        return None if columns is None else Efficiency(columns[:, 0].copy(), columns[:, 1].copy())
    except InputError as error:
        report.add(path, str(error))
        return None
