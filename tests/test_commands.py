"""The small calls: every command has one, they name every path, and they work."""

import click
import pytest
from command_inputs import EVENT, make_inputs
from commands import CALLS, COMPANIONS, kind_of, walk, words

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
