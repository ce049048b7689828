"""What a scan file means: frozen objects, ready for the likelihood."""

from scanengine.definition.model.definition import Definition, chosen
from scanengine.definition.model.output import Output
from scanengine.definition.model.parameter_map import ParameterMap
from scanengine.definition.model.statistic import STATISTICS, Statistic, StatisticKind
from scanengine.definition.model.template_reference import TemplateReference, signal_numbers

__all__ = [
    "STATISTICS",
    "Definition",
    "Output",
    "ParameterMap",
    "Statistic",
    "StatisticKind",
    "TemplateReference",
    "chosen",
    "signal_numbers",
]
