"""The whole road by its commands: on real records, and the newcomer's on simulated ones."""

import pandas as pd
import pytest
from conftest import refused, waveforms_in

from eqt.quickstart import Size, steps
from steadkit.manifest import load

PLAIN = ("--augment", "none")


def test_real_records_from_subset_to_evaluation(shared_data, run, tmp_path):
    source = shared_data / "ncedc_a.hdf5"
    commands = [
        ("steadkit", "subset", source, "--fraction", "0.5", "-o", "half.hdf5"),
        ("steadkit", "merge", "half.hdf5", source, "-o", "all.hdf5"),
        ("eqt", "train", "--data", "all.hdf5", "--epochs", "2", "--batch-size", "32", *PLAIN),
        ("eqt", "evaluate", "runs/eqt-all"),
    ]
    for command in commands:
        result = run(*command)
        assert result.exit_code == 0, result.output
    assert len(waveforms_in(tmp_path / "all.hdf5")) == 98
    history = pd.read_csv(tmp_path / "runs/eqt-all/history.csv")
    assert history["loss"].iloc[1] < history["loss"].iloc[0]
    split = load(tmp_path / "runs/eqt-all/split.manifest")
    picks = pd.read_csv(tmp_path / "runs/eqt-all/evaluation/picks.csv")
    test_part = [
        name for name, part in zip(split.traces, split.splits, strict=True) if part == "test"
    ]
    assert picks["trace_name"].tolist() == test_part
    assert "report.html" in result.output


@pytest.fixture(scope="module")
def small():
    return ("--events", 40, "--noise", 24, "--epochs", 1)


def test_a_quickstart_with_too_little_to_train_on_makes_no_folder(run, tmp_path):
    for counts in (("--events", 2), ("--noise", 1)):
        refused(run("eqt", "quickstart", "here", *counts), "too few to train and test on")
    assert list(tmp_path.iterdir()) == []


def test_more_than_the_disk_holds_is_refused_at_once_where_a_small_one_is_there(run, tmp_path):
    (tmp_path / "quickstart" / "stead").mkdir(parents=True)
    arguments = ("--events", 2**63, "--noise", 1)
    refused(run("eqt", "quickstart", *arguments, "quickstart"), "the disk of", "has room for")


def test_the_quickstart_ends_with_a_table_and_a_picture(run, small, tmp_path):
    result = run("eqt", "quickstart", "here", *small)
    assert result.exit_code == 0, result.output
    for step in steps(tmp_path / "here", Size(40, 24, 1), 0):
        assert step.result.is_file()
    assert "F1" in result.output
    picture = result.output.splitlines()[-1].removeprefix("look at ")
    assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")
    again = run("eqt", "quickstart", "here", *small)
    assert again.exit_code == 0
    assert again.output.count("is there already") == 5
