"""The campaign of abused commands: a little of it, what its tables cover, and that it sees harm."""

import pytest
from campaigns.abuse.campaign import campaign, choose
from campaigns.abuse.cases import all_cases, commands
from campaigns.abuse.judge import Ended, fault_of, harm_of
from commands import CALLS, kind_of

KINDS = {
    "undisturbed",
    "numbers",
    "times",
    "names",
    "given twice",
    "an output that is an input",
    "an existing target",
    "a place",
    "two outputs the same",
    "a planted folder",
    "no such input",
    "cells",
    "hostile contents",
    "surroundings",
}


@pytest.fixture(scope="module")
def cases():
    """List all cases once."""
    return all_cases()


def test_a_little_abuse_does_no_harm():
    of_data = [name for name in CALLS if name.startswith("steadkit") and " plot " not in name]
    tally = campaign(60, seed=0, processes=1, commands=of_data)
    assert not tally.faults, "\n".join(tally.faults.values())
    assert sum(tally.seen.values()) == 60
    assert {outcome for _, outcome in tally.seen} == {"refused", "ran"}


def test_there_are_cases_of_every_kind_and_for_every_command(cases):
    assert {case.kind for case in cases} == KINDS
    assert {case.command for case in cases} == set(CALLS)
    assert len(cases) > 20_000


def test_every_parameter_meets_its_table(cases):
    met = {(case.command, case.what.split()[0]) for case in cases if case.kind in KINDS}
    for command in commands():
        for parameter in command.parameters("integer", "number", "text", "path", "choice"):
            assert parameter.nargs > 1 or (command.name, parameter.name) in met


def test_cases_are_chosen_by_seed_and_of_all_commands(cases):
    chosen = choose(cases, 300, seed=1)
    assert chosen == choose(cases, 300, seed=1) != choose(cases, 300, seed=2)
    assert len(set(chosen)) == 300
    assert {cases[number].command for number in chosen} == set(CALLS)


PROGRAM = '  File "steadkit/program.py"'


@pytest.mark.parametrize(
    ("ended", "fault"),
    [
        (Ended(0, "fine\n", ""), None),
        (Ended(130, "", "Error: interrupted\n"), None),
        (Ended(2, "", "Usage: x [OPTIONS]\nTry 'x --help' for help.\n\nError: no\n"), None),
        (Ended(1, "", "Error: 'a' is damaged: take the original (KeyError: 'b')\n"), None),
        (Ended(1, "", "Error: one\nError: two\n"), "not one line"),
        (Ended(1, "", "Error: KeyError('model')\n"), "KeyError"),
        (Ended(1, "", "Error: '<=' not supported between instances\n"), "not supported"),
        (Ended(1, "", f"Error: {'9' * 300} is too large\n"), "300 characters"),
        (Ended(1, "", "Traceback (most recent call last):\n"), "traceback"),
        (Ended(-2, "", f"Traceback\n{PROGRAM}, line 3\nKeyboardInterrupt\n"), None),
        (Ended(-2, "", f"Traceback\n{PROGRAM}, in run_program\nKeyboardInterrupt\n"), "traceback"),
        (Ended(-11, "", ""), "signal 11"),
        (Ended(-9, "", "", is_hung=True), "hangs"),
        (Ended(3, "", ""), "exit code 3"),
        (Ended(0, "\x1b[31mred", ""), "control characters"),
        (Ended(0, "", "a warning"), "stderr"),
        (Ended(0, "out/o", "Not independent: of these 2 traces 1 was\n"), None),
    ],
)
def test_the_judge_knows_a_fault_of_words(ended, fault):
    found = fault_of("steadkit subset", ["9" * 300], ended)
    assert found is None if fault is None else fault in found


BEFORE = {"case": (1,), "case/in/a": (2, 5), "case/out/notes.txt": (3, 5), "victim/w": (4, 5)}


@pytest.mark.parametrize(
    ("change", "is_refused", "fault"),
    [
        ({"case/out/o.csv": (9,)}, False, None),
        ({"case/out/o.csv": (9,)}, True, "refuses, but writes 'case/out/o.csv'"),
        ({"case/in/a": (2, 6)}, False, "alters 'case/in/a'"),
        ({"case/in/a": None}, False, "removes 'case/in/a'"),
        ({"case/out/notes.txt": (3, 6)}, False, "alters 'case/out/notes.txt'"),
        ({"victim/w": (5, 5)}, True, "alters 'victim/w'"),
        ({"executed": (9,)}, False, "writes 'executed'"),
        ({"tmp/left": (9,)}, False, "writes 'tmp/left'"),
        ({"case/out/.o.partial": (9,)}, False, "leaves 'case/out/.o.partial'"),
        ({"home/.cache/index": (9,)}, False, None),
    ],
)
def test_the_judge_sees_harm(change, is_refused, fault):
    after = {name: facts for name, facts in {**BEFORE, **change}.items() if facts is not None}
    assert harm_of(BEFORE, after, ["case/out/o.hdf5"], is_refused, False) == fault


def test_every_type_of_parameter_has_a_kind():
    for command in commands():
        assert {kind_of(parameter) for parameter in command.click.params} <= {
            "path", "choice", "flag", "integer", "number", "numbers", "text"
        }  # fmt: skip
