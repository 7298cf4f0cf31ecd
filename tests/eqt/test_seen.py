"""Traces that were trained on: whatever judges a network by them says so first."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from conftest import SHORT, TINY, names_of, refused

from eqt.evaluation import Protocol, evaluate, plan
from eqt.picking.picks import Thresholds
from eqt.seen import METRICS, TrainingOverlap, seen_in_evaluation
from eqt.training import train
from eqt.visualize.write import Content, save_content
from steadkit.catalog import read_table, write_csv
from steadkit.manifest import load
from steadkit.sampling import SPLITS
from steadkit.schema import NOISE


def parts_of(run: Path) -> dict[str, str]:
    manifest = load(run / "split.manifest")
    return dict(zip(manifest.traces, manifest.splits, strict=True))


def n_trained(run: Path, names) -> int:
    parts = parts_of(run)
    return sum(parts.get(name) in ("train", "validation") for name in names)


@pytest.fixture(scope="module")
def compared(trained, tmp_path_factory):
    """Evaluate one network on its test part and, copied, on half of what it was trained on."""
    folder = tmp_path_factory.mktemp("compared")
    table = read_table(trained.parent / "data.csv")
    for suffix in (".hdf5", ".csv"):
        shutil.copy(trained.parent / f"data{suffix}", folder / f"half{suffix}")
    write_csv(folder / "half.csv", list(table.columns), [table[::2]])
    for name in ("one", "two"):
        shutil.copytree(trained, folder / name)
        task = plan(folder / name, folder / "half.hdf5", None, folder / name / "evaluation")
        evaluate(task, Thresholds(), protocol=Protocol(resamples=0))
    return folder


def test_a_comparison_says_first_what_its_networks_were_trained_on(compared, run, tmp_path):
    names = read_table(compared / "half.csv")["trace_name"].tolist()
    seen = json.loads((compared / "one" / "evaluation" / METRICS).read_text())["seen"]
    assert seen["traces"] == n_trained(compared / "one", names) > 5
    message = f"Not independent for one, two: of these {len(names)} traces {seen['traces']} were"
    result = run("eqt", "compare", compared / "one", compared / "two", "--output", "out")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(message)
    page = (tmp_path / "out" / "comparison.html").read_text()
    text = (tmp_path / "out" / "comparison.md").read_text()
    assert text.split("\n\n")[1].startswith(message)
    assert page.partition("<li>")[2].startswith(message)


def test_each_network_of_a_comparison_counts_its_own(compared, run, tmp_path):
    for name in ("one", "two"):
        shutil.copytree(compared / name, tmp_path / name)
    metrics = tmp_path / "two" / "evaluation" / METRICS
    content = json.loads(metrics.read_text())
    metrics.write_text(json.dumps(content | {"seen": {"traces": 0, "of_earthquakes": 2}}))
    result = run("eqt", "compare", "one", "two")
    lines = result.output.splitlines()
    assert lines[0].startswith("Not independent for one: of these 18 traces")
    assert lines[1] == (
        "Not independent for two: of these 18 traces 2 are of earthquakes that were."
    )
    metrics.write_text(json.dumps(content | {"seen": {"traces": "many", "of_earthquakes": 2}}))
    refused(run("eqt", "compare", "one", "two", "--overwrite"), METRICS, "'many'", "whole number")


def test_networks_compared_on_new_traces_are_told_nothing(trained, run, tmp_path):
    for name in ("one", "two"):
        shutil.copytree(trained, tmp_path / name)
        task = plan(tmp_path / name, None, None, None)
        evaluate(task, Thresholds(), protocol=Protocol(resamples=0))
    result = run("eqt", "compare", "one", "two")
    assert result.exit_code == 0, result.output
    assert "Not independent" not in result.output
    assert "Not independent" not in (tmp_path / "comparison" / "comparison.md").read_text()


@pytest.mark.parametrize("has_data", [True, False], ids=["data there", "data gone"])
def test_what_an_older_evaluation_does_not_say_follows_from_the_split(compared, tmp_path, has_data):
    run = tmp_path / "one"
    shutil.copytree(compared / "one", run)
    recorded = TrainingOverlap(**json.loads((run / "evaluation" / METRICS).read_text())["seen"])
    (run / "evaluation" / METRICS).unlink()
    if not has_data:
        config = json.loads((run / "config.json").read_text())
        (run / "config.json").write_text(json.dumps(config | {"data": str(tmp_path / "gone")}))
    traces = pd.read_csv(run / "evaluation" / "traces.csv", dtype=str)
    assert seen_in_evaluation(run / "evaluation", traces) == recorded
    # Of an earthquake that was trained on, but known by that alone.
    parts = parts_of(run)
    events = traces[traces["trace_category"] != NOISE]
    test = events.index[events["trace_name"].map(parts) == "test"][0]
    train = events.index[events["trace_name"].map(parts) == "train"][0]
    traces.loc[test, "earthquake"] = traces.loc[train, "earthquake"]
    assert seen_in_evaluation(run / "evaluation", traces) == (recorded.traces, 1)
    # Elsewhere than in its run nothing is known of it.
    shutil.copytree(run / "evaluation", tmp_path / "alone")
    assert seen_in_evaluation(tmp_path / "alone", traces) == (0, 0)


def test_weights_of_a_run_are_of_what_it_was_trained_on(compared, trained, stead, run):
    names = read_table(compared / "half.csv")["trace_name"].tolist()
    known = (n_trained(trained, names), 0)
    data, weights = compared / "half.hdf5", trained / "best.weights.h5"
    assert plan(None, data, weights, None).seen == known
    assert plan(None, data, trained, None).seen == known
    # Those of another run, on the test part of this one.
    other = train(stead("other.hdf5", names_of(12, 8)).hdf5, Path("other"), TINY, SHORT, len)
    task = plan(other.folder, None, weights, None)
    assert task.seen.traces == n_trained(trained, task.traces) > 0
    result = run("eqt", "evaluate", "--data", data, "--weights", weights, "--resamples", 0)
    assert result.output.startswith(
        f"Not independent: of these {len(names)} traces {known[0]} were"
    )


@pytest.fixture
def visualize(trained, run):
    """Draw a layer of traces of some data."""

    def draw(command, *arguments):
        result = run("eqt", "visualize", command, trained, *arguments, "--output", "out")
        assert result.exit_code == 0, result.output
        assert result.stdout.strip().startswith("out")
        return result.output

    return draw


def test_pictures_of_traces_that_were_trained_on_say_so(trained, visualize, tmp_path):
    parts = parts_of(trained)
    of_part = {part: next(n for n, p in parts.items() if p == part) for part in SPLITS}
    names = ("--traces", of_part["train"], "--traces", of_part["test"])
    output = visualize("maps", "--layers", "decoderP_1", *names)
    message = "Not independent: of these 2 traces 1 were trained on or chosen by"
    assert output.startswith(message)
    assert json.loads((tmp_path / "out" / "visualize.json").read_text())["seen"] == message


def test_pictures_of_a_file_of_a_run_say_so_too(trained, compared, run, tmp_path):
    arguments = ("--data", compared / "half.hdf5", "--mean", 4, "--output", "out")
    result = run("eqt", "visualize", "attention", trained / "best.weights.h5", *arguments)
    assert result.exit_code == 0, result.output
    # Seven traces by default, and four events and four noise traces that are averaged.
    n_shown = int(re.match(r"Not independent: of these (\d+) traces \d+ were", result.stderr)[1])
    assert 7 < n_shown <= 15


def test_the_page_of_pictures_begins_with_it(tmp_path):
    facts = {"seen": "Not independent: of these 2 traces 1 were", "network": "a.keras"}
    save_content(Content([], {}), tmp_path / "out", "png", facts, with_page=True)
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.partition("<li>")[2].startswith(facts["seen"])


def test_pictures_of_the_test_part_say_nothing_of_it(visualize, tmp_path):
    output = visualize("maps", "--layers", "decoderP_1")
    assert "Not independent" not in output
    assert "seen" not in json.loads((tmp_path / "out" / "visualize.json").read_text())
