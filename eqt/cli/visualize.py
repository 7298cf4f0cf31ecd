"""`eqt visualize`: figures of filters, feature maps, attention and attribution."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from eqt.backend import load_tensorflow
from eqt.cli.options import FILE, WholeType, output_option
from steadkit.console import ErrorGroup, echo

HEADS = ("detector", "picker_P", "picker_S")


class FormerHeads(ErrorGroup):
    """Commands of which some called a head of the network ``--output``, until that meant a folder.

    For one release such a value is still taken for ``--head``.
    """

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command."""
        # Only these two had the option; a folder of such a name is ./picker_S, or given with -o.
        if args[0] in ("why", "all"):
            args = [
                _with_head(argument, following) for argument, following in pairwise([*args, ""])
            ]
        return super().resolve_command(ctx, args)


def _with_head(argument: str, following: str) -> str:
    option, is_joined, value = argument.partition("=")
    if option == "--output" and (value if is_joined else following) in HEADS:
        return argument.replace("--output", "--head", 1)
    return argument


@click.group(cls=FormerHeads)
def visualize() -> None:
    """See what layers do: filters, feature maps, attention, and why a pick was made.

    RUN is a run folder or any file of weights that eqt reads. Pictures and the arrays behind them
    go into a folder of their own: by default visualize/ in the run, or beside the file.
    """


def _output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of output folder, format and overwriting."""
    for option in (
        click.option("--overwrite", is_flag=True, help="Replace pictures that exist."),
        click.option(
            "--format",
            "kind",
            type=click.Choice(["png", "pdf", "svg"]),
            default="png",
            show_default=True,
            help="Of the pictures.",
        ),
        output_option("Folder to make."),
    ):
        command = option(command)
    return command


def _trace_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select traces."""
    for option in (
        click.option(
            "--traces",
            "named",
            multiple=True,
            metavar="NAME...",
            help="Traces to show; by default four events and three noise traces that differ.",
        ),
        click.option("--data", type=FILE, help="STEAD file; a run's own by default."),
        click.argument("more", nargs=-1, metavar="[NAME]..."),
        click.argument("run", type=FILE),
    ):
        command = option(command)
    return command


_layers = click.option("--layers", multiple=True, metavar="NAME", help="Only this one; repeatable.")
_mean = click.option(
    "--mean",
    type=WholeType(0),
    default=100,
    show_default=True,
    help="So many events, and noise traces, to average attention over; 0: none.",
)


@visualize.command()
@click.argument("run", type=FILE)
@_layers
@_output_options
def filters(
    run: Path, layers: tuple[str, ...], output: Path | None, kind: str, overwrite: bool
) -> None:
    """Draw the kernels of every convolution, the first layer's with their frequency response."""
    output = _checked_folder(run, output, "filters", overwrite)
    load_tensorflow()
    from eqt.visualize.commands import filters as content
    from eqt.visualize.context import context_of
    from eqt.visualize.write import facts_of, save_content

    context = context_of(run)
    echo(save_content(content(context, layers), output, kind, facts_of(context), overwrite))


@visualize.command()
@_trace_options
@_layers
@_output_options
def maps(layers: tuple[str, ...], **options: Any) -> None:
    """Draw what every layer makes of traces, under their waveforms, on their time axis."""
    _show("maps", "maps", (layers,), **options)


@visualize.command()
@_trace_options
@_mean
@_output_options
def attention(mean: int, **options: Any) -> None:
    """Draw what each step attends to, for traces and on the whole, and attention's parameters."""
    _show("attention", "attention", (mean,), mean=mean, **options)


@visualize.command()
@_trace_options
@click.option(
    "--head",
    type=click.Choice(HEADS),
    default="picker_P",
    show_default=True,
    help="Whose highest probability to explain.",
)
@_output_options
def why(head: str, **options: Any) -> None:
    """Draw what of the waveform a pick hangs on: integrated gradients and occlusion."""
    _show("attribution_of", f"why_{head}", (head,), **options)


@visualize.command("all")
@_trace_options
@_mean
@click.option(
    "--head",
    "heads",
    type=click.Choice(HEADS),
    multiple=True,
    default=["picker_P"],
    show_default=True,
    help="Whose highest probability to explain; repeatable.",
)
@_output_options
def all_(mean: int, heads: tuple[str, ...], **options: Any) -> None:
    """Draw all of it, and a page that holds all pictures: index.html, to open offline or mail."""
    _show("everything", "all", (mean, heads), mean=mean, with_page=True, **options)


@visualize.command()
@click.argument("names", nargs=-1, metavar="[MODEL]...")
@_output_options
def architecture(names: tuple[str, ...], output: Path | None, kind: str, overwrite: bool) -> None:
    """Draw the networks MODEL, all fourteen of the study by default; what EQT has not is framed."""
    from eqt.presets import preset

    for name in names:
        preset(name)  # a wrong name should not wait for TensorFlow
    output = _checked_folder(None, output, "architecture", overwrite)
    load_tensorflow()
    from eqt.visualize.commands import architecture as content
    from eqt.visualize.write import save_content

    echo(save_content(content(names), output, kind, {"networks": list(names) or "the study's"}))


def _show(
    function: str,
    folder_name: str,
    settings: tuple[Any, ...],
    run: Path,
    more: tuple[str, ...],
    named: tuple[str, ...],
    data: Path | None,
    output: Path | None,
    kind: str,
    overwrite: bool,
    mean: int = 0,
    with_page: bool = False,
) -> None:
    """Read network and traces, and write the content that a function of `eqt.visualize` makes."""
    if data is not None:
        from steadkit.sources import source_from_path

        source_from_path(data)  # a missing file should not wait for TensorFlow
    output = _checked_folder(run, output, folder_name, overwrite)
    load_tensorflow()
    from eqt import visualize as package
    from eqt.visualize.context import context_of, seen_line, traces_for, usable_data
    from eqt.visualize.traces import spread_names
    from eqt.visualize.write import facts_of, save_content

    context = context_of(run, data)
    # --traces takes one name; those after it are arguments, so that a list needs it only once.
    shown = traces_for(context, (*named, *more))
    mean_names = spread_names(usable_data(context), mean, context.candidates) if mean else []
    seen = seen_line(context, [*shown.names, *mean_names])
    if seen:
        echo(f"{seen}.", err=True)  # standard output names the folder, and nothing else
    facts = facts_of(context, shown, seen)
    content = getattr(package, function)(context, shown, *settings)
    echo(save_content(content, output, kind, facts, overwrite, with_page))


def _checked_folder(run: Path | None, output: Path | None, name: str, overwrite: bool) -> Path:
    """Return the output folder after checking that it may be written."""
    from eqt.visualize.write import figures_folder, recorded_files
    from steadkit.atomic import check_folder

    target = output or figures_folder(run or Path(), name)
    check_folder(target, overwrite, recorded_files)
    return target
