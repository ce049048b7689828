"""Every result of every paper: within its stated tolerance, and at the deviation that was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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
    if "C.L." in words:
        assert "dof" in words
    assert made.caption.endswith(".")
    assert (made.figure is not None) == (name in WITH_FIGURES)


@pytest.mark.parametrize("name", WITH_FIGURES, ids=[name.replace("/", "-") for name in WITH_FIGURES])
@pytest.mark.mpl_image_compare(savefig_kwargs={"dpi": 60}, tolerance=3, style="default")
def test_figure(name: str) -> Figure:
    figure = exhibit(name).figure
    assert figure is not None
    return figure
