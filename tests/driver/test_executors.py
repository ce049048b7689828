"""What an executor may be named or given as."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scanengine import InputError, Scan
from scanengine.definition import parse
from scanengine.driver import executors
from tests.scan_files import SMALL


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of schedulers that were called, none of which answers."""
    seen: list[str] = []

    def call(address: str) -> None:
        seen.append(address)
        raise OSError("nobody")

    monkeypatch.setattr(executors, "_call_at", call)
    return seen


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("dask://host:8786", "tcp://host:8786"),
        ("tcp://host:8786", "tcp://host:8786"),
        ("tls://host:8786", "tls://host:8786"),
        ("dask:tls://host:8786", "tls://host:8786"),
    ],
)
def test_addresses_as_dask_and_we_write_them(called: list[str], written: str, address: str) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match="no dask scheduler answers there"), executors.executor_of(written):
        pass
    assert called == [address]


def test_dask_alone_is_the_scheduler_of_its_settings(called: list[str]) -> None:
    dask = pytest.importorskip("dask")
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match="no dask client is open in this process"), executors.executor_of("dask"):
        pass
    with (
        dask.config.set({"scheduler-address": "tcp://there:8786"}),
        pytest.raises(InputError, match="no dask scheduler answers there"),
        executors.executor_of("dask"),
    ):
        pass
    assert called == ["tcp://there:8786"]


def test_a_client_does_the_work_and_stays_open(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    scan = Scan(parse(SMALL))
    options: dict[str, Any] = {"processes": False, "n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.Client(**options) as client:
        given = scan.run(tmp_path / "given.h5", executor=client)
        by_name = scan.run(tmp_path / "by-name.h5", executor="dask")
        assert client.status == "running"
    np.testing.assert_array_equal(given.chi2, scan.run().chi2)
    np.testing.assert_array_equal(by_name.chi2, given.chi2)
    with pytest.raises(InputError, match="this dask client is closed"):
        scan.run(tmp_path / "closed.h5", executor=client)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (3, r'an executor is "threads", .* or a dask\.distributed\.Client: found 3'),
        ("dusk", "--executor dusk: use"),
        (
            SimpleNamespace(get_executor=1, scheduler_info=1, nthreads=dict, status="running"),
            "the scheduler of this dask client has no workers yet",
        ),
    ],
)
def test_what_is_no_executor(given: object, words: str) -> None:
    with pytest.raises(InputError, match=words), executors.executor_of(given):
        pass
