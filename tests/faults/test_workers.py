"""Workers that die in mid-run, and the same bytes whoever works: processes, dask workers, MPI ranks."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import h5py
import pytest

from scanengine.store import open_unfinished
from tests.faults.nursery import Nursery, environment
from tests.faults.scans import assert_same, write_scan
from tests.faults.waiting import PATIENCE_SECONDS, processes_of, wait_for

RUN = ("run", "scan.toml", "--no-figure", "--set", "axes.eps_ee_uV.points=801")
SCRIPT = """\
import os, sys
from pathlib import Path
from tests.faults.nursery import arrange
from scanengine.store import GridWriter

hold = int(os.environ["HOLD"]) if "HOLD" in os.environ else None
arrange(1e9 if hold else 0.0, points=1780, hold=hold)  # in each worker, to which this is the main module
write = GridWriter.write


def die_once(self, start, prepared):
    if start[0] > 400 and Path("deadly").exists() and "shards" in str(self.path):
        Path("deadly").unlink()
        os.kill(os.getpid(), 9)
    write(self, start, prepared)


GridWriter.write = die_once
if __name__ == "__main__":
    from scanengine.__main__ import main
    main()
"""


def run(folder: Path, *arguments: str, before: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run the command line, with the script as the main module of all its processes."""
    (folder / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [*before, "script.py", *RUN, *arguments],
        cwd=folder,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def whole(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of threads."""
    folder = tmp_path_factory.mktemp("whole")
    write_scan(folder)
    status, printed = nursery.run(folder, *RUN, points=1780)
    assert status == 0, printed
    return folder / "scan.h5"


def same_bytes(path: Path, whole: Path) -> None:
    assert_same(path, whole)
    with h5py.File(path) as file, h5py.File(whole) as other:
        chunks, others = file["chi2"].id, other["chi2"].id
        for i in range(chunks.get_num_chunks()):
            start = chunks.get_chunk_info(i).chunk_offset
            # deflate may find other matches for the same numbers: ISA-L's stream is not always the same
            assert inflated(chunks.read_direct_chunk(start)) == inflated(others.read_direct_chunk(start))


def inflated(chunk: tuple[int, bytes]) -> tuple[int, bytes]:
    """The numbers of a chunk and what fills it at the edge, shuffled; its checksum left out."""
    mask, data = chunk
    return mask, zlib.decompress(data[:-4])


def test_a_process_that_is_killed_costs_its_own_tiles(whole: Path, tmp_path: Path) -> None:
    write_scan(tmp_path)
    (tmp_path / "deadly").touch()
    python = (sys.executable,)
    status, errors = run(tmp_path, "--executor", "processes:2", before=python)
    assert status == 1
    assert "error: a worker has died (BrokenProcessPool: killed, or out of memory?): finished tiles are kept" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "deadly").exists()
    unfinished = open_unfinished(tmp_path / "scan.partial.h5")
    assert unfinished is not None
    assert 0 < unfinished.done < unfinished.tiles
    status, errors = run(tmp_path, "--executor", "processes:2", before=python)
    assert status == 0, errors
    assert "resuming after" in errors
    same_bytes(tmp_path / "scan.h5", whole)
    assert not (tmp_path / "scan.shards").exists()


STOPPING = """\
import os, signal
from contextlib import suppress
from pathlib import Path
from tests.faults.nursery import arrange
from scanengine.store import GridWriter
from scanengine.scan import workers as farm

arrange(0.0, points=1780)
farm._BATCH_TILES = 2  # so that others have something to do
write = GridWriter.write


def stop(self, start, prepared):
    for turn in range(int(os.environ["STOP"]) if "shards" in str(self.path) else 0):
        with suppress(FileExistsError):
            Path(f"turn-{turn}").touch(exist_ok=False)
            Path(f"stopped-{os.getpid()}").touch()
            os.kill(os.getpid(), signal.SIGSTOP)
    write(self, start, prepared)


GridWriter.write = stop
if __name__ == "__main__" and os.environ["API"]:
    import scanengine
    scan = scanengine.load("scan.toml", ["axes.eps_ee_uV.points=801"])
    scan.run("scan.h5", executor="mpi", worker_timeout_s=30)
elif __name__ == "__main__":
    from scanengine.__main__ import main
    main()
"""


def run_with_stopped(
    folder: Path, number: int, *arguments: str, before: tuple[str, ...] = (), api: bool = False
) -> tuple[int, str]:
    """Run the command line with workers of which so many stop in mid-run, and leave none of them behind."""
    (folder / "stopping.py").write_text(STOPPING)
    with subprocess.Popen(
        [*(before or (sys.executable,)), "stopping.py", *RUN, "--worker-timeout", "15", *arguments],
        cwd=folder,
        env=environment(STOP=str(number), API="yes" if api else ""),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            _, errors = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        wait_for(lambda: not processes_of(process.pid))
        return process.returncode, errors


@pytest.mark.slow
def test_what_a_process_that_stops_has_begun_is_done_by_others(whole: Path, tmp_path: Path) -> None:
    write_scan(tmp_path)
    status, errors = run_with_stopped(tmp_path, 1, "--executor", "processes:2")
    assert status == 0, errors
    (stopped,) = (path.name.removeprefix("stopped-") for path in tmp_path.glob("stopped-*"))
    assert f"worker process {stopped} on " in errors
    assert "has not responded for 15 s: its tiles are given to others" in errors
    same_bytes(tmp_path / "scan.h5", whole)
    assert not (tmp_path / "scan.shards").exists()


@pytest.mark.slow
def test_processes_that_all_stop_end_the_run_and_the_same_command_goes_on(whole: Path, tmp_path: Path) -> None:
    write_scan(tmp_path)
    status, errors = run_with_stopped(tmp_path, 1, "--executor", "processes:1")
    assert status == 1
    assert "error: no worker has responded for 15 s: finished tiles are kept" in errors
    assert "Traceback" not in errors
    status, errors = run_with_stopped(tmp_path, 0, "--executor", "processes:1")
    assert status == 0, errors
    same_bytes(tmp_path / "scan.h5", whole)


@pytest.mark.parametrize("executor", ["threads", pytest.param("processes:1", marks=pytest.mark.slow)])
def test_what_workers_of_a_killed_run_have_left_is_taken_up(whole: Path, tmp_path: Path, executor: str) -> None:
    write_scan(tmp_path)
    shards = tmp_path / "scan.shards"
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py", *RUN, "--executor", "processes:1"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(HOLD="20"), stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        wait_for(lambda: list(tmp_path.glob("held-*")), lambda: process.poll() is None)
        process.kill()
    wait_for(lambda: not processes_of(process.pid))
    left = sorted(shards.glob("*[0-9a-f].h5"))
    (shards / "mine.txt").write_text("not of scanengine")
    data = bytearray(left[0].read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    (shards / "0-0-00000000.h5").write_bytes(data)  # a damaged one
    status, errors = run(tmp_path, "--executor", executor, before=(sys.executable,))
    assert status == 0, errors
    assert "its tiles are done again" in errors
    same_bytes(tmp_path / "scan.h5", whole)
    assert [path.name for path in shards.iterdir()] == ["mine.txt"]


def test_a_file_in_the_place_of_the_workers_folder_is_named(tmp_path: Path, nursery: Nursery) -> None:
    write_scan(tmp_path)
    (tmp_path / "scan.shards").write_text("")
    status, errors = nursery.run(tmp_path, *RUN, "--executor", "processes:1", points=1780)
    assert status == 2
    assert "scan.shards, for what workers write, cannot be made: File exists; write elsewhere with -o" in errors


def test_left_shards_of_another_scan_are_refused_and_kept(tmp_path: Path, nursery: Nursery) -> None:
    write_scan(tmp_path)
    (tmp_path / "scan.shards").mkdir()
    assert nursery.run(tmp_path, *RUN, "--shard", "1/2", "--set", "experiments.Ne.mass_kg=7", points=1780)[0] == 0
    foreign = (tmp_path / "scan.shard-1-of-2.h5").rename(tmp_path / "scan.shards" / "0-1-0123abcd.h5")
    status, errors = nursery.run(tmp_path, *RUN, "--executor", "processes:1", points=1780)
    assert status == 2
    assert "experiments.Ne.mass_kg: 7.0 there, 100.0 here" in errors
    assert "both are kept: use -o to write elsewhere, or pass --fresh" in errors
    assert foreign.exists()
    status, errors = nursery.run(tmp_path, *RUN, "--fresh", points=1780)
    assert status == 0
    assert not (tmp_path / "scan.shards").exists()


def test_in_a_folder_that_others_may_share_nothing_is_removed_but_our_own(tmp_path: Path, nursery: Nursery) -> None:
    """The workers' folder may be a link to a fast disk, and several scans may have theirs there."""
    write_scan(tmp_path)
    shared = tmp_path / "shared"
    shared.mkdir()
    for name, more in {"0-1-0123abcd.h5": ("--set", "experiments.Ne.mass_kg=7"), "0-1-89abcdef.h5": ()}.items():
        assert nursery.run(tmp_path, *RUN, "--shard", "1/2", *more, points=1780)[0] == 0
        (tmp_path / "scan.shard-1-of-2.h5").rename(shared / name)
    (shared / "0-1-00000000.h5").write_text("precious")
    (tmp_path / "scan.shards").symlink_to("shared")
    for fresh in ([], ["--fresh", "--overwrite"]):
        status, printed = nursery.run(tmp_path, *RUN, *fresh, points=1780)
        assert status == 0, printed
        assert sorted(path.name for path in shared.iterdir()) == ["0-1-00000000.h5", "0-1-0123abcd.h5"]
    assert (shared / "0-1-00000000.h5").read_text() == "precious"


DASK = """\
import os, threading
from pathlib import Path
from tests.faults.nursery import arrange
from tests.faults.waiting import wait_for
if __name__ == "__main__":
    from dask.distributed import Client, LocalCluster
    import scanengine
    arrange(points=1780)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        with Client(cluster) as client:
            client.run(arrange, points=1780, hold=10)
            victim = next(iter(client.run(os.getpid).values()))
        killed = []
        def kill():
            wait_for(Path(f"held-{victim}").exists)
            os.kill(victim, 9)
            killed.append(Path("scan.h5").exists())
            Path("go").touch()
        thread = threading.Thread(target=kill)
        thread.start()
        address = cluster.scheduler_address.removeprefix("tcp:")
        scan = scanengine.load("scan.toml", ["axes.eps_ee_uV.points=801"])
        scan.run("scan.h5", executor="dask:" + address)
        thread.join()
        print("killed in mid-run", killed == [False])
"""


@pytest.mark.slow
def test_a_dask_worker_that_is_killed_costs_nothing(whole: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    write_scan(tmp_path)
    (tmp_path / "script.py").write_text(DASK)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert "killed in mid-run True" in done.stdout
    same_bytes(tmp_path / "scan.h5", whole)
    assert not (tmp_path / "scan.shards").exists()


STUCK_DASK = """\
import os, signal, sys, threading
from pathlib import Path
from tests.faults.nursery import arrange
from tests.faults.waiting import wait_for
if __name__ == "__main__":
    from dask.distributed import Client
    import scanengine, subprocess
    what, workers = sys.argv[1], int(sys.argv[2])
    arrange(points=1780)
    run = lambda *words: subprocess.Popen([sys.executable, "-m", "distributed.cli." + words[0], *words[1:]])
    scheduler = run("dask_scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", "scheduler.json")
    wait_for(Path("scheduler.json").exists)
    worker = ("dask_worker", "--no-nanny", "--nthreads", "1", "--scheduler-file", "scheduler.json", "--no-dashboard")
    started = [run(*worker) for _ in range(workers)]
    with Client(scheduler_file="scheduler.json") as client:
        client.wait_for_workers(workers)
        client.run(arrange, points=1780, hold=6)
        victim = next(iter(client.run(os.getpid).values()))
    def harm():
        wait_for(Path(f"held-{victim}").exists)
        if what == "scheduler killed":
            scheduler.kill()
        elif what == "scheduler stopped":
            scheduler.send_signal(signal.SIGSTOP)
        if what.startswith("scheduler"):
            Path("go").touch()
        elif what == "worker stopped":
            os.kill(victim, signal.SIGSTOP)
            Path("go").touch()
        else:  # it goes on waiting, and answers to dask
            wait_for(lambda: len(list(Path().glob("held-*"))) == workers)
            for held in Path().glob("held-*"):
                if held.name != f"held-{victim}":
                    Path("go-" + held.name.removeprefix("held-")).touch()
    thread = threading.Thread(target=harm)
    thread.start()
    try:
        scan = scanengine.load("scan.toml", ["axes.eps_ee_uV.points=801"])
        scan.run("scan.h5", executor="dask:scheduler.json", worker_timeout_s=12)
        print("whole", flush=True)
    except scanengine.ScanengineError as error:
        print("error:", error, flush=True)
    finally:
        thread.join()
        for each in (*started, scheduler):
            each.kill()
            each.wait()
"""


def run_stuck_dask(folder: Path, what: str, workers: int) -> tuple[str, str]:
    pytest.importorskip("distributed")
    write_scan(folder)
    (folder / "script.py").write_text(STUCK_DASK)
    done = subprocess.run(
        [sys.executable, "script.py", what, str(workers)],
        cwd=folder,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    return done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("what", ["worker stopped", "worker hangs"])
def test_what_a_dask_worker_has_that_falls_silent_is_done_by_others(whole: Path, tmp_path: Path, what: str) -> None:
    printed, errors = run_stuck_dask(tmp_path, what, 2)
    assert "whole" in printed, printed + errors
    same_bytes(tmp_path / "scan.h5", whole)
    assert not (tmp_path / "scan.shards").exists()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["scheduler stopped", "scheduler killed"])
def test_a_dask_scheduler_that_is_lost_is_called_so(whole: Path, tmp_path: Path, what: str) -> None:
    printed, errors = run_stuck_dask(tmp_path, what, 1)
    assert re.search(r"error: .*the dask scheduler at tcp://\S+ no longer responds", printed), printed + errors
    assert "the same command resumes from there" in printed
    status, errors = run(tmp_path, before=(sys.executable,))
    assert status == 0, errors
    assert "resuming after" in errors
    same_bytes(tmp_path / "scan.h5", whole)


def test_a_dask_scheduler_that_is_not_there_is_named(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    write_scan(tmp_path)
    status, errors = run(tmp_path, "--executor", "dask:none.json", before=(sys.executable,))
    assert status == 2
    assert "there is no scheduler file none.json" in errors


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("tls://127.0.0.1:1", "dask's settings do not fit this scheduler"),  # no certificate is set
        pytest.param("dask:/dev/null", "not a scheduler file of dask", marks=pytest.mark.slow),
        ("dask:scan.toml", "not a scheduler file of dask"),
    ],
)
def test_a_dask_scheduler_that_cannot_be_used_is_a_sentence(tmp_path: Path, where: str, said: str) -> None:
    pytest.importorskip("distributed")
    write_scan(tmp_path)
    status, errors = run(tmp_path, "--executor", f"dask:{where.removeprefix('dask:')}", before=(sys.executable,))
    assert (status, said in errors, "a bug in scanengine" in errors) == (2, True, False), errors


def mpiexec(ranks: int) -> tuple[str, ...]:
    """The command that starts ranks, if MPI is installed."""
    found = shutil.which("mpiexec")
    if found is None or importlib.util.find_spec("mpi4py") is None:
        pytest.skip("mpi4py or mpiexec is not installed")
    version = subprocess.run([found, "--version"], check=False, capture_output=True, text=True).stdout
    own = ("--oversubscribe", *(["--allow-run-as-root"] * (os.geteuid() == 0))) if "Open MPI" in version else ()
    return (found, *own, "-n", str(ranks), sys.executable, "-m", "mpi4py.futures")


@pytest.mark.slow
def test_mpi_ranks_write_the_same_bytes_and_one_that_is_killed_costs_its_own_tiles(whole: Path, tmp_path: Path) -> None:
    write_scan(tmp_path)
    ranks = mpiexec(3)
    (tmp_path / "deadly").touch()
    status, _ = run(tmp_path, "--executor", "mpi", before=ranks)
    assert status != 0
    assert not (tmp_path / "deadly").exists()
    assert not (tmp_path / "scan.h5").exists()
    status, errors = run(tmp_path, "--executor", "mpi", before=ranks)
    assert status == 0, errors
    same_bytes(tmp_path / "scan.h5", whole)
    assert not (tmp_path / "scan.shards").exists()


MPI = ("--executor", "mpi", "--worker-timeout", "30")


@pytest.mark.slow
@pytest.mark.parametrize("api", [False, True], ids=["command line", "api"])
def test_what_an_mpi_rank_that_stops_has_begun_is_done_by_others(whole: Path, tmp_path: Path, api: bool) -> None:
    """Its job ends: of a program that cannot say how it went, with status 1."""
    write_scan(tmp_path)
    status, errors = run_with_stopped(tmp_path, 1, *MPI, before=mpiexec(3), api=api)
    assert status == (1 if api else 0), errors
    (stopped,) = (int(path.name.removeprefix("stopped-")) for path in tmp_path.glob("stopped-*"))
    assert f"worker process {stopped} on " in errors
    assert "has not responded for 30 s: its tiles are given to others" in errors
    assert ("the program has ended, and its MPI job with it: a rank did not respond" in errors) == api
    same_bytes(tmp_path / "scan.h5", whole)
    assert not (tmp_path / "scan.shards").exists()
    wait_for(lambda: not Path(f"/proc/{stopped}").exists())


@pytest.mark.slow
def test_mpi_ranks_that_all_stop_end_the_job_and_the_same_command_goes_on(whole: Path, tmp_path: Path) -> None:
    write_scan(tmp_path)
    status, errors = run_with_stopped(tmp_path, 1, *MPI, before=mpiexec(2))
    assert status == 1
    assert "error: no worker has responded for 30 s: finished tiles are kept" in errors
    assert "Traceback" not in errors
    status, errors = run_with_stopped(tmp_path, 0, *MPI, before=mpiexec(2))
    assert status == 0, errors
    same_bytes(tmp_path / "scan.h5", whole)


@pytest.mark.parametrize("name", ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"])
def test_the_mpiexec_of_another_mpi_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    mpiexec(1)
    write_scan(tmp_path)
    monkeypatch.setenv(name, "3")
    status, errors = run(tmp_path, "--executor", "mpi", before=(sys.executable, "-m", "mpi4py.futures"))
    assert status != 0
    assert "3 ranks were started, but mpi4py sees 1" in errors
    assert not (tmp_path / "scan.h5").exists()
