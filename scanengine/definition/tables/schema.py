"""The scan file as a whole: its keys, with types, units and ranges, and the JSON schema of all its tables.

Each model checks the scalars of one table. Tables and lists inside it (`SkipValidation`) are left to the module that
reads them, which knows from the content which model they must follow; there the annotations serve the JSON schema.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SkipValidation

from scanengine.definition.reading.table import Number, Table
from scanengine.definition.tables.axes import AxisTable
from scanengine.definition.tables.experiment_schema import ExperimentTable
from scanengine.definition.tables.nuisance_schema import NuisanceTable, StatisticTable
from scanengine.definition.tables.output import OutputTable
from scanengine.definition.tables.physics import MediatorTable, PhysicsTable
from scanengine.definition.tables.source_kinds import SourceTable
from scanengine.inputs.parameters import PARAMETERS

_PARAMETERS = "Names: " + ", ".join(p.name if p.units == "1" else f"{p.name} [{p.units}]" for p in PARAMETERS.values())


class ScanFile(Table):
    """A scan: a source, what experiments count of its neutrinos, and the parameters to scan."""

    title: str = Field("", description="Title of results and figures; any text.")
    include: list[str] | None = Field(
        None,
        description='Other scan files in the same directory, or bundled scans, such as ["coherent/csi2021"], whose '
        "experiments, sources and nuisances are taken over; "
        "a nuisance of this file takes the place of theirs of the same name. Their axes and output are not.",
    )
    set: Annotated[dict[str, Any], SkipValidation] = Field(
        {},
        description="Changes of keys of the included files, by their dotted keys in quotes, as "
        '"experiments.Ne.mass_kg" = 50.0. Included sources are sources.NAME, by the name of their file.',
    )
    source: Annotated[str | SourceTable | None, SkipValidation] = Field(
        None,
        description='Neutrino source: a table [source], or the name of a facility, e.g. "sns"; not needed where '
        "every experiment names another.",
    )
    sources: Annotated[dict[str, str | SourceTable], SkipValidation] = Field(
        {}, description="More sources by name, such as [sources.reactor], for experiments to name."
    )
    data_from: str = Field("", description="Where to obtain the files in {data}, in a sentence.")
    physics: Annotated[PhysicsTable, SkipValidation] = Field(
        default_factory=lambda: PhysicsTable.model_validate({}), description="Cross-section."
    )
    mediators: Annotated[dict[str, MediatorTable], SkipValidation] = Field(
        {}, description="Mediators of new interactions by name: tables [mediators.NAME]."
    )
    experiments: Annotated[list[ExperimentTable], Field(min_length=1), SkipValidation] = Field(
        description="Detectors: one or more tables [[experiments]]."
    )
    statistic: Annotated[StatisticTable, SkipValidation] = Field(
        default_factory=lambda: StatisticTable.model_validate({}), description="Comparison with the data."
    )
    nuisances: Annotated[list[NuisanceTable], SkipValidation] = Field(
        [], description="Parameters to minimise over at every point: tables [[nuisances]]."
    )
    correlations: Annotated[list[tuple[str, str, Number]], SkipValidation] = Field(
        [],
        description='Pairs of correlated nuisances, with their correlation, such as [["a", "b", 0.5]]; their '
        "pulls are z^T C^-1 z.",
    )
    axes: Annotated[dict[str, AxisTable], SkipValidation] = Field(
        {}, description=f"Scanned parameters, in the order of the grid's dimensions. {_PARAMETERS}"
    )
    fixed: Annotated[dict[str, Number], SkipValidation] = Field(
        {}, description="Parameters held at a value, in their units."
    )
    tied: Annotated[dict[str, dict[str, Number]], SkipValidation] = Field(
        {}, description="Parameters that are linear functions of others: factors by name, and a constant."
    )
    output: Annotated[OutputTable, SkipValidation] = Field(
        default_factory=lambda: OutputTable.model_validate({}), description="Result file."
    )


def schema() -> dict[str, Any]:
    """Return the JSON schema of scan files, with descriptions and units."""
    tidied: dict[str, Any] = _tidied(ScanFile.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "scanengine scan file"} | tidied


def _tidied(node: Any) -> Any:
    """Without titles, which repeat the key, and nulls: what pydantic calls nullable is a key that may be left out."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: _tidied(value)
        for key, value in node.items()
        if not (key == "default" and value is None) and not (key == "title" and isinstance(value, str))
    }
    choices = [choice for choice in kept.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        del kept["anyOf"]
        kept |= choices[0]
    elif choices:
        kept["anyOf"] = choices
    return kept
