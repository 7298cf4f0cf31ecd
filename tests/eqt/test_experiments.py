"""The suites again: claims to the letter, small experiments end to end, cut off and resumed."""

import json
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import TINY, names_of, refused

from eqt.cli import main
from eqt.compare import COMPARED
from eqt.config import TrainConfig
from eqt.experiments import Settings, default_folder, experiment, make_settings
from eqt.experiments.report import FILES
from eqt.experiments.run import open_folder, prepare_data, prepare_split
from eqt.experiments.suites import (
    CLAIMS,
    SUBSETS,
    inconsistencies,
    simulated_counts,
    suite_claims,
    suite_networks,
)
from eqt.presets import PRESETS
from steadkit.atomic.stage import MARK
from steadkit.errors import InputError
from steadkit.manifest import load
from steadkit.split import SplitConfig, list_rows, split_manifest

SMALL = {"epochs": 2, "batch_size": 16}
TRACES = 60
MADE = ["data.hdf5", "data.csv", "data.manifest", "stead"]


def shrink(monkeypatch, kept=("EQT", "BC")):
    """Make the networks of the suites tiny, and only these few."""
    sizes = {"EQT": (2, 2, 2, 2), "BC": (2, 2, 2, 3), "BO": (3, 2, 2, 2)}
    for name, preset in list(PRESETS.items()):
        config = replace(TINY, filters=sizes.get(name, (2, 2, 2, 2)))
        suites = preset.trained_on if name in kept else ()
        monkeypatch.setitem(PRESETS, name, replace(preset, config=config, trained_on=suites))


