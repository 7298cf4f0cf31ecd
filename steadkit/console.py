"""Console of both command lines: one-line errors, progress bars, tables."""

import errno
import io
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from steadkit.atomic import input_scope
from steadkit.errors import MAX_SHOWN, InputError, printable

if TYPE_CHECKING:
    from rich.console import Console
import logging
from contextlib import redirect_stderr, redirect_stdout

Item = TypeVar("Item")


MAX_MESSAGE = 2000
"""Characters of a message: a name may have a few hundred, a damaged file millions."""

REMEDIES = {
    errno.ENOSPC: "make room, or write elsewhere",
    errno.EDQUOT: "make room, or write elsewhere",
    errno.EFBIG: "write elsewhere, or raise the limit (ulimit -f)",
    errno.EROFS: "write elsewhere",
    errno.EACCES: "check who may read and write it",
    errno.EPERM: "check who may read and write it",
    errno.ENOENT: "check the name and the folder",
    errno.ENOTDIR: "check the name and the folder",
    errno.EISDIR: "name a file",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "check where its links lead",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.EIO: "check the disk",
}
"""Advice for errors of the operating system."""


class InterruptedByUserError(click.ClickException):
    """Ctrl-C, with the exit code that shells give it."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("interrupted")


class ErrorGroup(click.Group):
    """A click group that prints errors as one line and exits with code 1."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the program independently of its environment.

        Characters that a terminal's encoding lacks are printed as escapes.
        """
        for number in range(3):
            # A file that got the descriptor of a closed stream would receive what libraries print.
            if not _succeeds(os.fstat, number):
                os.open(os.devnull, os.O_RDWR)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        # NumPy and Matplotlib read the first, and fail if it is no date; no output file has one.
        # Figures are drawn without a window, and ObsPy's import fails on an unknown backend.
        for name in ("SOURCE_DATE_EPOCH", "MPLBACKEND"):
            os.environ.pop(name, None)
        return super().main(*args, **extra)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the options; print errors in them as one line."""
        with _one_line_errors():
            return super().make_context(*args, **extra)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; refuse a single-valued option that is given twice."""
        name, command, command_args = super().resolve_command(ctx, args)
        if command is not None:
            _refuse_repeated(
                command, click.Context(command, parent=ctx, info_name=name), command_args
            )
        return name, command, command_args

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; print an `InputError` or file system error as one line."""
        with _one_line_errors(), input_scope(is_separate=True):
            return super().invoke(ctx)


def _refuse_repeated(command: click.Command, ctx: click.Context, args: list[str]) -> None:
    """Refuse an option that is given twice; click would silently drop the first value."""
    ctx.allow_interspersed_args = command.allow_interspersed_args
    try:
        _, _, parsed = command.make_parser(ctx).parse_args(list(args))
    except click.UsageError:
        return  # the command itself reports it
    counts = Counter(option for option in parsed if isinstance(option, click.Option))
    for option, count in counts.items():
        is_switch = option.is_flag and not option.secondary_opts
        if count > 1 and not (option.multiple or option.count or is_switch):
            raise click.UsageError(f"{option.opts[0]} is given {count} times: give it once", ctx)


def _succeeds(call: Callable[..., object], *args: object) -> bool:
    try:
        call(*args)
    except OSError:
        return False
    return True


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except click.ClickException as error:
        if error.message and type(error).__name__ != "NoArgsIsHelpError":  # a page of help
            vars(error).update(message=one_line(error))
        raise
    except BrokenPipeError:
        raise
    except (InputError, OSError, MemoryError) as error:
        _discard_failing_output()
        raise click.ClickException(one_line(error)) from error
    except KeyboardInterrupt as error:
        raise InterruptedByUserError from error


