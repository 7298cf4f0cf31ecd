"""Training: the split, the run folder, the same seed, refusals that leave nothing behind."""

import json
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import SHORT, TINY, names_of, refused

from eqt.config import TrainConfig
from eqt.presets import PRESETS, Preset
from eqt.runs import RunFolder, default_run_folder, load_setup
from eqt.training import split_by_earthquake, train, training_split
from eqt.training.data import batches_of, missing_label_summary, traces_of
from steadkit.catalog import read_table, write_csv
from steadkit.errors import InputError
from steadkit.manifest import load, manifest_of
from steadkit.schema import EVENT
from steadkit.split import SplitConfig, list_rows, split_manifest


@pytest.fixture
def source(stead):
    return stead("data.hdf5", names_of(24, 12))


def test_a_run_folder_explains_itself(trained):
    run = RunFolder(trained)
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "README.txt",
        "best.weights.h5",
        "config.json",
        "curves.png",
        "history.csv",
        "last.weights.h5",
        "split.manifest",
    ]
    setup = load_setup(run)
    assert (setup.model, setup.training) == (TINY, SHORT)
    assert setup.data == (trained.parent / "data.hdf5").resolve()
    assert {"tensorflow", "keras", "steadkit"} <= setup.environment.keys()
    history = pd.read_csv(run.history)
    assert history["epoch"].tolist() == [1, 2]
    assert np.isfinite(history.to_numpy()).all()
    assert {"loss", "val_loss", "picker_P_loss", "val_picker_S_loss"} <= set(history)


def test_no_earthquake_is_in_two_parts(trained):
    split = load(RunFolder(trained).split)
    table = read_table(trained.parent / "data.csv").set_index("trace_name")
    parts = pd.Series(split.splits, index=split.traces)
    earthquakes = table["source_id"][table["trace_category"] == "earthquake_local"]
    by_source = parts[earthquakes.index].groupby(earthquakes)
    assert by_source.nunique().eq(1).all()
    assert len(by_source) == 8
    assert set(parts) == {"train", "validation", "test"}


def test_real_records_split_85_5_10(shared_data):
    split = split_by_earthquake(shared_data / "ncedc_a.hdf5", TrainConfig())
    counts = pd.Series(split.splits).value_counts()
    assert counts.to_dict() == {"train": 83, "test": 10, "validation": 5}


def test_an_earthquake_without_an_id_is_split_by_its_time(source):
    table = pd.read_csv(source.csv, dtype=str, keep_default_na=False)
    events = table["trace_category"] == "earthquake_local"
    table["source_id"] = ""
    table.loc[events, "source_origin_time"] = [f"2020-01-{1 + n // 4:02}" for n in range(24)]
    table.to_csv(source.csv, index=False)
    split = split_by_earthquake(source.hdf5, SHORT)
    parts = pd.Series(split.splits, index=split.traces)[table["trace_name"]].to_numpy()
    by_time = pd.Series(parts[events]).groupby(table["source_origin_time"][events].to_numpy())
    assert len(by_time) == 6
    assert by_time.nunique().eq(1).all()


def test_columns_that_the_table_lacks_are_no_fault(source):
    table = pd.read_csv(source.csv, dtype=str, keep_default_na=False)
    table[["trace_name", "trace_category"]].to_csv(source.csv, index=False)
    assert set(split_by_earthquake(source.hdf5, SHORT).splits) == {"train", "validation", "test"}


@pytest.fixture
def by_hand(source):
    """Make a split that no rule would make: every third earthquake."""
    base, table = list_rows(source.csv)
    number = table["source_id"].str.removeprefix("source").replace("", "0").astype(int)
    parts = np.array(["train", "validation", "test"])[number % 3]
    return manifest_of(
        "data", {"operation": "by hand"}, base.traces, table["trace_category"], parts
    )


