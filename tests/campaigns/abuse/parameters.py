"""Cases of values: numbers, times, names, and options that are given twice."""

from collections.abc import Iterator

import click
from campaigns.abuse.cases import Case, Command
from campaigns.abuse.values import INTEGERS, NAMES, NOT_NUMBERS, NOT_TIMES, NUMBERS, TIMES
from commands import Values, kind_of

NUMBER_TEXTS: dict[str, tuple[str, ...]] = {
    "where": (
        "source_magnitude > {}",
        "receiver_elevation_m in [{}, 1]",
        "source_depth_km * {} > 1",
    ),
    "fractions": ("0.8,{},0.1", "{}"),
    "stratify": ("source_magnitude:{}",),
    "loss_weights": ("0.05,{},0.55", "{}"),
    "devices": ("{}", "GPU:{}"),
    "box": ("{},-180,90,180", "-90,-180,90,{}"),
    "circle": ("0,0,{}", "{},0,100"),
    "validation_box": ("{} -120 36 -110",),
    "test_box": ("36 -120 45 {}",),
}
"""Texts with a number in them, by parameter."""

TIME_TEXTS: dict[str, tuple[str, ...]] = {
    "where": (
        "trace_start_time > '{}'",
        "'{}' > source_origin_time",
        "trace_start_time in ['{}', '2015-01-01']",
    ),
    "cut": ("{}|2030-01-01", "2003-01-01|{}"),
}
"""Texts with a time in them; a bar parts the places of an option that takes several."""

NAME_TEXTS: dict[str, tuple[str, ...]] = {
    "where": (
        "{}",
        "receiver_code == '{}'",
        "{} > 1",
        "receiver_code in [",
        "(" * 3000,
        "source_magnitude > 1 or " * 2000 + "source_magnitude > 1",
        "not " * 5000 + "source_magnitude > 1",
        "source_magnitude > 'x'",
        "receiver_code > 1",
        "source_magnitude and 1",
        "__import__('os').system('touch executed')",
    ),
}

LONG_WORK = frozenset({"epochs", "seeds", "mc_samples", "positions"})
"""What a user may ask for in any number: it just takes longer, and says so."""

HUGE = 10**6

FOLDERS_OF_FILES = (
    ("steadkit demo", "folder"),
    ("steadkit convert from-records", "folder"),
    ("eqt quickstart", "folder"),
    ("eqt pretrained", "cache"),
)
"""Folders that can be the root of all files, though not for a campaign."""


def cases(command: Command) -> Iterator[Case]:
    """List the cases of one command."""
    yield from _numbers(command)
    yield from _texts(command, "times", TIME_TEXTS, TIMES, NOT_TIMES)
    yield from _texts(command, "numbers", NUMBER_TEXTS, NUMBERS, frozenset())
    yield from _names(command)
    yield from _twice(command)


def _numbers(command: Command) -> Iterator[Case]:
    for parameter in command.parameters("integer", "number"):
        name = str(parameter.name)
        for text in INTEGERS if kind_of(parameter) == "integer" else NUMBERS:
            if name in LONG_WORK and _is_huge(text):
                continue
            values = command.values_for(name, text)
            wrong = text in NOT_NUMBERS
            yield command.case("numbers", f"{name} {text[:40]!r}", values, is_accepted_wrong=wrong)


def _is_huge(text: str) -> bool:
    try:
        return int(text) > HUGE
    except ValueError:
        return False


def _texts(
    command: Command,
    kind: str,
    templates: dict[str, tuple[str, ...]],
    table: tuple[str, ...],
    refused: frozenset[str],
) -> Iterator[Case]:
    for parameter in command.click.params:
        name = str(parameter.name)
        for template in templates.get(name, ()):
            for text in table:
                values = command.values_for(name, _in_places(parameter, template.format(text)))
                what = f"{name} {template.format(text[:40])!r}"
                yield command.case(kind, what, values, is_accepted_wrong=text in refused)


def _in_places(parameter: click.Parameter, text: str) -> Values:
    if parameter.nargs <= 1:
        return text
    return tuple(text.split("|" if "|" in text else " ", parameter.nargs - 1))


def _names(command: Command) -> Iterator[Case]:
    for parameter in command.parameters("text", "path", "choice"):
        name = str(parameter.name)
        if parameter.nargs > 1:
            continue
        for name_text in NAMES:
            # Without a folder before it, an argument of an option's name is that option.
            is_option = isinstance(parameter, click.Argument) and name_text in command.options()
            text = f"./{name_text}" if is_option else name_text
            if text.strip("/") == "" and (command.name, name) in FOLDERS_OF_FILES:
                continue
            values = command.values_for(name, text)
            empty = text == "" and kind_of(parameter) == "path"
            yield command.case("names", f"{name} {text[:40]!r}", values, is_accepted_wrong=empty)
        for template in NAME_TEXTS.get(name, ()):
            for text in NAMES if "{}" in template else ("",):
                values = command.values_for(name, template.replace("{}", text))
                yield command.case("names", f"{name} {template[:40]!r} {text[:40]!r}", values)


def _twice(command: Command) -> Iterator[Case]:
    """Give every option twice that takes one value."""
    for parameter in command.click.params:
        name = str(parameter.name)
        if not isinstance(parameter, click.Option) or parameter.multiple or parameter.nargs > 1:
            continue
        first = _example(command, parameter)
        if first is None or name in command.call.outputs:
            continue
        values = command.values_for(name, (first, first))
        wrong = name in ("box", "circle")
        yield command.case("given twice", name, values, is_accepted_wrong=wrong)


def _example(command: Command, parameter: click.Option) -> str | None:
    """Return a value that a parameter can have."""
    if isinstance(parameter.type, click.Choice):
        return str(parameter.type.choices[0])
    given = {**command.call.inputs, **command.call.settings}.get(str(parameter.name))
    if isinstance(given, str):
        return given
    examples = {"integer": "2", "number": "0.5", "numbers": "0,0,90", "text": "x"}
    if parameter.name == "where":
        return "source_magnitude > 1"
    if parameter.name == "box":
        return "-90,-180,90,180"
    return examples.get(kind_of(parameter))
