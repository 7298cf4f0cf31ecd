"""What both command lines share: one-line errors, progress that knows a terminal, tables."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from steadkit.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console


Item = TypeVar("Item")


class CarefulGroup(click.Group):
    """A click group that turns faults of the input into one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an `InputError` or a fault of the file system is one clear line."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise click.ClickException(one_line(error)) from error
        except BrokenPipeError:
            raise
        except (OSError, MemoryError) as error:
            raise click.ClickException(one_line(error)) from error


def one_line(error: BaseException) -> str:
    """Fold an error's message into one line.

    >>> one_line(ValueError("no  such file"))
    'no such file'
    """
    return " ".join(str(error).split()) or type(error).__name__


def terminal() -> "Console":
    """Return a console on standard output, with colour only where a person looks."""
    from rich.console import Console

    # A table cut to 80 columns in a log file helps nobody.
    width = None if sys.stdout is not None and sys.stdout.isatty() else 120
    return Console(highlight=False, width=width)


def progress(items: Iterable[Item], text: str, total: int | None = None) -> Iterable[Item]:
    """Iterate with a progress bar on a terminal, and silently elsewhere."""
    if sys.stderr is None or not sys.stderr.isatty():
        return items
    return _progress_bar(items, text, total)


def _progress_bar(items: Iterable[Item], text: str, total: int | None) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import track

    yield from track(items, text, total=total, console=Console(stderr=True), transient=True)


class Bar:
    """A progress bar that is stepped by hand; nothing is shown where no person looks."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._task: Any = None

    def start(self, text: str, total: int) -> None:
        """Show an empty bar."""
        if sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self._progress = Progress(console=Console(stderr=True), transient=True)
            self._task = self._progress.add_task(text, total=total)
            self._progress.start()

    def step(self, text: str | None = None, count: int = 1) -> None:
        """Fill it by so much, and say something else beside it."""
        if self._progress is not None:
            self._progress.update(self._task, advance=count, description=text)

    def stop(self) -> None:
        """Take it away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: figures to the right, text to the left, nothing in it read as markup."""
    from rich.table import Table
    from rich.text import Text

    sheet = Table(title=Text(title), title_justify="left")
    listed = [list(row) for row in rows]
    for number, column in enumerate(columns):
        text = any(isinstance(row[number], str) for row in listed)
        sheet.add_column(Text(column), justify="left" if text or not number else "right")
    for row in listed:
        sheet.add_row(*(Text(show(value)) for value in row))
    terminal().print(sheet)


def show(value: object) -> str:
    """Write a figure as a person would.

    >>> show(1030231), show(0.98765), show(None), show("P")
    ('1,030,231', '0.988', '-', 'P')
    """
    if value is None or value != value:  # NaN differs from itself
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value)


def summary(title: str, figures: Mapping[str, object]) -> None:
    """Print names and figures, a line each."""
    click.secho(title, bold=True)
    for name, value in figures.items():
        click.echo(f"  {name}: {show(value)}")