def test_a_training_says_what_is_not_known(source, by_hand):
    table = read_table(source.csv)
    is_training = table["trace_name"].isin(traces_of(by_hand, "train"))
    events = np.flatnonzero((table["trace_category"] == EVENT) & is_training)
    assert len(events) >= 3
    columns = ["s_arrival_sample", "coda_end_sample", "snr_db"]
    s, coda, snr = (table.columns.get_loc(column) for column in columns)
    table.iloc[events[:3], s] = ""
    table.iloc[events[:2], coda] = ""
    table.iloc[events[:1], snr] = "[20. nan 21.]"
    write_csv(source.csv, list(table.columns), [table])
    config = replace(SHORT, augment="eqt")
    batches = batches_of(source.hdf5, by_hand, config)
    assert all(loader.config.labels.mark_unknown for loader in batches)
    lines = missing_label_summary(*batches)
    suffix = f" of the {len(events)} earthquake traces of the train split"
    assert [line.partition(suffix)[0] for line in lines] == [
        "S is not known for 3",
        "neither S nor the coda end is known for 2",
        "S is not known for 3",
        "the SNR of a component is not known for 1",
    ]
    assert lines[2].endswith("no second_event for them")
    assert not missing_label_summary(*batches_of(source.hdf5, by_hand, SHORT))[1:]


def test_training_uses_the_parts_of_the_data_set(source, by_hand, run, tmp_path, monkeypatch):
    by_hand.write(source.csv.with_suffix(".manifest"))
    lines_logged = []
    assert training_split(source.hdf5, SHORT, None, lines_logged.append).digest == by_hand.digest
    assert lines_logged == [f"split as in {source.csv.with_suffix('.manifest')}"]
    # One that is named goes before one that stands beside the data.
    by_hand.write(tmp_path / "named.manifest")
    other_split, _ = split_manifest(*list_rows(source.csv), SplitConfig(shares=SHORT.shares))
    other_split.write(source.csv.with_name("data.split.manifest"))
    assert training_split(source.hdf5, SHORT, None, len).digest == other_split.digest
    monkeypatch.setitem(PRESETS, "tiny", Preset(TINY, 0, (), "small"))
    command = ("train", "--data", source.hdf5, "--split", "named.manifest", "--epochs", 1)
    command += ("--model", "tiny")
    result = run("eqt", *command, "--batch-size", 8, "--output", "run")
    assert result.exit_code == 0, result.output
    assert "split as in named.manifest" in result.output
    assert load(tmp_path / "run/split.manifest").digest == by_hand.digest


def test_a_split_that_leaks_is_refused_in_one_line(source, by_hand, run, tmp_path):
    events = [name.endswith("EV") for name in by_hand.traces]
    parts = list(by_hand.splits)
    torn = next(n for n, part in enumerate(parts) if events[n] and part == "train")
    parts[torn] = "test"
    categories = ["earthquake_local" if event else "noise" for event in events]
    leaking = manifest_of("data", by_hand.recipe, by_hand.traces, categories, parts)
    leaking.write(tmp_path / "leak.manifest")
    result = run(
        "eqt", "train", "--data", source.hdf5, "--split", "leak.manifest", "--output", "run"
    )
    refused(result, "leak.manifest", "train and test share, by earthquake", "1 in all")
    assert not (tmp_path / "run").exists()
    refused(run("eqt", "train", "--data", source.hdf5, "--split", "none"), "no file 'none'")


def test_the_same_seed_gives_the_same_weights(trained, tmp_path):
    lines_logged = []
    repeated = train(
        trained.parent / "data.hdf5", tmp_path / "again", TINY, SHORT, lines_logged.append
    )
    assert len(lines_logged) == SHORT.epochs
    with h5py.File(trained / "last.weights.h5") as file_a, h5py.File(repeated.last) as file_b:
        names = []
        file_a["weights"].visit(names.append)
        assert len(names) > 10
        for name in names:
            if isinstance(file_a["weights"][name], h5py.Dataset):
                np.testing.assert_array_equal(file_a["weights"][name], file_b["weights"][name])


