"""A prediction on a cluster: a real Dask scheduler and workers on loopback, one of them killed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from continuous_records import earthquake_times, record, write_mseed
from loud_network import save_loud_network

from eqt.cli import main
from steadkit.cluster import Execution, run_tasks
from steadkit.errors import InputError

pytest.importorskip("distributed", reason="Dask is not installed")

TESTS = Path(__file__).parents[1]
PATIENCE = 60.0


class LoopbackCluster:
    """A scheduler and two workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.file, self.folder = folder / "scheduler.json", folder
        self.processes = [
            self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        ]
        wait_until(lambda: self.file.exists() and self.file.read_text().strip().endswith("}"))
        self.address = json.loads(self.file.read_text())["address"]
        self.workers = [
            self._start("worker", "--no-nanny", "--nthreads", "2", "--no-dashboard", "--name", name)
            for name in ("first", "second")
        ]
        self.processes += self.workers

    def _start(self, program: str, *options: str) -> subprocess.Popen[bytes]:
        module = f"distributed.cli.dask_{program}"
        path = os.pathsep.join([str(TESTS), *filter(None, sys.path)])
        return subprocess.Popen(
            [sys.executable, "-m", module, "--scheduler-file", str(self.file), *options],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def close(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()


def wait_until(is_done) -> None:
    end = time.monotonic() + PATIENCE
    while not is_done():
        assert time.monotonic() < end, "the cluster has not started"
        time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path) -> Iterator[LoopbackCluster]:
    loopback = LoopbackCluster(tmp_path)
    yield loopback
    loopback.close()


def test_tasks_of_a_killed_worker_are_run_by_another(cluster):
    execution = Execution(scheduler=cluster.address)
    results = run_tasks("failing_worker:slow_worker", 100, [*range(8)], execution)
    done = [next(results)]
    cluster.workers[0].kill()
    done += results
    assert dict(done) == {number: 100 + number for number in range(8)}


def test_the_error_of_a_task_is_raised(cluster):
    with pytest.raises(InputError, match="four is wrong"):
        dict(
            run_tasks("failing_worker:fail_on_three", 0, [4], Execution(scheduler=cluster.address))
        )


def test_a_prediction_on_a_cluster_has_the_same_bytes(cluster, tmp_path):
    start = "2024-02-03T23:50:00"
    for station in ("ABC", "DEF"):
        stream = record(start, 1200, earthquake_times(start, 300), codes=f"XX.{station}.")
        write_mseed(stream, tmp_path / "records" / f"{station}.mseed")
    weights = save_loud_network(tmp_path / "loud.keras")
    tables = []
    for name, options in (
        ("here", ["--workers", "1"]),
        ("there", ["--scheduler", cluster.address]),
    ):
        arguments = ["predict", str(tmp_path / "records"), "--weights", str(weights)]
        arguments += ["-o", str(tmp_path / name), "--floor", "0.2", "--s-threshold", "0.3"]
        result = CliRunner().invoke(main, [*arguments, "--p-threshold", "0.3", *options])
        assert result.exit_code == 0, result.output
        assert "4 station-days, 4 of them computed now" in result.output
        folder = tmp_path / name
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        tables.append({str(path.relative_to(folder)): path.read_bytes() for path in files})
    assert tables[0] == tables[1]
