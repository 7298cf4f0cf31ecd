"""Parameter types, options and the report of a result that the commands share."""

import os
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import click

from steadkit.console import print_summary
from steadkit.errors import printable

Command = TypeVar("Command", bound=Callable[..., Any])

MAX_NAME_BYTES, MAX_PATH_BYTES = 255, 4095
"""Limits of the file systems of Linux and macOS."""


class PathType(click.Path):
    """Path, also of bytes that are not valid text.

    Text that cannot name a file is refused before anything else is done, in particular the empty
    text of an unset shell variable.
    """

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Read it, or refuse it in one line as a usage error."""
        path = Path(value)
        try:
            components = [os.fsencode(component) for component in path.parts]
        except UnicodeEncodeError:
            self.fail(f"{value!r} has characters that no file's name has", param, ctx)
        if not str(value):
            self.fail("the name is empty: is a variable of the shell not set?", param, ctx)
        if "\0" in str(value):
            self.fail(f"{value!r} has a NUL character: no file's name has one", param, ctx)
        if (
            max(map(len, components), default=0) > MAX_NAME_BYTES
            or len(b"/".join(components)) > MAX_PATH_BYTES
        ):
            shortened = printable(value, 60)
            self.fail(f"{shortened!r} is too long for a file's name: use a shorter one", param, ctx)
        # The shell has expanded ~ where it was meant; pandas would expand a literal one again.
        return path.absolute() if path.parts[:1] and path.parts[0].startswith("~") else path


FILE = PathType()


class FractionType(click.ParamType):
    """A fraction above 0 and at most 1, kept exact."""

    name = "fraction"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        """Read it, or refuse it in one line as a usage error."""
        from steadkit.errors import InputError
        from steadkit.types import parse_fraction

        try:
            return parse_fraction(str(value))
        except InputError as error:
            self.fail(str(error), param, ctx)


class NumberType(click.ParamType):
    """A plain decimal number."""

    name = "float"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it, or refuse it in one line as a usage error."""
        from steadkit.types import parse_number

        try:
            return float(value) if isinstance(value, int | float) else parse_number(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class WholeType(click.IntRange):
    """Integer within bounds, of plain digits: 1_000, which Python accepts, is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it, or refuse it in one line as a usage error."""
        from steadkit.types import parse_integer

        try:
            # A default is a number already.
            number = value if isinstance(value, int) else parse_integer(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return super().convert(number, param, ctx)


class NumbersType(click.ParamType):
    """Numbers separated by commas, ``32,-120,36,-114`` for example."""

    name = "numbers"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Read them, or refuse them in one line as a usage error."""
        from steadkit.types import parse_number

        try:
            return tuple(map(parse_number, str(value).split(",")))
        except ValueError:
            self.fail(f"{str(value)[:60]!r} is not numbers with commas between them", param, ctx)


class RenamedOption(click.Option):
    """Option whose former spellings are still understood, for one release, but not in --help."""

    def __init__(self, *arguments: Any, former: tuple[str, ...] = (), **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.former = former

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser know all spellings; help and messages show those in `opts` alone."""
        spellings = self.opts
        self.opts = [*spellings, *self.former]
        super().add_to_parser(parser, ctx)
        self.opts = spellings


def output_option(
    help_text: str, *names: str, former: tuple[str, ...] = (), **settings: Any
) -> Callable[[Command], Command]:
    """Add -o/--output, the one spelling of where to write."""
    return click.option(
        *("-o", "--output", *names),
        cls=RenamedOption,
        former=former,
        type=FILE,
        help=help_text,
        **settings,
    )


overwrite_option = click.option("--overwrite", is_flag=True, help="Replace files that exist.")
seed_option = click.option(
    "--seed",
    type=WholeType(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="Selects the random order.",
)


def print_dataset(target: Path, categories: Mapping[str, int], digest: str) -> None:
    """Print the counts and the digest of the data set written to `target`."""
    counts = {"traces": sum(categories.values()), **categories}
    print_summary(str(target), counts | {"manifest": f"{digest[:12]}..."})
