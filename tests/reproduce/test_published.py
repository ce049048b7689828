"""Every result of every paper: within its stated tolerance, and at the deviation that was seen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scanengine.reproduce import Finding, in_words
from tests.reproduce.exhibits import RECIPES, exhibit, pins, values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WITH_FIGURES = [name for name in RECIPES if "/fig" in name or name.endswith("/eq5")]

pytestmark = pytest.mark.jit_only


@pytest.mark.parametrize("name", RECIPES)
def test_results_agree_with_the_published_ones(name: str) -> None:
    """The loose tolerance: what the report states."""
    checks = exhibit(name).checks
    differing = [
        f"{check.result}: published {check.published}, ours {check.ours}" for check in checks if not check.passed
    ]
    assert differing == []
    assert len({check.result for check in checks}) == len(checks)


@pytest.mark.parametrize("name", RECIPES)
def test_results_stay_where_they_were(name: str) -> None:
    """The tight tolerance: a change of physics shows, even where the report would still say that it agrees."""
    recipe = RECIPES[name]
    assert values(recipe) == pytest.approx(pins(recipe.paper.name)[recipe.name], rel=2e-6, abs=1e-12)


@pytest.mark.parametrize("name", RECIPES)
def test_captions_state_their_confidence_level(name: str) -> None:
    made = exhibit(name)
    words = " ".join([made.caption, *(check.result for check in made.checks)])
    if made.figure is not None:
        drawn = [text.get_text() for axes in made.figure.axes for text in axes.texts]
        heading = " ".join(text.get_text() for text in made.figure.texts)
        if any("%" in text or "sigma" in text for text in drawn):  # levels
            assert "C.L." in made.caption + heading
            assert "dof" in made.caption + heading
    if "C.L." in words:
        assert "dof" in words
    assert made.caption.endswith(".")
    assert (made.figure is not None) == (name in WITH_FIGURES)


def test_levels_are_drawn_where_that_is_looked_for() -> None:
    """What the test above takes for levels are found as texts of the axes."""
    figure = exhibit("kosmas2015/fig03").figure
    assert figure is not None
    assert any("90%" in text.get_text() for axes in figure.axes for text in axes.texts)


def test_readme_and_validation_count_as_the_report_does() -> None:
    findings = [Finding(recipe, check) for name, recipe in RECIPES.items() for check in exhibit(name).checks]
    root = Path(__file__).parents[2]
    page = (root / "docs" / "validation.md").read_text(encoding="utf-8")
    published, agree, explained, unexplained, checks, sound = re.findall(r"\d+", in_words(findings))
    assert f"| published results of the two papers | {published} | {agree} | {explained} | {unexplained} |" in page
    assert f"or from ours | {checks} | {sound} | | |" in page
    readme = " ".join((root / "README.md").read_text(encoding="utf-8").split())
    assert f"{published} results of the two papers" in readme
    assert f"whose equations the code follows: {agree} agree" in readme


@pytest.mark.parametrize("name", WITH_FIGURES, ids=[name.replace("/", "-") for name in WITH_FIGURES])
@pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, tolerance=3, style="default")
def test_figure(name: str) -> Figure:
    figure = exhibit(name).figure
    assert figure is not None
    return figure
