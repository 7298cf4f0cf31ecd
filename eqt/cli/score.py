"""`eqt score`: the picks of continuous records against an analyst's."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eqt.cli.options import FILE, NumberType, WholeType, output_option
from steadkit.console import echo, print_table

if TYPE_CHECKING:
    from eqt.prediction.scoring import PredictionScore


@click.command()
@click.argument("prediction", type=FILE)
@click.option(
    "--truth",
    type=FILE,
    multiple=True,
    required=True,
    help="Picks of an analyst, CSV or QuakeML; repeatable.",
)
@click.option(
    "--tolerance",
    "tolerances",
    type=NumberType(),
    multiple=True,
    default=(0.5, 0.1, 0.2),
    show_default=True,
    help="Seconds that a right pick may be off; repeatable, the first is the main one.",
)
@click.option(
    "--recall-only",
    is_flag=True,
    help="The truth lists only some earthquakes: other picks are not judged.",
)
@click.option(
    "--all-stations", is_flag=True, help="Score stations too that the truth does not name."
)
@click.option(
    "--resamples",
    type=WholeType(0, 100_000),
    default=2000,
    show_default=True,
    help="Draws of hours that intervals come from; 0: no intervals.",
)
@output_option("Folder to write; PREDICTION/score by default.")
@click.option("--overwrite", is_flag=True, help="Replace a score that exists.")
def score(
    prediction: Path,
    truth: tuple[Path, ...],
    tolerances: tuple[float, ...],
    recall_only: bool,
    all_stations: bool,
    resamples: int,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Compare the picks in PREDICTION, a folder of eqt predict, with those of an analyst.

    Picks and arrivals of a station and phase are matched one to one, within the covered record
    alone: precision, recall and errors, false picks for each station-hour, the same by hour, and a
    curve over thresholds from the candidates.
    """
    from eqt.prediction.score_inputs import read_score_inputs
    from eqt.prediction.score_report import score_files, write_score
    from eqt.prediction.scoring import ScoringConfig, score_prediction
    from steadkit.atomic import atomic_folder, check_folder

    target = output or prediction / "score"
    check_folder(target, overwrite, score_files)
    config = ScoringConfig(tolerances, recall_only, resamples)
    outcome = score_prediction(read_score_inputs(prediction, truth, all_stations), config)
    about = {"prediction": str(prediction), "truth": list(map(str, truth))}
    with atomic_folder(target, overwrite, score_files) as folder:
        write_score(folder, outcome, about)
    _report(outcome)
    echo(f"tables and {target / 'score.html'}")


def _report(outcome: "PredictionScore") -> None:
    from eqt.prediction.score_report import missed_table, residual_table, score_notes, shown_scores

    for title, table in (
        ("Picks against the analyst's", shown_scores(outcome)),
        ("Pick minus arrival (s)", residual_table(outcome)),
        ("Missed picks of the analyst", missed_table(outcome)),
    ):
        if len(table):
            print_table(title, list(table), table.astype(object).to_numpy().tolist())
    for line in score_notes(outcome):
        echo(line)
