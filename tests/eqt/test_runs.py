"""The name of a new run: claimed before anything is built, given up with the process."""

import pytest
from conftest import SHORT, TINY, names_of, refused

from eqt.presets import PRESETS, Preset
from eqt.runs import RunFolder, claimed_folder, create_run
from eqt.training import run as training_run
from eqt.training import train
from steadkit.atomic import write_text
from steadkit.atomic.stage import MARK
from steadkit.errors import InputError

OPTIONS = ("--model", "tiny", "--epochs", 1, "--batch-size", 8, "--augment", "none")
OPTIONS += ("--fractions", "0.5,0.25,0.25")


@pytest.fixture
def command(stead, monkeypatch):
    """Make the command that trains a tiny network on a small file."""
    monkeypatch.setitem(PRESETS, "tiny", Preset(TINY, 0, (), "small"))
    return ("eqt", "train", "--data", stead("data.hdf5", names_of(24, 12)).hdf5, *OPTIONS)


def before_the_network(monkeypatch, act):
    """Let something happen once, when a training is about to build its network."""
    waiting = [act]

    def build(*arguments):
        if waiting:
            waiting.pop()()
        return real(*arguments)

    real = training_run.batches_of
    monkeypatch.setattr(training_run, "batches_of", build)


def test_of_two_trainings_at_once_the_second_takes_the_next_number(
    command, run, tmp_path, monkeypatch
):
    results = []
    before_the_network(monkeypatch, lambda: results.append(run(*command)))
    results.append(run(*command))
    for result, name in zip(results, ("tiny-data-2", "tiny-data"), strict=True):
        assert result.exit_code == 0, result.output
        assert f"run: runs/{name}" in result.output.splitlines()
        readme = (tmp_path / "runs" / name / "README.txt").read_text()
        assert f"eqt evaluate runs/{name}\n" in readme
        assert RunFolder(tmp_path / "runs" / name).is_complete
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"tiny-data", "tiny-data-2"}


def test_a_name_that_another_training_claims_is_refused_before_a_network_is_built(
    command, run, tmp_path, monkeypatch
):
    built = []
    before_the_network(monkeypatch, lambda: built.append(1))
    with claimed_folder(tmp_path / "mine", tmp_path / "data.hdf5"):
        refused(run(*command, "--output", "mine"), "another process is writing 'mine'")
    assert built == []
    assert not (tmp_path / "mine").exists()


def test_what_a_killed_training_leaves_of_its_claim_is_no_hindrance(command, run, tmp_path):
    claim = tmp_path / "runs" / ".tiny-data.partial"
    (claim / "tiny-data").mkdir(parents=True)
    (claim / MARK).touch()
    (claim / "tiny-data" / "config.json").write_text("half")
    result = run(*command)
    assert result.exit_code == 0, result.output
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["tiny-data"]


def test_a_claim_is_one_process_s_until_it_ends(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "x.hdf5"
    with claimed_folder(None, data) as first, claimed_folder(None, data) as second:
        assert (first.folder.name, second.folder.name) == ("eqt-x", "eqt-x-2")
        with create_run(second, lambda made: write_text(made.config, "{}")) as made:
            assert made.config.read_text() == "{}"
    # The first was given up, and nothing is left of it.
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["eqt-x-2"]
    with claimed_folder(None, data) as third:
        assert third.folder.name == "eqt-x"


def test_a_run_put_in_place_since_its_name_was_looked_at_is_passed_over(tmp_path, monkeypatch):
    from eqt import runs

    monkeypatch.chdir(tmp_path)
    real = runs.atomic_folder

    def staged_folder(folder):
        if folder.name == "eqt-x":
            folder.mkdir(parents=True)
        return real(folder)

    monkeypatch.setattr(runs, "atomic_folder", staged_folder)
    with claimed_folder(None, tmp_path / "x.hdf5") as claim:
        assert claim.folder.name == "eqt-x-2"


def test_a_training_that_cannot_begin_leaves_no_folder_above_its_run(stead, tmp_path):
    few = stead("few.hdf5", names_of(3))
    with pytest.raises(InputError, match="holds 3 of 3 traces"):
        train(few.hdf5, tmp_path / "above" / "run", TINY, SHORT, len)
    assert not (tmp_path / "above").exists()
