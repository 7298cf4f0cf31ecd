"""A prediction as a command: folders, resumption, workers, thresholds, and what is refused."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from continuous_records import earthquake_times, record, write_mseed
from loud_network import LOUD, save_loud_network
from obspy import Inventory, UTCDateTime, read

from eqt.cli import main
from steadkit.cluster import Execution, run_tasks
from steadkit.errors import InputError

START = "2024-02-03T23:40:00"


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return save_loud_network(tmp_path_factory.mktemp("weights") / "loud.keras")


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """Make two stations with 40 minutes around a midnight: four station-days."""
    folder = tmp_path_factory.mktemp("archive")
    for station in ("ABC", "DEF"):
        times = earthquake_times(START, 300, 1500)
        stream = record(START, 2400, times, codes=f"XX.{station}.")
        write_mseed(stream, folder / station / "a.mseed")
    return folder


@pytest.fixture(scope="module")
def first_run(archive, weights, tmp_path_factory, run_command) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "first"
    result = predict(run_command, archive, weights, folder)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def run_command():
    from click.testing import CliRunner

    return lambda *arguments: CliRunner().invoke(main, [str(a) for a in arguments])


def predict(run_command, archive, weights, folder, *options):
    base = {"--weights": weights, "-o": folder, "--workers": 1, "--floor": 0.2}
    base |= {"--p-threshold": 0.3, "--s-threshold": 0.3}
    used = [text for name, value in base.items() if name not in options for text in (name, value)]
    return run_command("predict", archive, *used, *options)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_folder_has_all_tables_and_they_agree(first_run):
    picks = pd.read_csv(first_run / "picks.csv")
    candidates = pd.read_parquet(first_run / "candidates.parquet")
    assert len(picks) == candidates["is_pick"].sum() > 10
    assert len(candidates) > len(picks)
    assert set(picks["station"]) == {"ABC", "DEF"}
    coverage = pd.read_csv(first_run / "coverage.csv", parse_dates=["start", "end"])
    assert coverage.groupby("station")["start"].nunique().tolist() == [2, 2]
    seconds = (coverage["end"] - coverage["start"]).dt.total_seconds()
    assert seconds.groupby(coverage["channel"]).sum().round().tolist() == [2 * 2400] * 3
    run = json.loads((first_run / "run.json").read_text())
    assert run["settings"]["p_threshold"] == 0.3
    assert len(run["settings"]["weights_sha256"]) == 64
    page = (first_run / "summary.html").read_text()
    assert "http" not in page.replace("http://www.w3.org", "")
    assert f"{(picks['phase'] == 'P').sum():,} picks of P" in page


def test_what_is_spent_on_reading_filtering_predicting_and_picking_is_printed(
    archive, weights, tmp_path, run_command
):
    output = predict(run_command, archive / "ABC", weights, tmp_path / "a").output
    for stage in ("reading", "filtering", "predicting", "picking"):
        assert f"{stage} " in output
    assert "windows" in output


def test_a_rerun_computes_nothing_and_changes_no_byte(archive, weights, first_run, run_command):
    before = files_of(first_run)
    result = predict(run_command, archive, weights, first_run)
    assert "0 of them computed now" in result.output
    assert files_of(first_run) == before


def test_new_records_are_added_and_the_rest_is_kept(
    archive, weights, first_run, tmp_path, run_command
):
    folder = tmp_path / "run"
    predict(run_command, archive / "ABC", weights, folder)
    result = run_command(
        *["predict", archive / "ABC", archive / "DEF", "--weights", weights, "-o", folder],
        *["--workers", 1, "--p-threshold", 0.3, "--s-threshold", 0.3, "--floor", 0.2],
    )
    assert "4 station-days, 2 of them computed now" in result.output
    assert (folder / "picks.csv").read_bytes() == (first_run / "picks.csv").read_bytes()


def test_a_changed_record_is_computed_again(archive, weights, tmp_path, run_command):
    stream = read(str(archive / "ABC" / "a.mseed"))
    path = write_mseed(stream, tmp_path / "records" / "a.mseed")
    predict(run_command, path, weights, tmp_path / "run")
    for trace in stream:
        trace.data = trace.data[::-1]
    write_mseed(stream, path)
    result = predict(run_command, path, weights, tmp_path / "run")
    assert "2 of them computed now" in result.output


def test_other_settings_are_refused_in_one_line_and_replaced_when_told_to(
    archive, weights, tmp_path, run_command
):
    folder = tmp_path / "run"
    predict(run_command, archive / "ABC", weights, folder)
    before = files_of(folder)
    result = predict(run_command, archive / "ABC", weights, folder, "--overlap", 0.3)
    assert result.exit_code == 1
    assert "was made with overlap 0.5, not 0.3" in result.output
    assert result.output.count("\n") == 1
    assert files_of(folder) == before
    result = predict(run_command, archive / "ABC", weights, folder, "--overlap", 0.3, "--overwrite")
    assert "2 of them computed now" in result.output


def test_a_folder_of_the_user_is_refused(archive, weights, tmp_path, run_command):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    result = predict(run_command, archive, weights, tmp_path / "mine")
    assert result.exit_code == 1
    assert "notes.txt" in result.output
    assert files_of(tmp_path / "mine") == {"notes.txt": b"mine"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no/such/file"], "no/such/file"),
        (["--to", "2024-02-30"], "is not a time"),
        (["--from", "2024-02-05", "--to", "2024-02-04"], "is not after"),
        (["--include", "A.B.C.D.E"], "no pattern of codes"),
        (["--overlap", "1"], "overlap"),
        (["--floor", "0.5"], "floor"),
        (["--thresholds", "nowhere"], "no evaluation"),
        (["--from", "2030-01-01"], "nothing to pick"),
        (["--scheduler", "tcp://127.0.0.1:1"], "scheduler"),
        (["--stations", "none.csv"], "none.csv"),
    ],
)
def test_what_cannot_be_used_gets_one_line(
    archive, weights, tmp_path, run_command, arguments, message
):
    result = predict(run_command, archive, weights, tmp_path / "run", *arguments)
    assert result.exit_code in (1, 2)
    lines = result.output.strip().splitlines()
    assert message in lines[-1], result.output
    assert "Traceback" not in result.output


def test_nothing_to_pick_is_a_usage_error(weights, tmp_path, run_command):
    result = run_command("predict", "--weights", weights, "-o", tmp_path / "run")
    assert result.exit_code == 2


def test_files_that_cannot_be_read_are_counted_and_fail_the_command_at_its_end(
    archive, weights, tmp_path, run_command
):
    records = tmp_path / "records"
    stream = read(str(archive / "ABC" / "a.mseed"))
    content = write_mseed(stream, records / "a.mseed").read_bytes()
    (records / "truncated.mseed").write_bytes(content[:700])
    (records / "empty.mseed").write_bytes(b"")
    (records / "notes.txt").write_text("no record")
    result = predict(run_command, records, weights, tmp_path / "run")
    assert "empty files" in result.output
    assert "files of no waveform format" in result.output
    assert len(pd.read_csv(tmp_path / "run" / "picks.csv")) > 10


def test_workers_change_no_byte(archive, weights, first_run, tmp_path, run_command):
    result = predict(run_command, archive, weights, tmp_path / "run", "--workers", 2)
    assert result.exit_code == 0, result.output
    assert files_of(tmp_path / "run") == files_of(first_run)


def test_a_killed_run_is_continued_to_the_same_bytes(archive, weights, first_run, tmp_path):
    folder = tmp_path / "run"
    command = [
        *[sys.executable, "-m", "eqt", "predict", str(archive), "--weights", str(weights)],
        *["-o", str(folder), "--workers", "1", "--p-threshold", "0.3", "--s-threshold", "0.3"],
        *["--floor", "0.2"],
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not [*folder.glob("units/*.json.gz")] and process.poll() is None:
        time.sleep(0.01)
    second = subprocess.run(command, capture_output=True, text=True)
    if process.poll() is None:  # the folder was still locked
        assert "another process is writing" in second.stderr
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "4 station-days" in done.stdout
    assert files_of(folder) == files_of(first_run)


def test_probabilities_and_pictures_on_request(archive, weights, tmp_path, run_command):
    folder = tmp_path / "run"
    predict(run_command, archive / "ABC", weights, folder, "--probabilities", "--plots")
    names = sorted(path.name for path in (folder / "probabilities").iterdir())
    assert names == ["XX.ABC..HH.2024-02-03.mseed", "XX.ABC..HH.2024-02-04.mseed"]
    first, second = (read(str(folder / "probabilities" / name)) for name in names)
    assert {trace.stats.channel for trace in first} == {"EQD", "EQP", "EQS"}
    assert first[0].stats.endtime + 0.01 == second[0].stats.starttime == UTCDateTime("2024-02-04")
    detections = pd.read_csv(folder / "detections.csv")
    pictures = {path.name for path in (folder / "plots").iterdir()}
    assert pictures == {
        *(f"{name}.png" for name in detections["detection_id"]),
        *(name.replace("mseed", "png") for name in names),
    }


def test_monte_carlo_uncertainty_depends_on_station_and_window_alone(
    archive, weights, tmp_path, run_command
):

    config = replace(LOUD, residual_kernels=(3,), dropout=0.3)
    save_loud_network(tmp_path / "dropout.keras", config)
    tables = []
    for name, inputs in (("both", archive), ("one", archive / "ABC")):
        weights_file, folder = tmp_path / "dropout.keras", tmp_path / name
        result = predict(run_command, inputs, weights_file, folder, "--mc-samples", 3)
        assert result.exit_code == 0, result.output
        table = pd.read_parquet(tmp_path / name / "candidates.parquet")
        tables.append(table[table["station"] == "ABC"].reset_index(drop=True))
    pd.testing.assert_frame_equal(*tables)
    assert (tables[0]["uncertainty"] > 0).any()


def test_amplitudes_are_in_m_per_s_where_responses_are_given(
    archive, weights, first_run, tmp_path, run_command
):
    inventory = response_of_flat_seismometer()
    inventory.write(str(tmp_path / "stations.xml"), format="STATIONXML")
    result = predict(
        *[run_command, archive / "ABC", weights, tmp_path / "run"],
        *["--stations", tmp_path / "stations.xml"],
    )
    assert result.exit_code == 0, result.output
    in_counts = pd.read_csv(first_run / "picks.csv").query("station == 'ABC'")["amplitude"]
    in_velocity = pd.read_csv(tmp_path / "run" / "picks.csv")["amplitude"]
    # A flat response of 10^9 counts s/m; the band is a little narrower than the counts' own.
    ratio = in_counts.to_numpy() / in_velocity.to_numpy() / 1e9
    assert np.median(ratio) == pytest.approx(1, abs=0.05)
    exchange = pd.read_csv(tmp_path / "run" / "X_prediction_results.csv")
    assert set(exchange["station_lat"]) == {10.0}


def response_of_flat_seismometer() -> Inventory:
    from obspy.core.inventory import Channel, Network, Response, Station
    from obspy.core.inventory.response import InstrumentSensitivity

    def response() -> Response:
        sensitivity = InstrumentSensitivity(1e9, 1.0, input_units="M/S", output_units="COUNTS")
        return Response(instrument_sensitivity=sensitivity)

    place = {"latitude": 10.0, "longitude": 20.0, "elevation": 30.0}
    channels = [
        Channel(f"HH{letter}", "", depth=0.0, sample_rate=100, response=response(), **place)
        for letter in "ENZ"
    ]
    station = Station("ABC", channels=channels, **place)
    return Inventory([Network("XX", [station])], source="test")


@pytest.mark.parametrize("n_workers", [1, 3])
def test_tasks_are_run_and_their_results_numbered(n_workers):
    tasks = [1, 2, 5, 6, 7]
    execution = Execution(n_workers)
    results = dict(run_tasks("failing_worker:fail_on_three", 100, tasks, execution))
    assert results == {number: 100 + task for number, task in enumerate(tasks)}


def test_a_task_that_ends_its_processes_is_named():
    with pytest.raises(InputError, match="worker processes have ended"):
        dict(run_tasks("failing_worker:fail_on_three", 0, [1, 3, 2], Execution(2)))
    with pytest.raises(InputError, match="four is wrong"):
        dict(run_tasks("failing_worker:fail_on_three", 0, [1, 4, 2], Execution(2)))
