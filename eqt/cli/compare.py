"""`eqt compare`: compare evaluations."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eqt.cli.options import FILE, WholeType, output_option
from steadkit.console import echo, print_table

if TYPE_CHECKING:
    from eqt.compare import Comparison


@click.command()
@click.argument("runs", nargs=-1, required=True, type=FILE, metavar="RUN...")
@click.option("--baseline", metavar="NAME", help="Whom to compare with; the first RUN by default.")
@click.option(
    "--resamples",
    type=WholeType(100, 100_000),
    default=2000,
    show_default=True,
    help="Draws of the bootstrap.",
)
@click.option("--seed", type=WholeType(0, 2**31 - 1), default=0, show_default=True)
@output_option("Folder to write; `comparison` beside the first by default.")
@click.option("--overwrite", is_flag=True, help="Replace a comparison that exists.")
def compare(
    runs: tuple[Path, ...],
    baseline: str | None,
    resamples: int,
    seed: int,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Compare evaluated runs: Better, Equal or Worse in each of the study's columns.

    RUN is a run folder that eqt evaluate has evaluated, or an evaluation folder. All must be of
    the same traces. A bootstrap over earthquakes tells which differences would last. What of the
    traces a RUN was trained on is said first.
    """
    from eqt.compare import compare as run_comparison
    from eqt.compare import comparison_folder, group_runs, refuse_comparison, write_comparison

    # Before the bootstrap, which takes some seconds.
    folder = output or comparison_folder(runs[0])
    refuse_comparison(folder, overwrite)
    comparison = run_comparison(group_runs(runs), baseline, resamples, seed)
    _report(comparison)
    for path in write_comparison(comparison, folder, resamples, seed, overwrite):
        echo(path)


def _report(comparison: "Comparison") -> None:
    from eqt.compare import PROTOCOLS, comparison_table, sentences

    for line in comparison.seen:
        echo(f"{line}.")
    for model in comparison.models:
        for protocol, description in PROTOCOLS.items():
            rows = comparison_table(comparison, model, protocol)
            print_table(f"{model}. {description}", list(rows.columns), rows.to_numpy().tolist())
    for line in sentences(comparison):
        echo(f"{line}.")
