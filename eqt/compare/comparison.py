"""Models against a baseline: better, equal or worse in each figure, and whether that would last."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from eqt.compare.bootstrap import classify_interval, interval, mean_of_seeds, resample
from eqt.compare.counts import by_earthquake, counts_of
from eqt.compare.load import EvaluationTables, align_traces, read_evaluation
from eqt.compare.measures import MEASURES, STUDY
from eqt.seen import TrainingOverlap
from steadkit.console import progress
from steadkit.errors import InputError, printable
from steadkit.schema import EVENT

BETTER, EQUAL, WORSE, UNDEFINED = "Better", "Equal", "Worse", "undefined"

DRAWS = 2000

EQUAL_WITHIN = 1e-9
"""Sums of the same errors in another order differ by less."""


@dataclass(frozen=True)
class ModelRuns:
    """A model that is compared: its name, and one evaluation for each seed it was trained with."""

    name: str
    evaluations: Sequence[EvaluationTables]


@dataclass(frozen=True)
class Comparison:
    """What came out.

    Parameters
    ----------
    baseline
        The model that the others are compared with.
    models
        The others.
    figures
        A row a model (the baseline too) and measure: ``model``, ``protocol``, ``figure``,
        ``value``, and the 95 % interval, ``low`` and ``high``.
    differences
        A row a model and measure: ``model``, ``protocol``, ``figure``, ``baseline``, ``value``,
        ``difference`` with its 95 % interval, ``low`` and ``high``, ``verdict`` (Better, Equal,
        Worse, undefined) and ``bootstrap`` (better, worse, undecided).
    earthquakes, events, noise, seeds
        How many there were of each; seeds of the model that has most.
    seen
        A line for each amount of the traces that models were trained on; none where all models are
        judged on traces and earthquakes that are new to them.
    """

    baseline: str
    models: tuple[str, ...]
    figures: pd.DataFrame
    differences: pd.DataFrame
    earthquakes: int
    events: int
    noise: int
    seeds: int
    seen: tuple[str, ...] = ()


def group_runs(paths: Sequence[Path]) -> list[ModelRuns]:
    """Read the evaluations that a user names, and call each by its run.

    Raises
    ------
    InputError
        Fewer than two are named, one twice, or one cannot be used.
    """
    if len(paths) < 2:
        raise InputError("nothing to compare with: name at least two runs")
    evaluations = [read_evaluation(path) for path in paths]
    folders = [one.folder.resolve() for one in evaluations]
    for folder, path in zip(folders, paths, strict=True):
        if folders.count(folder) > 1:
            raise InputError(f"{str(path)!r} is named twice: name each run once")
    runs = [f.parent.name if f.name == "evaluation" else f.name for f in folders]
    # Two runs of one name in two folders are told apart by what the user typed.
    names = [run if runs.count(run) == 1 else str(p) for run, p in zip(runs, paths, strict=True)]
    names = [printable(name, None) for name in names]
    return [ModelRuns(name, [one]) for name, one in zip(names, evaluations, strict=True)]


def compare(
    contenders: Sequence[ModelRuns],
    baseline: str | None = None,
    resamples: int = DRAWS,
    seed: int = 0,
) -> Comparison:
    """Compare models with a baseline, on the same traces.

    Parameters
    ----------
    contenders
        The models; with several evaluations each figure is the mean over them.
    baseline
        A name among them; the first by default.
    resamples
        Draws of the bootstrap.
    seed
        Of these draws.

    Raises
    ------
    InputError
        The baseline is not among them, or they were evaluated on different traces.
    """
    names = [one.name for one in contenders]
    if baseline is not None and baseline not in names:
        raise InputError(
            f"no {printable(baseline)!r} to compare with: use one of {', '.join(names)}"
        )
    base = names.index(baseline) if baseline is not None else 0
    owners = [model for model, one in enumerate(contenders) for _ in one.evaluations]
    labels = [names[model] for model in owners]
    evaluations = align_traces([e for one in contenders for e in one.evaluations], labels)
    traces = evaluations[0].traces
    counted = [by_earthquake(counts_of(one), traces) for one in progress(evaluations, "counting")]
    is_noise = counted[0][1]
    points, draws = _figures([sums for sums, _ in counted], is_noise, owners, resamples, seed)
    others = [model for model in range(len(names)) if model != base]
    return Comparison(
        baseline=names[base],
        models=tuple(names[model] for model in others),
        figures=pd.concat([_intervals(names[m], points[m], draws[m]) for m in range(len(names))]),
        differences=pd.concat(
            [
                _difference_rows(names[m], points[base], points[m], draws[m] - draws[base])
                for m in others
            ]
        ).reset_index(drop=True),
        earthquakes=int((~is_noise).sum()),
        events=int((traces["trace_category"] == EVENT).sum()),
        noise=int(is_noise.sum()),
        seeds=max(len(one.evaluations) for one in contenders),
        seen=_seen_lines(contenders, len(traces)),
    )


def _seen_lines(contenders: Sequence[ModelRuns], n_traces: int) -> tuple[str, ...]:
    """Return lines on the models that were trained on some traces; equal counts share a line."""
    models: dict[TrainingOverlap, list[str]] = {}
    for one in contenders:
        for seen in dict.fromkeys(evaluation.seen for evaluation in one.evaluations):
            models.setdefault(seen, []).append(one.name)
    return tuple(filter(None, (seen.summary(n_traces, names) for seen, names in models.items())))


def _figures(
    sums: Sequence[pd.DataFrame],
    is_noise: np.ndarray,
    owners: Sequence[int],
    resamples: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute all measures of all models: (models, measures), and (models, measures, draws)."""
    columns = list(sums[0].columns)
    together = np.concatenate([one.to_numpy() for one in sums], axis=1)
    shape = (-1, len(sums), len(columns))
    whole = together.sum(axis=0).reshape(shape)
    drawn = resample(together, is_noise, resamples, seed).reshape(shape)
    random = np.random.default_rng([seed, 1])  # not the numbers that drew the earthquakes
    points, draws = [], []
    for model in range(max(owners) + 1):
        own = [number for number, owner in enumerate(owners) if owner == model]
        of_whole, of_draws = (
            _compute_measures(values[:, own], columns) for values in (whole, drawn)
        )
        points.append(of_whole[:, :, 0].mean(axis=1))
        draws.append(np.stack([mean_of_seeds(values, random) for values in of_draws]))
    return np.stack(points), np.stack(draws)


