"""Rows of templates: as few as there are independent columns, with the same products."""

from __future__ import annotations

import numpy as np
import pytest

from scanengine.chi2.nuisances import fewest_rows


@pytest.mark.parametrize("largest", [1.0, 1e9, 1e14])
def test_fewest_rows_have_the_same_products_of_columns_large_and_small(largest: float) -> None:
    """The square of a wide coupling axis, beside data that stay as they are."""
    random = np.random.default_rng(2)
    templates = random.normal(size=(2, 40, 3)) * np.array([1.0, np.sqrt(largest), largest])
    fewer = fewest_rows(templates)
    assert fewer.shape == (2, 6, 3)
    columns, left = (each.transpose(1, 0, 2).reshape(each.shape[1], 6) for each in (templates, fewer))
    lengths = np.linalg.norm(columns, axis=0)
    np.testing.assert_allclose(
        left.T @ left / np.outer(lengths, lengths), columns.T @ columns / np.outer(lengths, lengths), atol=1e-14
    )


def test_columns_of_zeros_and_those_that_depend_on_others_take_no_row() -> None:
    templates = np.zeros((2, 9, 2))
    templates[0, :, 0] = np.arange(9.0)
    templates[1, :, 1] = 3e10 * np.arange(9.0)
    fewer = fewest_rows(templates)
    assert fewer.shape == (2, 1, 2)
    assert np.abs(fewer[:, 0]) == pytest.approx(np.array([[np.sqrt(204.0), 0.0], [0.0, 3e10 * np.sqrt(204.0)]]))
