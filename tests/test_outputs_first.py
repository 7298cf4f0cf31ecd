"""What a command would write is looked at before anything is read: made from the commands."""

import sys

import click
import pytest
from commands import CALLS, COMPANIONS, kind_of, walk, words
from conftest import refused

COMMANDS = dict(walk())

RESUMED = {
    *("steadkit demo", "eqt experiment", "eqt quickstart", "eqt pretrained", "eqt predict"),
}
"""Go on with what exists, where it is theirs."""

INSIDE = {
    "steadkit convert to-seisbench": "metadata.csv",
    "steadkit convert to-miniseed": "picks.csv",
    "eqt compare": "comparison.csv",
}
"""Write into a folder that may hold other files: one of theirs."""

OUTPUTS = [
    (name, output) for name, call in CALLS.items() for output in call.outputs if name not in RESUMED
]
PATHS = [
    (name, parameter)
    for name, command in COMMANDS.items()
    for parameter in command.params
    if kind_of(parameter) == "path"
]


@pytest.fixture
def no_work(monkeypatch):
    """Fail where a command would load what it computes with."""
    for name in ("evaluate", "experiment", "files", "models", "predict", "train", "visualize"):
        # By its name: in the package it stands for the command.
        monkeypatch.setattr(sys.modules[f"eqt.cli.{name}"], "load_tensorflow", _fail)


def _fail():
    raise AssertionError("TensorFlow was loaded")


def call_of(name, output, value):
    values = {**CALLS[name].values(), **COMPANIONS.get((name, output), {}), output: value}
    return words(name, COMMANDS[name], values)


@pytest.fixture
def garbage(tmp_path):
    """Write inputs that are no data, so that whoever reads them is refused for another reason."""
    (tmp_path / "out").mkdir()
    for call in CALLS.values():
        for path in call.inputs.values():
            file = tmp_path / path
            if not file.suffix:
                file.mkdir(parents=True, exist_ok=True)
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            for suffix in (".hdf5", ".csv", ".manifest", file.suffix):
                file.with_suffix(suffix).write_bytes(b"garbage")
    return tmp_path


@pytest.mark.parametrize(("name", "output"), OUTPUTS)
def test_a_target_that_exists_is_refused_before_anything_is_read(
    run, garbage, no_work, name, output
):
    target = garbage / CALLS[name].outputs[output]
    if target.suffix:
        target.write_bytes(b"the user's")
    else:
        target.mkdir()
        (target / INSIDE.get(name, "thesis.txt")).write_text("the user's")
    before = {path: path.stat().st_mtime_ns for path in garbage.rglob("*")}
    program, *rest = call_of(name, output, CALLS[name].outputs[output])
    refused(run(program, *rest), "exists", target.name)
    assert {path: path.stat().st_mtime_ns for path in garbage.rglob("*")} == before


@pytest.mark.parametrize(("name", "output"), OUTPUTS)
@pytest.mark.parametrize("place", ["nowhere/o", "in/names.txt/o"])
def test_a_target_without_a_folder_is_refused_before_anything_is_read(
    run, garbage, no_work, name, output, place
):
    target = CALLS[name].outputs[output]
    if "." not in target:
        pytest.skip("its folder is made")
    program, *rest = call_of(name, output, place + target[target.index(".") :])
    refused(run(program, *rest), "folder", place.partition("/")[0])
    assert not (garbage / "nowhere").exists()


@pytest.mark.parametrize(("name", "parameter"), PATHS, ids=lambda x: getattr(x, "name", x))
@pytest.mark.parametrize("value", ["", "a\0b", "x" * 256, "a/" * 2100], ids=lambda x: x[:3])
def test_what_cannot_name_a_file_is_refused(run, tmp_path, no_work, name, parameter, value):
    values = {**CALLS[name].values(), **COMPANIONS.get((name, parameter.name), {})}
    if isinstance(parameter, click.Argument):
        value = (value,) if parameter.nargs == -1 else value
    program, *rest = words(name, COMMANDS[name], {**values, parameter.name: value})
    result = run(program, *rest)
    refused(result, "Invalid value for")
    assert result.exit_code == 2 and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "outputs", [("-o", "x.manifest", "--drop", "x"), ("-o", "out/../x.csv", "--fix", "x.hdf5")]
)
def test_two_outputs_that_are_one_file_are_refused_before_anything_is_read(run, garbage, outputs):
    refused(run("steadkit", "check", "in/a.hdf5", *outputs), "two outputs would be")


def test_a_chunk_of_another_simulation_is_refused_before_the_first_is_made(run, tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "chunk2.csv").write_text("the user's")
    refused(run("steadkit", "demo", "--events", 2, "--noise", 2), "chunk2.csv", "exists")
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["chunk2.csv"]


def test_a_folder_of_no_prediction_is_refused_before_anything_is_read(run, garbage, no_work):
    (garbage / "out" / "o").mkdir()
    (garbage / "out" / "o" / "thesis.txt").write_text("the user's")
    program, *rest = call_of("eqt predict", "output", "out/o")
    refused(run(program, *rest), "thesis.txt", "no prediction")
