"""Recalculated results of papers, shown beside the published numbers.

A paper is a folder with scan files, tables of published numbers and `recipes.py`, in which a `Paper` collects the
recipes: functions that each return an `Exhibit`, the figure, tables and checks of one published result.
"""

from scanengine.reproduce.checks import Check
from scanengine.reproduce.folders import find_recipes, papers
from scanengine.reproduce.papers import Exhibit, Paper, Recipe, Table
from scanengine.reproduce.report import INDEX, write_report
from scanengine.reproduce.tally import Finding, in_words

__all__ = [
    "INDEX",
    "Check",
    "Exhibit",
    "Finding",
    "Paper",
    "Recipe",
    "Table",
    "find_recipes",
    "in_words",
    "papers",
    "write_report",
]