def test_a_run_is_never_overwritten(source, tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(InputError, match="exists"):
        train(source.hdf5, tmp_path / "run", TINY, SHORT, len)
    assert list((tmp_path / "run").iterdir()) == []


def test_default_folders_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert default_run_folder(tmp_path / "x.hdf5").name == "eqt-x"
    (tmp_path / "runs" / "eqt-x").mkdir(parents=True)
    assert default_run_folder(tmp_path / "x.hdf5").name == "eqt-x-2"
    assert default_run_folder(tmp_path / "x.hdf5", "Partial Vanilla").name == "partial-vanilla-x"


def test_a_bad_trace_is_named_and_leaves_no_run(source, tmp_path):
    with h5py.File(source.hdf5, "r+") as file:
        for dataset in file["data"].values():
            dataset[5, 0] = np.nan
    with pytest.raises(InputError, match="holds NaN"):
        train(source.hdf5, tmp_path / "run", TINY, SHORT, len)
    assert not (tmp_path / "run").exists()


def test_a_part_without_traces_is_refused(stead, tmp_path):
    few = stead("few.hdf5", names_of(3))
    with pytest.raises(InputError, match="holds 3 of 3 traces"):
        train(few.hdf5, tmp_path / "run", TINY, TrainConfig(), len)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--epochs", "0"), "--epochs"),
        (("--batch-size", "0"), "--batch-size"),
        (("--learning-rate", "-1"), "learning_rate"),
        (("--labels", "cone"), "--labels"),
        (("--seed", "-1"), "--seed"),
        (("--model", "XQT"), "unknown model 'XQT'"),
    ],
)
def test_options_that_cannot_be(source, run, tmp_path, options, words):
    refused(run("eqt", "train", "--data", source.hdf5, *options), words)
    assert not (tmp_path / "runs").exists()


def test_data_that_are_not_there(run):
    refused(run("eqt", "train", "--data", "none.hdf5"), "no file 'none.hdf5'")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.pop("model"), "has no .model.: take the original"),
        (lambda c: c["model"].update(filters="many"), "filters"),
        (lambda c: c["model"].update(colour="red"), "unknown model setting 'colour'"),
        (lambda c: c["training"].update(epochs=-1), "epochs"),
        (lambda c: c["training"].update(train=float("inf")), "inf"),
        (lambda c: c["training"].update(train="1e99999999"), "1e99999999"),
        (lambda c: c.update(model=[]), r"has .model. = \[\]: an object is needed"),
        (lambda c: c.update(environment=["x" * 10_000]), "has .environment. = .*: an object"),
        (lambda c: c.update(environment=None), "has .environment. = None: an object"),
        (lambda c: c.update(about=3), "has .about. = 3: an object"),
        (lambda c: c.update(data=3), "has .data. = 3: a text"),
        (lambda c: c.update(data="\0"), "the name of a file is needed"),
        (lambda c: c["model"].update(rnn_units=[16]), r"broken: rnn_units cannot be \(16,\)"),
        (lambda c: c["training"].update(batch_size=1e300), r"batch_size cannot be 1e\+300"),
        (lambda c: c["training"].update(clip_norm=10**300), "clip_norm cannot be 1000"),
        (lambda c: c["training"].update(train="0.9"), "add up to 1"),
    ],
)
def test_a_configuration_that_was_altered(trained, tmp_path, change, words):
    shutil.copytree(trained, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    content = json.loads(run.config.read_text())
    change(content)
    run.config.write_text(json.dumps(content))
    with pytest.raises(InputError, match=words) as refusal:
        load_setup(run)
    assert len(str(refusal.value)) < 800


def test_folders_that_are_no_runs(tmp_path):
    with pytest.raises(InputError, match="not a run folder"):
        load_setup(RunFolder(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        load_setup(RunFolder(tmp_path))
    (tmp_path / "config.json").write_bytes(bytes(range(256)) * 10_000)
    with pytest.raises(InputError, match="more than") as refusal:
        load_setup(RunFolder(tmp_path))
    assert len(str(refusal.value)) < 300


def test_training_on_augmented_traces(source, tmp_path):
    config = replace(SHORT, augment="eqt")
    lines_logged = []
    run = train(source.hdf5, tmp_path / "run", TINY, config, lines_logged.append)
    assert len(lines_logged) == SHORT.epochs
    assert load_setup(run).training.augment == "eqt"
    repeated = train(source.hdf5, tmp_path / "again", TINY, config, len)
    with h5py.File(run.last) as file_a, h5py.File(repeated.last) as file_b:
        names = []
        file_a.visit(names.append)
        arrays = [name for name in names if isinstance(file_a[name], h5py.Dataset)]
        assert arrays
        assert all(np.array_equal(file_a[name][()], file_b[name][()]) for name in arrays)


@pytest.mark.parametrize("options", [{"augment": "loud"}, {"augment": "eqt", "batch_size": 5}])
def test_augmentations_that_cannot_be(options):
    with pytest.raises(InputError):
        TrainConfig(**options)
