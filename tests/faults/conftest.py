from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import nursery as nurseries
from tests.faults.nursery import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with nurseries.nursery() as found:
        yield found
