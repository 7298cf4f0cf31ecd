"""Reading and validation of evaluation folders: detections, picks and labels of each trace."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from eqt.seen import NOTHING, TrainingOverlap, seen_in_evaluation
from steadkit.catalog import CheckedLines
from steadkit.errors import InputError, error_detail
from steadkit.paths import is_file, require_file
from steadkit.schema import CATEGORIES
from steadkit.types import parse_numbers

RESULTS = "X_test_results.csv"
"""The rows of the published tester; evaluations of earlier versions have none."""

TABLES = {
    "picks.csv": (
        ("trace_name", "trace_category"),
        ("number_of_detections",),
    ),
    "detections.csv": (("trace_name",), ("P_pick", "S_pick")),
    "traces.csv": (("trace_name", "trace_category", "earthquake"), ("p_s", "s_s")),
    RESULTS: (
        ("trace_name", "trace_category"),
        (
            *("detection_probability", "P_pick", "P_probability", "S_pick", "S_probability"),
            *("p_arrival_sample", "s_arrival_sample"),
        ),
    ),
}
"""The tables that a comparison needs, with their columns of text and of numbers."""


@dataclass(frozen=True)
class EvaluationTables:
    """Tables of one evaluation.

    Parameters
    ----------
    folder
        The evaluation folder.
    picks
        A row per trace, with its most probable detection.
    detections
        A row per detection.
    traces
        A row per trace, in the order of `picks`: its earthquake and its arrivals, seconds.
    results
        A row per trace, in the same order, as the published tester writes it; the study's columns
        are counted from these.
    seen
        Overlap of the traces with those on which the network was trained or selected.
    """

    folder: Path
    picks: pd.DataFrame
    detections: pd.DataFrame
    traces: pd.DataFrame
    results: pd.DataFrame
    seen: TrainingOverlap = NOTHING


def evaluation_folder(path: Path) -> Path:
    """Return the evaluation folder of a path: the folder itself, or the one in a run folder.

    Raises
    ------
    InputError
        There is none.
    """
    for folder in (path, path / "evaluation"):
        if is_file(folder / "picks.csv"):
            return folder
    if not path.is_dir():
        raise InputError(f"no folder {str(path)!r}: name a run that eqt evaluate has evaluated")
    raise InputError(f"{str(path)!r} holds no evaluation: run eqt evaluate {str(path)!r} first")


def read_evaluation(path: Path) -> EvaluationTables:
    """Read the tables of an evaluation.

    Parameters
    ----------
    path
        An evaluation folder, or a run folder that has one.

    Raises
    ------
    InputError
        There is none, a table is missing or broken, or two tables list different traces.
    """
    folder = evaluation_folder(path)
    require_results(folder)
    picks, detections, traces, results = (_read(folder / name) for name in TABLES)
    names = picks["trace_name"]
    if names.empty or names.duplicated().any():
        raise InputError(f"{str(folder / 'picks.csv')!r} lists no trace, or one twice")
    identity = ["trace_name", "trace_category"]
    for name, table in (("traces.csv", traces), (RESULTS, results)):
        if not table[identity].equals(picks[identity]):
            raise _mismatch_error(folder, name)
    if not detections["trace_name"].isin(names).all():
        raise _mismatch_error(folder, "detections.csv")
    # The bootstrap draws whole earthquakes, from earthquakes and from noise: it needs both columns.
    unknown = ~traces["trace_category"].isin(CATEGORIES)
    if unknown.any() or (traces["earthquake"] == "").any():
        raise InputError(
            f"{str(folder / 'traces.csv')!r} has a trace without a category or an earthquake: "
            "evaluate again"
        )
    seen = seen_in_evaluation(folder, traces)
    return EvaluationTables(folder, picks, detections, traces, results, seen)


def require_results(
    folder: Path, remedy: str = "evaluate again with eqt evaluate --overwrite"
) -> None:
    """Refuse an evaluation of an earlier version, which counted the study's columns differently.

    Raises
    ------
    InputError
        The folder has no ``X_test_results.csv``; `remedy` ends the message.
    """
    require_file(
        folder / RESULTS,
        f"no {RESULTS!r} in {str(folder)!r}: an earlier version made it, which counted the study's "
        f"columns otherwise; {remedy}",
    )


def _mismatch_error(folder: Path, name: str) -> InputError:
    return InputError(
        f"{str(folder / name)!r} does not list the traces of the picks.csv beside it: "
        "evaluate again with eqt evaluate --overwrite"
    )


def _read(path: Path) -> pd.DataFrame:
    """Read one table: text unchanged, numbers as float64, empty cells of numbers as NaN."""
    text_columns, number_columns = TABLES[path.name]
    require_file(
        path,
        f"no {path.name!r} in {str(path.parent)!r}: evaluate again with eqt evaluate --overwrite",
    )
    columns = [*text_columns, *number_columns]
    try:
        # Lines of bounded length: given a path, pandas reads as far as a line goes.
        with CheckedLines(path) as lines:
            table = pd.read_csv(lines, dtype=str, keep_default_na=False)
    except InputError:
        raise
    except (ValueError, pd.errors.EmptyDataError) as error:  # ParserError is a ValueError
        raise InputError(
            f"{str(path)!r} is not a CSV of an evaluation: evaluate again ({error_detail(error)})"
        ) from error
    if missing := [column for column in columns if column not in table]:
        raise InputError(f"{str(path)!r} has no column {missing[0]!r}: evaluate again")
    for column in number_columns:
        table[column] = _numbers(table[column], path)
    return table[columns]


def _numbers(text: pd.Series, path: Path) -> np.ndarray:
    values, _ = parse_numbers(text)
    wrong = (text != "").to_numpy() & np.isnan(values)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{str(path)!r} has {text.name} = {text.iloc[row][:60]!r} in row {row + 2}: "
            "a number is needed"
        )
    return values


def align_traces(
    evaluations: Sequence[EvaluationTables], names: Sequence[str]
) -> list[EvaluationTables]:
    """Reorder the traces of all evaluations to the order of the first.

    Raises
    ------
    InputError
        The evaluations, called by `names`, are of different traces or differ in their labels.
    """
    # Draws are made of rows, so that rows have to be the same traces in all evaluations.
    first = evaluations[0]
    ordered = [first]
    for evaluation, name in zip(evaluations[1:], names[1:], strict=True):
        index = pd.Index(evaluation.traces["trace_name"]).get_indexer(first.traces["trace_name"])
        missing = int((index < 0).sum())
        extra = len(evaluation.traces) - (len(index) - missing)
        if missing or extra:
            raise InputError(
                f"{names[0]} and {name} were evaluated on different traces: {missing + extra:,} "
                f"are in one of them only ({missing:,} and {extra:,}); evaluate both on the same"
            )
        traces = evaluation.traces.iloc[index].reset_index(drop=True)
        differing = int(_differing(first.traces, traces).sum())
        if differing:
            raise InputError(
                f"{names[0]} and {name} disagree on what is true in {differing:,} of "
                f"{len(traces):,} traces, category, earthquake or arrivals: evaluate both on the "
                "same data"
            )
        picks, results = (
            table.iloc[index].reset_index(drop=True)
            for table in (evaluation.picks, evaluation.results)
        )
        ordered.append(replace(evaluation, picks=picks, traces=traces, results=results))
    return ordered


def _differing(table_a: pd.DataFrame, table_b: pd.DataFrame) -> np.ndarray:
    """Return which rows of two tables differ; NaN equals NaN."""
    same = (table_a == table_b) | (table_a.isna() & table_b.isna())
    return ~same.all(axis=1).to_numpy()
