"""Published results, run anew and shown beside the published numbers.

A paper is a folder with scan files, tables of published numbers and `recipes.py`, in which a `Paper` collects the
recipes: functions that each return an `Exhibit`, the figure, tables and checks of one published result.
"""

from scanengine.reproduce.checks import Check
from scanengine.reproduce.papers import Exhibit, Paper, Recipe, Table, find_recipes, papers
from scanengine.reproduce.report import INDEX, Finding, write_report

__all__ = ["INDEX", "Check", "Exhibit", "Finding", "Paper", "Recipe", "Table", "find_recipes", "papers", "write_report"]