@pytest.fixture
def small(monkeypatch):
    shrink(monkeypatch)
    monkeypatch.setattr("eqt.experiments.suites.QUICK_TRACES", TRACES)


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Run one experiment from nothing: two tiny networks; its folder and output."""
    folder = tmp_path_factory.mktemp("experiment") / "merged"
    options = ["--quick", "--epochs", 2, "--batch-size", 16, "--output", folder]
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        patch.setattr("eqt.experiments.suites.QUICK_TRACES", TRACES)
        command = ["experiment", "merged", *map(str, options)]
        result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return folder, result.output


@pytest.fixture
def done(ended):
    return ended[0]


@pytest.fixture
def settings(small):
    return make_settings("merged", None, True, SMALL)


@pytest.fixture
def copied(done, tmp_path):
    """Copy the experiment, to do something to it."""
    shutil.copytree(done, tmp_path / "merged")
    return tmp_path / "merged"


def test_the_study_claims_something_of_every_network_of_every_suite():
    for suite in SUBSETS:
        assert set(suite_claims(suite)) | {"EQT"} == set(suite_networks(suite))
    assert len(CLAIMS) == 13
    for claim in CLAIMS:
        assert set(claim.columns) <= set(COMPARED)
        assert len(set(claim.columns)) == len(claim.columns)


def test_the_numbers_are_the_studys_and_so_are_its_slips():
    counts = {c.network: (c.number, c.of, len(c.columns)) for c in CLAIMS}
    assert counts == {
        "BCLOS": (19, 25, 19),
        "BC": (9, 25, 9),
        "Partial Vanilla": (9, 25, 9),
        "BO": (6, 25, 6),
        "nb_filters_changed_EQTUtils": (13, 24, 12),
        "kernel_size_changed": (11, 24, 10),
        "nb_filters_changed_trainer": (12, 24, 11),
        "Salvation": (5, None, 5),
        "Genesis": (5, None, 5),
        "Vanilla": (6, None, 6),
        "GRU": (8, None, 8),
        "4x4": (8, None, 8),
        "2LSTM": (10, None, 10),
    }
    of_bclos = inconsistencies(suite_claims("merged")["BCLOS"])
    assert [slip.partition(", which")[0] for slip in of_bclos] == [
        "lists det_recall and d_fn without d_tp",
        "lists s_recall and s_fn without s_tp",
        "lists s_fp without s_tn",
    ]
    assert inconsistencies(suite_claims("mini")["2LSTM"]) == []


def test_a_suite_begins_with_the_network_all_are_compared_with():
    assert {suite: len(suite_networks(suite)) for suite in SUBSETS} == {
        "merged": 5,
        "micro": 4,
        "mini": 7,
    }
    assert all(suite_networks(suite)[0] == "EQT" for suite in SUBSETS)


def test_settings_are_published_unless_quick_or_told_otherwise(tmp_path):
    full = make_settings("mini", tmp_path / "a.hdf5", False, {"seed": 3, "epochs": None})
    assert full.training == TrainConfig(augment="eqt", seed=3)
    assert full.traces is None
    quick = make_settings("mini", None, True, {"augment": "eqt"})
    assert (quick.training.epochs, quick.training.schedule) == (8, "cosine")
    assert (quick.training.augment, quick.traces) == ("eqt", 4000)
    assert default_folder(full).as_posix() == "experiments/mini"
    assert sum(simulated_counts("mini", 4000)) == 4000


def test_the_folder_holds_runs_evaluations_and_a_report(done):
    runs = ["bc-seed-0", "eqt-seed-0"]
    assert sorted(path.name for path in done.iterdir()) == sorted(
        [*runs, *MADE, "experiment.json", "split.manifest", *FILES]
    )
    split = load(done / "split.manifest")
    assert len(split.traces) == TRACES
    pairs = zip(split.traces, split.splits, strict=True)
    test_part = [name for name, split_name in pairs if split_name == "test"]
    for run in runs:
        assert load(done / run / "split.manifest").digest == split.digest
        picks = pd.read_csv(done / run / "evaluation" / "picks.csv")
        assert picks["trace_name"].tolist() == test_part
        assert len(pd.read_csv(done / run / "history.csv")) == 2
    for name in FILES:
        if name.endswith(".png"):
            assert (done / name).read_bytes().startswith(b"\x89PNG")


def test_the_claims_table_has_every_column_and_follows_from_the_runs(done):
    claims = pd.read_csv(done / "claims.csv")
    assert claims["network"].tolist() == ["BC"] * 22
    assert claims["column"].tolist() == list(COMPARED)
    assert set(claims["column"][claims["study"] == "better"]) == set(
        suite_claims("merged")["BC"].columns
    )
    values = pd.read_csv(done / "bc-seed-0" / "evaluation" / "study.csv").iloc[0]
    for row in claims.to_dict("records"):
        assert row["value"] == pytest.approx(values[row["column"]], nan_ok=True)
        if row["bootstrap"] == "undecided":
            assert row["agreement"] == "undecided"
        else:
            same = (row["study"] == "better") == (row["bootstrap"] == "better")
            assert row["agreement"] == ("agree" if same else "disagree")
    networks = pd.read_csv(done / "networks.csv").set_index("network")
    by_value = claims["verdict"].value_counts()
    assert networks.loc["BC", "better"] == by_value.get("Better", 0)
    assert networks.loc["BC", "worse"] == by_value.get("Worse", 0)


def test_the_report_says_what_it_is_about(done):
    page, text = ((done / f"report.{suffix}").read_text() for suffix in ("html", "md"))
    for words in (
        "BC is better than EQT in ",
        "The study says better in 9 of 25",
        "det_precision",
        "This was a quick run, 2 epochs on 60 traces",
        "Every network was trained once",
        "lists det_recall and d_fn without d_tp",
        "batch_size: 16",
        "The data are simulated",
        "columns are counted from X_test_results.csv, the rows that EQTransformer",
    ):
        assert words in text
        assert words in page
    assert page.count("data:image/png;base64,") == 4
    assert "| #events | " in text


def test_the_command_tells_of_what_it_does(ended):
    folder, output = ended
    assert "simulating 28 events and 32 noise traces" in output
    assert "[2/2] BC, seed 0, about " in output
    assert "BC is better than EQT in " in output
    assert str(folder / "report.html") in output.splitlines()[-1]
    assert json.loads((folder / "experiment.json").read_text())["training"]["epochs"] == 2


def test_a_training_that_was_cut_off_goes_on_and_gives_the_same(done, copied, settings):
    run = copied / "bc-seed-0"
    shutil.rmtree(run)
    (copied / "report.html").unlink()
    kept = (copied / "eqt-seed-0" / "best.weights.h5").stat()

    def stop_after_an_epoch(line):
        if line.startswith("epoch 1/2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment(copied, settings, 1, stop_after_an_epoch)
    assert (run / "history.csv").exists()
    assert not (run / "curves.png").exists()
    assert not (copied / "report.html").exists()

    (run / ".history.csv.partial").mkdir()  # as a kill leaves it
    lines = []
    experiment(copied, settings, 1, lines.append)
    assert sum("is complete already" in line for line in lines) == 1
    assert sum("going on after 1 epochs" in line for line in lines) == 1
    assert (copied / "eqt-seed-0" / "best.weights.h5").stat() == kept
    for name in ("bc-seed-0/evaluation/picks.csv", "claims.csv", "claims.png"):
        assert (copied / name).read_bytes() == (done / name).read_bytes()
    assert weights(run) == weights(done / "bc-seed-0")


def weights(run):
    """Read the arrays of a file of weights."""
    values = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            values[name] = item[()].tolist() if item.shape else str(item[()])

    with h5py.File(run / "best.weights.h5") as file:
        file.visititems(keep)
    assert values
    return values


def test_a_rerun_trains_nothing_and_evaluates_what_is_missing(done, copied, settings):
    evaluation = copied / "bc-seed-0" / "evaluation"
    half = evaluation.with_name(".evaluation.partial")
    half.mkdir()
    (half / MARK).touch()
    evaluation.rename(half / "evaluation")
    (half / "evaluation" / "metrics.json").unlink()
    lines = []
    experiment(copied, settings, 1, lines.append)
    assert sum("is complete already" in line for line in lines) == 2
    assert not any(line.startswith("epoch") for line in lines)
    assert not half.exists()
    for name in ("bc-seed-0/evaluation/picks.csv", *FILES):
        assert (copied / name).read_bytes() == (done / name).read_bytes(), name


def test_what_of_the_test_part_was_trained_on_is_said_first(copied, small):
    file = copied / "bc-seed-0" / "evaluation" / "metrics.json"
    content = json.loads(file.read_text())
    n_traces = content["traces"]
    file.write_text(json.dumps(content | {"seen": {"traces": 2, "of_earthquakes": 0}}))
    options = ["--quick", "--epochs", 2, "--batch-size", 16, "--output", copied]
    result = CliRunner().invoke(main, ["experiment", "merged", *map(str, options)])
    assert result.exit_code == 0, result.output
    seen_sentence = (
        f"Not independent for BC: of these {n_traces} traces 2 were trained on or chosen by."
    )
    lines = result.output.splitlines()
    assert lines.index(seen_sentence) < next(n for n, line in enumerate(lines) if "columns" in line)
    text, page = ((copied / f"report.{suffix}").read_text() for suffix in ("md", "html"))
    assert text.split("\n\n")[1:3] == ["## In short", seen_sentence]
    assert page.partition("<p>")[2].startswith(seen_sentence)


def test_figures_of_several_seeds_are_means_with_their_spread(copied, settings):
    # Two seeds without two more trainings: BC's second finds what its first does not.
    for name in ("eqt", "bc"):
        shutil.copytree(copied / f"{name}-seed-0", copied / f"{name}-seed-1")
        config = copied / f"{name}-seed-1" / "config.json"
        content = json.loads(config.read_text())
        content["training"]["seed"] = 1
        config.write_text(json.dumps(content))
    file = copied / "bc-seed-1" / "evaluation" / "X_test_results.csv"
    rows = pd.read_csv(file)
    events = (rows["trace_category"] == "earthquake_local").sum()
    for column in ("detection_probability", "P_probability"):
        rows[column] = rows[column].isna().map({True: 0.5, False: np.nan})
    rows["P_pick"] = rows["P_probability"].map({0.5: 600.0})
    rows.to_csv(file, index=False)

    outcome = experiment(copied, settings, 2, len)
    by_seed = outcome.by_seed.set_index(["network", "figure", "seed"])["value"]
    assert by_seed["BC", "d_tp", 0] + by_seed["BC", "d_tp", 1] == events
    claims = outcome.claims.set_index("column")
    for column in ("d_tp", "p_tp", "p_fp"):
        values = [by_seed["BC", column, seed] for seed in (0, 1)]
        assert claims.loc[column, "value"] == np.mean(values)
        assert claims.loc[column, "low"] < claims.loc[column, "high"]
    text = (copied / "report.md").read_text()
    assert "Every network was trained with 2 seeds" in text
    assert "trained once" not in text
    assert "and of the 2 seeds" in text


def test_larger_data_are_cut_down_when_quick(stead, tmp_path):
    source = stead("large.hdf5", names_of(40, 20))
    settings = replace(make_settings("merged", source.hdf5, True, {}), traces=40)
    folder = tmp_path / "out"
    open_folder(folder, settings)
    said = []
    data = prepare_data(folder, settings, said.append)
    assert said[0].startswith("taking 40 of the 60 traces")
    assert data == folder / "data.hdf5"
    names = pd.read_csv(data.with_suffix(".csv"))["trace_name"]
    assert len(names) == 40
    assert set(names) < set(names_of(40, 20))
    assert prepare_data(folder, settings, said.append) == data
    assert len(said) == 1
    whole = replace(settings, traces=60)
    assert prepare_data(folder, whole, said.append) == source.hdf5


def test_a_split_beside_the_data_is_kept_to(stead, tmp_path):
    source = stead("data.hdf5", names_of(24, 12))
    manifest, _ = split_manifest(*list_rows(source.hdf5), SplitConfig(seed=7))
    manifest.write(source.hdf5.with_suffix(".split.manifest"))
    settings = replace(make_settings("merged", source.hdf5, True, {}), traces=30)
    open_folder(tmp_path / "out", settings)
    data = prepare_data(tmp_path / "out", settings, len)
    split = load(prepare_split(tmp_path / "out", data, settings, len))
    split_by_name = dict(zip(manifest.traces, manifest.splits, strict=True))
    assert len(split.traces) == 30
    assert all(
        split_by_name[n] == split_name
        for n, split_name in zip(split.traces, split.splits, strict=True)
    )


def test_refusals_are_one_clear_line(small, run, stead, tmp_path, done):
    source = stead("data.hdf5", names_of(24, 12))
    few, noise = stead("few.hdf5", names_of(2, 1)), stead("noise.hdf5", names_of(0, 40))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "experiment.json").write_text("[1")
    data = ("--data", source.hdf5, "--quick")
    cases = [
        (["merged"], ["--data", "--quick"]),
        (["macro", *data], ["macro", "merged"]),
        (["merged", "--data", "none.hdf5"], ["no file"]),
        (["merged", *data, "--output", "mine"], ["is no experiment", "--output"]),
        (["merged", *data, "--output", "broken"], ["experiment.json", "broken"]),
        (["merged", *data, "--output", source.csv], ["is a file"]),
        (["merged", *data, "--output", done], ["was begun with"]),
        (["merged", *data, "--epochs", 0], ["epochs"]),
        (["merged", *data, "--augment", "much"], ["much"]),
        (["merged", "--data", few.hdf5], ["no trace left for the", "use more data"]),
        (["merged", "--data", noise.hdf5], ["noise alone"]),
    ]
    for arguments, words in cases:
        refused(run("eqt", "experiment", *arguments), *words)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    assert not (tmp_path / "experiments").exists()


def test_other_settings_are_refused_by_name(tmp_path):
    settings = Settings("merged", None, TrainConfig(), 60)
    open_folder(tmp_path / "a", settings)
    open_folder(tmp_path / "a", settings)
    other_settings = replace(settings, training=TrainConfig(epochs=3))
    with pytest.raises(InputError, match="begun with epochs 200, not 3"):
        open_folder(tmp_path / "a", other_settings)


def test_a_setting_that_there_was_not_yet_had_its_default(tmp_path):
    settings = Settings("merged", None, TrainConfig(), 60)
    open_folder(tmp_path / "a", settings)
    file = tmp_path / "a" / "experiment.json"
    content = json.loads(file.read_text())
    del content["training"]["shuffle_block"]
    file.write_text(json.dumps(content))
    open_folder(tmp_path / "a", settings)
    other_settings = replace(settings, training=TrainConfig(shuffle_block=9))
    with pytest.raises(InputError, match="begun with shuffle_block 0, not 9"):
        open_folder(tmp_path / "a", other_settings)


def test_a_run_that_cannot_go_on_is_refused_and_stays(copied, settings):
    (copied / "bc-seed-0" / "curves.png").unlink()
    with pytest.raises(InputError, match="cannot go on"):
        experiment(copied, settings, 1, len)
    assert (copied / "bc-seed-0" / "evaluation" / "picks.csv").exists()


def test_a_run_made_otherwise_is_refused(copied, settings, monkeypatch):
    changed = replace(PRESETS["BC"], config=replace(TINY, filters=(4, 4, 4, 4)))
    monkeypatch.setitem(PRESETS, "BC", changed)
    with pytest.raises(InputError, match="bc-seed-0' was made with another split or other"):
        experiment(copied, settings, 1, len)


def test_an_evaluation_of_an_earlier_version_is_refused_before_anything_else(copied, settings):
    (copied / "bc-seed-0" / "evaluation" / "X_test_results.csv").unlink()
    lines = []
    with pytest.raises(InputError, match=r"X_test_results\.csv.*move it away.*evaluated again"):
        experiment(copied, settings, 2, lines.append)
    assert lines == []


def test_the_commands_are_listed():
    assert {"compare", "experiment"} <= set(main.commands)