def _compute_measures(sums: np.ndarray, columns: Sequence[str]) -> np.ndarray:
    """Compute all measures from sums of shape (draws, seeds, columns): (measures, seeds, draws)."""
    named = {name: sums[:, :, number].T for number, name in enumerate(columns)}
    return np.stack([measure.formula(named) for measure in MEASURES])


def _intervals(name: str, points: np.ndarray, draws: np.ndarray) -> pd.DataFrame:
    rows = []
    for measure, value, drawn in zip(MEASURES, points.tolist(), draws, strict=True):
        low, high = interval(drawn)
        rows.append((name, measure.protocol, measure.name, value, low, high))
    return pd.DataFrame(rows, columns=["model", "protocol", "figure", "value", "low", "high"])


def _difference_rows(
    name: str, baseline: np.ndarray, points: np.ndarray, differences: np.ndarray
) -> pd.DataFrame:
    """Make the rows of one model; differences have the shape (measures, draws)."""
    rows = []
    for number, measure in enumerate(MEASURES):
        value, theirs = float(points[number]), float(baseline[number])
        low, high = interval(differences[number])
        rows.append(
            {
                "model": name,
                "protocol": measure.protocol,
                "figure": measure.name,
                "baseline": theirs,
                "value": value,
                "difference": value - theirs,
                "low": low,
                "high": high,
                "verdict": verdict(value, theirs, measure.direction),
                "bootstrap": classify_interval(low, high, measure.direction),
            }
        )
    return pd.DataFrame(rows)


def verdict(value: float, baseline: float, direction: int) -> str:
    """Tell whether a figure is better, as the study did: by its value alone.

    >>> verdict(0.9, 0.8, 1), verdict(0.9, 0.8, -1), verdict(3.0, 3.0, 1)
    ('Better', 'Worse', 'Equal')
    """
    difference = (value - baseline) * direction
    if np.isnan(difference):
        return UNDEFINED
    if abs(difference) <= EQUAL_WITHIN * max(abs(value), abs(baseline)):
        return EQUAL
    return BETTER if difference > 0 else WORSE


def tally(comparison: Comparison, model: str, column: str = "verdict") -> dict[str, int]:
    """Count the verdicts on a model in the study's columns.

    Parameters
    ----------
    comparison
        What came out.
    model
        One of its models.
    column
        ``verdict``, or ``bootstrap`` for what would last.
    """
    rows = comparison.differences
    own = rows[(rows["model"] == model) & (rows["protocol"] == STUDY)]
    return {str(name): int(number) for name, number in own[column].value_counts().items()}
