"""`steadkit plot`: figures of traces, events and data sets; and the options of every figure."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from steadkit.cli.options import FILE, NumberType, output_option, overwrite_option
from steadkit.console import ErrorGroup, echo

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Command = Callable[..., Any]

COMPONENT = click.Choice(["E", "N", "Z"])


def figure_options(suffix: str = "") -> Callable[[Command], Command]:
    """Add the options of every figure: -o, --overwrite and --show.

    Without -o a figure is named after the file, or the trace, and `suffix`. The output is checked
    before anything is drawn, which may take a while.
    """

    def add(command: Command) -> Command:
        @wraps(command)
        def checked(*, output: Path | None, overwrite: bool, **options: Any) -> Any:
            from steadkit.atomic import check_targets
            from steadkit.plots.style import figure_format

            names = options.get("names") or ()
            target = output or _default_figure(
                options.get("file") or options["data"], names, suffix
            )
            figure_format(target, len(names) if suffix in TRACES else 1)
            if output or "/" not in "".join(names):  # else there is no such trace
                check_targets([target], overwrite)
            return command(output=target, overwrite=overwrite, **options)

        for option in (
            click.option("--show", is_flag=True, help="Open the figure when it is written."),
            overwrite_option,
            output_option("Figure to write: .png, .pdf or .svg."),
        ):
            checked = option(checked)
        return checked

    return add


TRACES = ("", "spectrogram")
"""Suffixes of the figures that show one trace each."""


def _default_figure(file: Path, names: tuple[str, ...], suffix: str) -> Path:
    stem = file.stem
    if suffix in TRACES:
        stem = names[0] if len(names) == 1 else f"{file.stem}-traces"
    is_single = suffix not in TRACES or len(names) < 2
    return Path("-".join(filter(None, [stem, suffix])) + (".png" if is_single else ".pdf"))


def time_options(command: Command) -> Command:
    """Add --from and --to, the time window to draw."""
    for name, default in (("to", 60.0), ("from", 0.0)):
        command = click.option(
            f"--{name}",
            "start" if name == "from" else "end",
            type=NumberType(),
            default=default,
            show_default=True,
            help=f"Draw {name} this second of the trace.",
        )(command)
    return command


component_option = click.option(
    "--component", type=COMPONENT, default="Z", show_default=True, help="Which component to draw."
)


@click.group(cls=ErrorGroup)
def plot() -> None:
    """Draw traces, spectrograms, record sections, maps and distributions."""


@plot.command()
@click.argument("file", type=FILE)
@click.argument("names", metavar="NAME...", nargs=-1)
@click.option("--spectrogram", "has_spectrogram", is_flag=True, help="Draw a spectrogram below.")
@component_option
@time_options
@figure_options()
def trace(
    file: Path,
    names: tuple[str, ...],
    has_spectrogram: bool,
    component: str,
    start: float,
    end: float,
    **options: Any,
) -> None:
    """Draw the traces NAME of FILE: three components with P, S and the end of the coda.

    Written as NAME.png in the current folder; several go into one PDF, a page each.
    --component selects whose spectrogram is drawn.
    """
    from steadkit.plots import trace_figure

    spectrogram_component = component if has_spectrogram else None
    _draw_traces(
        file,
        names,
        lambda w, row: trace_figure(w, row, start, end, spectrogram_component),
        **options,
    )


@plot.command()
@click.argument("file", type=FILE)
@click.argument("names", metavar="NAME...", nargs=-1)
@time_options
@figure_options("spectrogram")
def spectrogram(
    file: Path, names: tuple[str, ...], start: float, end: float, **options: Any
) -> None:
    """Draw the spectrograms of the three components of the traces NAME of FILE."""
    from steadkit.plots import spectrogram_figure

    _draw_traces(file, names, lambda w, row: spectrogram_figure(w, row, start, end), **options)


@plot.command()
@click.argument("file", type=FILE)
@click.option("--event", help="Its source_id; by default the earthquake with most traces.")
@component_option
@figure_options("section")
def section(file: Path, event: str | None, component: str, **options: Any) -> None:
    """Draw the record section of one earthquake: distance over time since its origin."""
    from steadkit.plots import read_event_rows, read_trace_waveforms, section_figure
    from steadkit.sources import source_from_path

    source = source_from_path(file, require_hdf5=False)
    rows = read_event_rows(source.csv, event)
    figure = section_figure(
        read_trace_waveforms(source, rows["trace_name"].tolist()), rows, component
    )
    write_figures([figure], **options)


@plot.command(name="map")
@click.argument("file", type=FILE)
@figure_options("map")
def map_(file: Path, **options: Any) -> None:
    """Draw where the stations and the sources of FILE are."""
    from steadkit.info import read_numbers
    from steadkit.plots import map_figure
    from steadkit.sources import source_from_path

    table = read_numbers(source_from_path(file, require_hdf5=False).csv)
    write_figures([map_figure(table)], **options)


@plot.command()
@click.argument("file", type=FILE)
@figure_options("distributions")
def distributions(file: Path, **options: Any) -> None:
    """Draw how magnitude, distance, depth, SNR, arrivals and back azimuth are distributed."""
    from steadkit.info import read_numbers
    from steadkit.plots import distributions_figure
    from steadkit.sources import source_from_path

    table = read_numbers(source_from_path(file, require_hdf5=False).csv)
    write_figures([distributions_figure(table)], **options)


@plot.command()
@click.argument("file", type=FILE)
@figure_options("overview")
def overview(file: Path, **options: Any) -> None:
    """Draw a one-page sheet of FILE: counts, map, distributions and a typical event."""
    from steadkit.info import describe, read_numbers
    from steadkit.plots import overview_figure, read_clear_event
    from steadkit.sources import source_from_path

    source = source_from_path(file, require_hdf5=False)
    table = read_numbers(source.csv)
    figure = overview_figure(describe(source.csv), table, read_clear_event(source, table))
    write_figures([figure], **options)


def _draw_traces(
    file: Path,
    names: tuple[str, ...],
    draw: Callable[..., "Figure"],
    **options: Any,
) -> None:
    from steadkit.errors import InputError
    from steadkit.plots import read_trace_names, read_trace_rows, read_trace_waveforms
    from steadkit.sources import source_from_path

    source = source_from_path(file, require_hdf5=False)
    if not names:
        examples = sorted(read_trace_names(source.csv))[:1]
        raise InputError(f"name a trace to draw, {', '.join(examples) or 'if there were any'}")
    rows = read_trace_rows(source.csv, names).to_dict("records")
    waveforms = read_trace_waveforms(source, names)
    figures = [draw(w, row) for w, row in zip(waveforms, rows, strict=True)]
    write_figures(figures, **options)


def write_figures(figures: list["Figure"], output: Path, overwrite: bool, show: bool) -> None:
    """Write figures, and open the file if `show` is set."""
    from steadkit.plots import save

    save(figures, output, overwrite)
    echo(output)
    if show and click.launch(str(output)):
        echo(f"no program here opens {str(output)!r}: open it yourself", err=True)
