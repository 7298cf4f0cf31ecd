"""Going on with a training that was cut off: the same bits, or one clear line."""

import hashlib
import json
import shutil
import zipfile
from dataclasses import replace
from functools import partial

import h5py
import numpy as np
import pandas as pd
import pytest
from campaigns.training_kills import weights
from conftest import SHORT, TINY, names_of, refused

from eqt.runs import RunFolder, create_run, load_setup, locked_run
from eqt.training import RuntimeOptions, checkpoint, resume, train
from steadkit.atomic import write_text
from steadkit.atomic.stage import MARK
from steadkit.errors import InputError

# Layers that draw, and all that has a memory.
NETWORK = replace(TINY, residual_kernels=(3,), dropout=0.2)
LASTING = replace(
    SHORT,
    epochs=3,
    batch_size=6,
    augment="eqt",
    shuffle_block=5,
    ema=0.9,
    warmup=1,
    plateau=1,
    weight_decay=0.01,
)
OFTEN = RuntimeOptions(save_every=1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Train without a disturbance; returns the data and the run."""
    from conftest import write_stead

    folder = tmp_path_factory.mktemp("whole")
    source = write_stead(folder / "data.hdf5", names_of(24, 12))
    run = train(source.hdf5, folder / "run", NETWORK, LASTING, len, options=OFTEN)
    return source, run


class Killed(BaseException):
    """Ends a training as a kill does: nothing is tidied up."""


def cut_off(data, folder, states: int) -> RunFolder:
    """Train and end when so many states have been written."""
    written = []

    def save(real, *arguments):
        if len(written) == states:
            raise Killed
        written.append(real(*arguments))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "save_checkpoint", partial(save, checkpoint.save_checkpoint))
        with pytest.raises(Killed):
            train(data, folder, NETWORK, LASTING, len, options=OFTEN)
    return RunFolder(folder)


@pytest.fixture(scope="module")
def torn(whole, tmp_path_factory):
    """Cut a training off in its last epoch."""
    return cut_off(whole[0].hdf5, tmp_path_factory.mktemp("torn") / "run", 14)


@pytest.fixture
def copy(torn, tmp_path):
    """Copy that run, to be altered."""
    return RunFolder(shutil.copytree(torn.folder, tmp_path / "run"))


@pytest.mark.parametrize("states", [2, 14])
def test_a_training_that_was_cut_off_ends_with_the_same_bits(whole, tmp_path, states):
    run, undisturbed = cut_off(whole[0].hdf5, tmp_path / "run", states), whole[1]
    assert run.state.exists() and not run.is_complete
    resume(run.folder, len)
    for path in ("best", "last"):
        result, expected = (weights(getattr(run_folder, path)) for run_folder in (run, undisturbed))
        assert result.keys() == expected.keys()
        assert all(np.array_equal(result[name], expected[name]) for name in expected)
    result, expected = (
        pd.read_csv(run_folder.history).drop(columns="seconds") for run_folder in (run, undisturbed)
    )
    pd.testing.assert_frame_equal(result, expected, check_exact=True)
    assert {p.name for p in run.folder.iterdir()} == {p.name for p in undisturbed.folder.iterdir()}


def test_a_training_that_is_complete_is_left_as_it_is(whole):
    before = {path: path.stat().st_mtime_ns for path in whole[1].folder.iterdir()}
    lines = []
    assert resume(whole[1].folder, lines.append) == whole[1]
    assert before == {path: path.stat().st_mtime_ns for path in whole[1].folder.iterdir()}
    assert "complete already" in lines[0]


def test_what_changed_since_the_beginning_is_refused(copy, whole, tmp_path):
    run = copy
    content = json.loads(run.config.read_text())

    def altered(change) -> None:
        changed = json.loads(json.dumps(content))
        change(changed)
        run.config.write_text(json.dumps(changed))

    changes = [
        (lambda c: c["training"].update(learning_rate=0.1), "belongs to other settings"),
        (lambda c: c["training"].update(shuffle_block=6), "belongs to other settings"),
        (lambda c: c["training"].pop("shuffle_block"), "belongs to other settings"),
        (lambda c: c["model"].update(attention_units=4), "is refused"),
        (lambda c: c["environment"].update(keras="3.0"), "keras was 3.0"),
        (lambda c: c["about"].update(split_digest="0"), "the split of"),
        (lambda c: c["about"].update(devices="x"), "device"),
        (lambda c: c.pop("about"), "kept no state"),
    ]
    for change, words in changes:
        altered(change)
        with pytest.raises(InputError, match=words) as refusal:
            resume(run.folder, len)
        assert "\n" not in str(refusal.value)
    altered(lambda c: None)
    # The table of the data with a blank at its end is another table.
    shutil.copy(whole[0].csv, tmp_path / "kept.csv")
    with whole[0].csv.open("a") as file:
        file.write("\n")
    with pytest.raises(InputError, match=r"the data of .* changed"):
        resume(run.folder, len)
    shutil.copy(tmp_path / "kept.csv", whole[0].csv)


def test_a_run_begun_before_there_was_a_setting_goes_on(tmp_path, whole, monkeypatch):
    """Its ``config.json`` lacks the setting, and its state has a key without it."""
    monkeypatch.setitem(globals(), "LASTING", replace(LASTING, shuffle_block=0, epochs=2))
    run = cut_off(whole[0].hdf5, tmp_path / "run", 2)
    content = json.loads(run.config.read_text())
    assert content["training"].pop("shuffle_block") == 0
    run.config.write_text(json.dumps(content))
    with zipfile.ZipFile(run.state) as file, file.open("state.json") as member:
        state = json.load(member)
    content_of_key = [content["model"], content["training"]]
    content_of_key.append(
        [content["about"][name] for name in ("devices", "data_digest", "split_digest")]
    )
    key = hashlib.blake2b(json.dumps(content_of_key).encode(), digest_size=32).hexdigest()
    assert key in state.values()
    resume(run.folder, len)
    assert run.is_complete


def test_another_machine_has_to_be_allowed(copy):
    run, setup = copy, load_setup(copy)
    content = json.loads(run.config.read_text())
    content["environment"]["cores"] = "1000"
    run.config.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"cores was 1000.* --other-machine"):
        resume(run.folder, len)
    resume(run.folder, len, other_machine=True)
    assert len(pd.read_csv(run.history)) == setup.training.epochs


def test_a_folder_that_is_half_there_is_refused(copy, tmp_path):
    run = copy
    whole_state = run.state.read_bytes()
    damages = [
        (lambda: run.state.write_bytes(whole_state[:-100]), "not a whole zip"),
        (lambda: run.state.write_bytes(b"nothing"), "not a whole zip"),
        (lambda: _hollow(run.state), "is damaged"),
        (run.state.unlink, "no state.npz"),
        (run.split.unlink, "no file"),
        (run.config.unlink, "not a run folder"),
    ]
    for damage, words in damages:
        damage()
        with pytest.raises(InputError, match=words) as refusal:
            resume(run.folder, len)
        assert "\n" not in str(refusal.value)
    with pytest.raises(InputError, match="not a run folder"):
        resume(tmp_path / "none", len)


def _hollow(path) -> None:
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("state.json", "{}")


def test_nobody_trains_in_a_run_that_another_holds(copy):
    with locked_run(copy.folder), pytest.raises(InputError, match="another process is training"):
        resume(copy.folder, len)


def test_what_a_kill_left_of_a_folder_that_was_being_made_is_no_hindrance(tmp_path):
    partial_folder = tmp_path / ".run.partial"
    (partial_folder / "run").mkdir(parents=True)
    (partial_folder / MARK).touch()
    (partial_folder / "run" / "config.json").write_text("half")
    with create_run(tmp_path / "run", lambda run: write_text(run.config, "{}")) as run:
        assert run.config.read_text() == "{}"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    with pytest.raises(InputError, match="exists"), create_run(tmp_path / "run", len):
        pass


def test_a_training_goes_on_where_its_data_are_now(copy, whole, run, tmp_path, stead):
    content = json.loads(copy.config.read_text()) | {"data": str(tmp_path / "gone.hdf5")}
    copy.config.write_text(json.dumps(content))
    refused(run("eqt", "train", "--resume", copy.folder), "gone.hdf5", "not there", "--data")
    other_data = stead("other.hdf5", names_of(24, 11))
    refused(run("eqt", "train", "--resume", copy.folder, "--data", other_data.hdf5), "the data of")
    for path in (whole[0].hdf5, whole[0].csv, whole[0].csv.with_suffix(".manifest")):
        if path.exists():
            shutil.copy(path, tmp_path / f"here{path.suffix}")
    result = run("eqt", "train", "--resume", copy.folder, "--data", "here.hdf5")
    assert result.exit_code == 0, result.output
    mine, expected = (weights(run_folder.last) for run_folder in (copy, whole[1]))
    assert all(np.array_equal(mine[name], expected[name]) for name in expected)


def test_resuming_takes_no_other_settings(copy, run):
    folder = copy.folder
    refused(run("eqt", "train", "--resume", folder, "--epochs", 3), "--resume takes", "--epochs")
    refused(run("eqt", "train", "--other-machine", "--data", "x.hdf5"), "--resume")
    result = run("eqt", "train", "--resume", folder)
    assert result.exit_code == 0, result.output
    assert f"run: {folder}" in result.output and (folder / "curves.png").exists()
    with h5py.File(folder / "last.weights.h5") as file:
        assert file.attrs["format"] == "eqt weights 1"
