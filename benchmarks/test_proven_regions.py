"""What proven tiles and traced borders cost, beside the searches of the exact profiles that they begin from.

`pytest benchmarks/test_proven_regions.py --benchmark-enable --benchmark-only` prints the times, all of one thread in
one run; the extra information has what comes of them. Under plain `pytest` each case runs once, on fewer cells.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from benchmarks.test_exact_profiles import problem, unknown
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.driver import proven_profiles, tracing
from scanengine.driver.exact_profiles import Searched, searched_profiles
from scanengine.driver.proven_profiles import Asked, Undecided, undecided_profiles
from scanengine.driver.traced_borders import with_borders
from scanengine.inference.levels import delta_chi2
from scanengine.inference.proven_regions import proven_region

pytestmark = pytest.mark.benchmark(group="regions of ten planes of five parameters, at 90% C.L.")

HEIGHT = {90.0: delta_chi2(0.9, 2)}


@cache
def undecided(points: int) -> tuple[ChiSquaredPolynomial, Undecided]:
    polynomial, axes = problem(*(points,) * 5)
    return polynomial, undecided_profiles(polynomial, axes, unknown(axes), 1)


def test_searches(benchmark: Any) -> None:
    polynomial, axes = problem(*((11,) * 5 if benchmark.disabled else (31,) * 5))
    arguments = polynomial, axes, unknown(axes), 1
    found = benchmark.pedantic(searched_profiles, args=arguments, rounds=1, warmup_rounds=1)
    assert found.profiles.minimum == pytest.approx(0.0, abs=1e-9)


def test_tiles(benchmark: Any) -> None:
    tiles = 8 if benchmark.disabled else 64
    _, still = undecided(11)
    asked = Asked({1: [delta_chi2(0.9, 1)], 2: list(HEIGHT.values())}, (90.0,), None, 2)
    proven_profiles._tiles(still, still.ends, asked, None)  # compiles
    arguments = still, still.ends, asked._replace(tiles=tiles), None
    found = benchmark.pedantic(proven_profiles._tiles, args=arguments, rounds=1)
    planes = {names: each for names, each in found.items() if len(names) == 2}
    regions = [proven_region(names, 0.9, each, still.ends) for names, each in planes.items()]
    benchmark.extra_info["undecided"] = [round(region.undecided_share, 4) for region in regions]
    assert len(planes) == 10
    assert all(region.area[0] <= region.area[1] for region in regions)


def test_borders(benchmark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    polynomial, still = undecided(11)
    evaluations = 0

    def counted(surface: tracing.Surface) -> tracing.Surface:
        def counting(evaluate: Any) -> Any:
            def called(*arguments: Any) -> Any:
                nonlocal evaluations
                evaluations += 1
                return evaluate(*arguments)

            return called

        return tracing.Surface(counting(surface.near), counting(surface.follow))

    from scanengine.driver import traced_borders

    real = traced_borders.surface_of
    monkeypatch.setattr(traced_borders, "surface_of", lambda *arguments: counted(real(*arguments)))
    found: Searched = still.found
    rounds = 1
    result = benchmark.pedantic(
        with_borders, args=(polynomial, found, still.profiles, HEIGHT, 1), rounds=rounds, warmup_rounds=1
    )
    curves = [border for borders in result.borders.values() for border in borders]
    cells = sum(len(found.cells[pair].chi2) for pair in combinations(range(5), 2))
    benchmark.extra_info["evaluations of a plane"] = round(evaluations / len(curves) / (1 if benchmark.disabled else 2))
    benchmark.extra_info["cells of a plane"] = cells // len(curves)
    assert all(border.is_whole and border.error < 2e-6 for border in curves)
    assert len(curves) == 10
    assert all(np.array_equal(ring[0], ring[-1]) for border in curves for ring in border.rings)