def _discard_failing_output() -> None:
    """Discard buffered output that a full disk refused, or Python fails again at its exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def one_line(error: BaseException) -> str:
    """Return an error's message as one line that any terminal can show.

    >>> one_line(ValueError("no  such file"))
    'no such file'
    >>> one_line(OSError(errno.ENOSPC, "No space left on device", "out.hdf5"))
    "'out.hdf5': no space left on device: make room, or write elsewhere"
    >>> len(one_line(ValueError(f"{'9' * 5000} is not in the range 0<=x<=9.")))
    232
    """
    text = _system_error(error) if isinstance(error, OSError) else str(error)
    if isinstance(error, MemoryError):
        text = f"not enough memory: use fewer traces or smaller batches {text and f'({text})'}"
    # Click quotes a value in full, however long.
    tokens = (
        token if len(token) <= MAX_SHOWN else f"{token[:MAX_SHOWN]}..." for token in text.split()
    )
    line = printable(" ".join(tokens), MAX_MESSAGE) or type(error).__name__
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)


def _system_error(error: OSError) -> str:
    if error.errno not in REMEDIES:
        return str(error)
    if error.errno == errno.ENOENT and not _succeeds(os.getcwd):
        return "the current folder was removed: change to another one"
    text = f"{os.strerror(error.errno).lower()}: {REMEDIES[error.errno]}"
    has_filename = isinstance(error.filename, str | bytes)
    return f"{os.fsdecode(error.filename)!r}: {text}" if has_filename else text


def terminal(stderr: bool = False) -> "Console":
    """Return a console on standard output or error, with colour only on a terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width, height = shutil.get_terminal_size()
    if stream is None or not stream.isatty():
        width = 120  # a table cut to 80 columns in a log file helps nobody
    # Explicit, as rich would trust COLUMNS and LINES, be they 0 or numbers of 5000 digits.
    width = min(max(width, 40), 1000)
    return Console(stderr=stderr, highlight=False, width=width, height=height)


def echo(value: object, err: bool = False, bold: bool = False) -> None:
    """Print a line, with unprintable characters escaped."""
    # An explicit stream, as click would write UTF-8 to one whose encoding is ASCII.
    click.secho(printable(value, None), sys.stderr if err else sys.stdout, bold=bold or None)


def progress(items: Iterable[Item], text: str, total: int | None = None) -> Iterable[Item]:
    """Iterate with a progress bar on a terminal, without output elsewhere."""
    if sys.stderr is None or not sys.stderr.isatty():
        return items
    from rich.progress import track

    label = _escape_markup(text)
    return track(items, label, total=total, console=terminal(stderr=True), transient=True)


class ProgressBar:
    """A progress bar that is advanced explicitly; shown only on a terminal."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._task: Any = None

    def start(self, text: str, total: int) -> None:
        """Show an empty bar."""
        if sys.stderr is not None and sys.stderr.isatty():
            from rich.progress import Progress

            self._progress = Progress(console=terminal(stderr=True), transient=True)
            self._task = self._progress.add_task(_escape_markup(text), total=total)
            self._progress.start()

    def step(self, text: str | None = None, count: int = 1) -> None:
        """Advance the bar by `count`, and change its label."""
        if self._progress is not None:
            label = None if text is None else _escape_markup(text)
            self._progress.update(self._task, advance=count, description=label)

    def stop(self) -> None:
        """Remove the bar."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _escape_markup(text: str) -> str:
    """Escape the label of a bar so that nothing in it is read as markup."""
    from rich.markup import escape

    return escape(printable(text))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: numbers right-aligned, text left-aligned, nothing read as markup."""
    from rich.table import Table
    from rich.text import Text

    rich_table = Table(title=Text(printable(title, None)), title_justify="left")
    row_list = [list(row) for row in rows]
    for number, column in enumerate(columns):
        text = any(isinstance(row[number], str) for row in row_list)
        rich_table.add_column(
            Text(printable(column)), justify="left" if text or not number else "right"
        )
    for row in row_list:
        rich_table.add_row(*(Text(format_value(value)) for value in row))
    terminal().print(rich_table)


def format_value(value: object) -> str:
    """Format a value for a person.

    >>> format_value(1030231), format_value(0.98765), format_value(None), format_value("P")
    ('1,030,231', '0.988', '-', 'P')
    """
    if value is None or value != value:  # NaN differs from itself
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}"
    return printable(value, MAX_MESSAGE)


def print_summary(title: str, figures: Mapping[str, object]) -> None:
    """Print names and values, one per line."""
    echo(title, bold=True)
    for name, value in figures.items():
        echo(f"  {name}: {format_value(value)}")


@contextmanager
def silenced() -> Iterator[None]:
    """Discard everything printed within, by Python or by C; exceptions are raised."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    terminal = {number: os.dup(number) for number in (1, 2)}
    handlers = logging.root.handlers[:]
    # Never closed: a library's logger may have kept it as its standard error.
    text = io.StringIO()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in terminal:
            os.dup2(nowhere, number)
        with redirect_stdout(text), redirect_stderr(text):
            yield
    finally:
        logging.root.handlers[:] = handlers
        for number, descriptor in terminal.items():
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(nowhere)
