"""The small calls: every command has one, they name every path, and they work."""

import re

import click
import pytest
from command_inputs import EVENT, make_inputs
from commands import CALLS, COMPANIONS, kind_of, walk, words
from conftest import refused

COMMANDS = dict(walk())


def test_every_command_has_a_small_call_and_no_other_has():
    assert set(CALLS) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_parameter_is_of_a_known_kind_and_every_path_is_read_or_written(name):
    kinds = {str(parameter.name): kind_of(parameter) for parameter in COMMANDS[name].params}
    call = CALLS[name]
    assert not call.inputs.keys() & call.outputs.keys()
    assert {p for p, kind in kinds.items() if kind == "path"} == {*call.inputs, *call.outputs}
    companions = [more for (command, _), more in COMPANIONS.items() if command == name]
    for given in (call.settings, call.more, dict.fromkeys(call.optional), *companions):
        assert given.keys() <= kinds.keys()


def test_a_type_that_nobody_knows_is_noticed():
    with pytest.raises(StopIteration):
        kind_of(click.Option(["--when"], type=click.DateTime()))


FORMER = {
    **dict.fromkeys((name for name in COMMANDS if name.startswith("eqt ")), "--out"),
    **dict.fromkeys(("steadkit check", "steadkit verify"), "--report"),
}
"""Former spellings of the option that names where to write."""


@pytest.mark.parametrize("name", COMMANDS)
def test_where_to_write_has_one_spelling_and_the_former_one_is_still_understood(name):
    command, former = COMMANDS[name], FORMER.get(name, "--out")
    context = click.Context(command)
    assert not re.search(rf"{former}\b", command.get_help(context))
    parser = command.make_parser(context)
    writing = [p for p in command.params if {"-o", "--output"} & {*p.opts}]
    for option in writing:
        assert option.opts == ["-o", "--output"] and "-o, --output PATH" in command.get_help(
            context
        )
        for spelling in ("-o", "--output", *([former] if name in FORMER else [])):
            assert parser.parse_args([spelling, "x"])[0][option.name] == "x"
    is_folder = set(CALLS[name].outputs) <= {"folder", "figure"}  # an argument, or --figure
    assert len(writing) == (0 if is_folder else 1)


def test_the_former_spelling_of_heads_and_fractions_is_understood(run):
    for old in (["--output", "picker_S"], ["--output=picker_S"]):
        words = ["why", "none.keras", *old, "--out", "new", "--data", "none.hdf5"]
        refused(run("eqt", "visualize", *words), "no file 'none.hdf5'")
    result = run("eqt", "visualize", "maps", "none.keras", "--head", "detector")
    refused(result, "No such option", "--head")
    for program in (("steadkit", "split", "none.hdf5"), ("eqt", "train", "--data", "none.hdf5")):
        refused(run(*program, "--shares", "1,0,0"), "no file 'none.hdf5'")
        refused(
            run(*program, "--shares", "1,0,0", "--fractions", "1,0,0"), "--fractions is given 2"
        )


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Write the inputs that need no network once; they are only read."""
    return make_inputs(tmp_path_factory.mktemp("commands") / "in", networks=False)


LIGHT = [
    name
    for name, call in CALLS.items()
    if not (call.is_refused or call.reads_networks or call.uses_tensorflow)
]


@pytest.mark.parametrize("name", LIGHT)
def test_a_small_call_works(run, tmp_path, inputs, name):
    (tmp_path / "in").symlink_to(inputs)
    (tmp_path / "out").mkdir()
    program, *rest = words(name, COMMANDS[name], CALLS[name].values())
    result = run(program, *(EVENT if word == "EVENT" else word for word in rest))
    assert result.exit_code == 0, result.output
    for parameter, path in CALLS[name].outputs.items():
        assert parameter in CALLS[name].optional or (tmp_path / path).exists()
