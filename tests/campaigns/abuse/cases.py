"""One case, and the list of all cases, made from the click commands."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
from command_inputs import EVENT
from commands import CALLS, COMPANIONS, Call, Values, kind_of, walk, words

Prepare = Callable[[Path], object]
"""Does something to a case's folder, which is the current folder of the command, before it runs."""


def nothing(case: Path) -> None:
    """Leave the folder as it is."""


@dataclass(frozen=True)
class Surroundings:
    """What a command finds around it, other than files.

    `environment` adds variables, None takes one away; `closed` are file descriptors; `limit` is
    how many bytes a file may have; `interrupt_s` sends SIGINT after so many seconds.
    """

    environment: Mapping[str, str | None] = field(default_factory=dict)
    closed: tuple[int, ...] = ()
    stdout: str = ""
    limit: int = 2**30
    is_cwd_removed: bool = False
    interrupt_s: float | None = None


USUAL = Surroundings()


@dataclass(frozen=True)
class Case:
    """A call in a folder that was prepared for it.

    `targets` are the places it may write to; `is_accepted_wrong` says that it must be refused;
    `is_fresh` that it needs an interpreter of its own.
    """

    kind: str
    command: str
    words: tuple[str, ...]
    what: str
    targets: tuple[str, ...]
    prepare: Prepare = nothing
    surroundings: Surroundings = USUAL
    is_accepted_wrong: bool = False
    is_fresh: bool = False
    may_be_cut_off: bool = False
    """What it had done may stay: its disk was full, or it was interrupted."""


@dataclass(frozen=True)
class Command:
    """A command of click's with its small call, and the parts of cases that all tables share."""

    name: str
    click: click.Command
    call: Call

    def parameters(self, *kinds: str) -> Iterator[click.Parameter]:
        """List the parameters that take one of these kinds."""
        return (parameter for parameter in self.click.params if kind_of(parameter) in kinds)

    def options(self) -> set[str]:
        """Return the spellings of all options."""
        return {spelling for parameter in self.click.params for spelling in parameter.opts}

    def values_for(self, name: str, value: Values) -> dict[str, Values]:
        """Return the call's values with one parameter given, and what that one needs."""
        given = {**self.call.values(), **COMPANIONS.get((self.name, name), {})}
        return {**given, name: self.call.several(name, value)}

    def case(self, kind: str, what: str, values: Mapping[str, Values], **more: object) -> Case:
        """Make a case of some values."""
        line = [EVENT if word == "EVENT" else word for word in words(self.name, self.click, values)]
        targets = tuple(str(values[name]) for name in self.call.outputs if values.get(name))
        return Case(kind, self.name, tuple(line), what, targets, **more)  # type: ignore[arg-type]


def commands() -> list[Command]:
    """List all commands that have a small call."""
    return [Command(name, command, CALLS[name]) for name, command in walk() if name in CALLS]


def undisturbed() -> Iterator[Case]:
    """List the small calls themselves, by which the others are measured."""
    for command in commands():
        values = command.call.values()
        yield command.case("undisturbed", "as it is", values)


def all_cases() -> list[Case]:
    """List all cases, always in the same order."""
    from campaigns.abuse import contents, parameters, places, planted, surroundings

    made: list[Case] = list(undisturbed())
    for module in (parameters, places, planted, contents, surroundings):
        for command in commands():
            made += module.cases(command)
    return made


def with_overwrite(command: Command, values: dict[str, Values]) -> Sequence[dict[str, Values]]:
    """Return values as they are and, where the command can overwrite, with that too."""
    names = {parameter.name for parameter in command.click.params}
    return [values, {**values, "overwrite": True}] if "overwrite" in names else [values]
