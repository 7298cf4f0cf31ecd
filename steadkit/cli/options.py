"""What the commands share: types and options of the command line, and how a result is told."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import click

from steadkit.console import summary

FILE = click.Path(path_type=Path)


class FractionType(click.ParamType):
    """A fraction above 0 and at most 1, kept exact."""

    name = "fraction"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        """Read it, or refuse it in one line as a usage error."""
        from steadkit.errors import InputError
        from steadkit.sampling import parse_fraction

        try:
            return parse_fraction(str(value))
        except InputError as error:
            self.fail(str(error), param, ctx)


class NumbersType(click.ParamType):
    """Some numbers with commas between them, ``32,-120,36,-114`` for example."""

    name = "numbers"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Read them, or refuse them in one line as a usage error."""
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{str(value)[:60]!r} is not numbers with commas between them", param, ctx)


overwrite_option = click.option("--overwrite", is_flag=True, help="Replace files that exist.")
seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    help="Selects the random order.",
)


def report(target: Path, categories: Mapping[str, int], digest: str) -> None:
    """Say what stands in `target` now."""
    counts = {"traces": sum(categories.values()), **categories}
    summary(str(target), counts | {"manifest": f"{digest[:12]}..."})
