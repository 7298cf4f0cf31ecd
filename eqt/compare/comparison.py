"""Comparison of models with a baseline: verdict and bootstrap interval of each figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from eqt.compare.load import EvaluationTables, align_traces, read_evaluation
from eqt.compare.measures import MEASURES, STUDY, count_outcomes_by_trace
from eqt.metrics import RESAMPLES, BootstrapConfig, cluster_bootstrap, interval
from eqt.seen import TrainingOverlap
from steadkit.console import progress
from steadkit.errors import InputError, printable
from steadkit.schema import EVENT

BETTER, EQUAL, WORSE, UNDEFINED = "Better", "Equal", "Worse", "undefined"

EQUAL_WITHIN = 1e-9
"""Relative difference up to which values are equal: sums of the same errors in another order
differ by less."""


@dataclass(frozen=True)
class ModelRuns:
    """A model by name, with one evaluation for each seed that it was trained with."""

    name: str
    evaluations: Sequence[EvaluationTables]


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison.

    Parameters
    ----------
    baseline
        Name of the model that all others are compared with.
    models
        Names of all other models.
    figures
        A row per model (the baseline too) and measure: ``model``, ``protocol``, ``figure``,
        ``value``, and the 95 % interval, ``low`` and ``high``.
    differences
        A row per model and measure: ``model``, ``protocol``, ``figure``, ``baseline``, ``value``,
        ``difference`` with its 95 % interval, ``low`` and ``high``, ``verdict`` (Better, Equal,
        Worse, undefined) and ``bootstrap`` (better, worse, undecided).
    earthquakes, events, noise, seeds
        Number of each; seeds of the model that has most.
    seen
        A line for each number of the traces that models were trained on; none where all models are
        evaluated on traces and earthquakes that are new to them.
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
    """Read the evaluations of several runs, each named after its run.

    Raises
    ------
    InputError
        There are fewer than two, one is named twice, or one cannot be used.
    """
    if len(paths) < 2:
        raise InputError("nothing to compare with: name at least two runs")
    evaluations = [read_evaluation(path) for path in paths]
    folders = [evaluation.folder.resolve() for evaluation in evaluations]
    for folder, path in zip(folders, paths, strict=True):
        if folders.count(folder) > 1:
            raise InputError(f"{str(path)!r} is named twice: name each run once")
    runs = [f.parent.name if f.name == "evaluation" else f.name for f in folders]
    # Two runs of one name in two folders are distinguished by the paths that the user typed.
    names = [run if runs.count(run) == 1 else str(p) for run, p in zip(runs, paths, strict=True)]
    names = [printable(name, None) for name in names]
    return [
        ModelRuns(name, [evaluation]) for name, evaluation in zip(names, evaluations, strict=True)
    ]


def compare(
    models: Sequence[ModelRuns],
    baseline: str | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare models with a baseline, on the same traces.

    Parameters
    ----------
    models
        The models; with several evaluations each figure is the mean over them.
    baseline
        Name of one of the models; the first by default.
    resamples
        Number of bootstrap draws.
    seed
        Seed of these draws.

    Raises
    ------
    InputError
        The baseline is none of the models, or they were evaluated on different traces.
    """
    names = [runs.name for runs in models]
    if baseline is not None and baseline not in names:
        raise InputError(
            f"no {printable(baseline)!r} to compare with: use one of {', '.join(names)}"
        )
    base = names.index(baseline) if baseline is not None else 0
    owners = [model for model, runs in enumerate(models) for _ in runs.evaluations]
    labels = [names[model] for model in owners]
    evaluations = align_traces([e for runs in models for e in runs.evaluations], labels)
    traces = evaluations[0].traces
    counts = [count_outcomes_by_trace(e) for e in progress(evaluations, "counting")]
    bootstrap = BootstrapConfig.of_traces(traces, resamples, seed)
    points, draws = _figures(counts, owners, bootstrap)
    other_models = [model for model in range(len(names)) if model != base]
    return Comparison(
        baseline=names[base],
        models=tuple(names[model] for model in other_models),
        figures=pd.concat([_intervals(names[m], points[m], draws[m]) for m in range(len(names))]),
        differences=pd.concat(
            [
                _difference_rows(names[m], points[base], points[m], draws[m] - draws[base])
                for m in other_models
            ]
        ).reset_index(drop=True),
        earthquakes=int((~bootstrap.is_noise).sum()),
        events=int((traces["trace_category"] == EVENT).sum()),
        noise=int(bootstrap.is_noise.sum()),
        seeds=max(len(runs.evaluations) for runs in models),
        seen=_seen_lines(models, len(traces)),
    )


def _seen_lines(model_runs: Sequence[ModelRuns], n_traces: int) -> tuple[str, ...]:
    """Return lines on the models that were trained on some traces; equal counts share a line."""
    models: dict[TrainingOverlap, list[str]] = {}
    for runs in model_runs:
        for seen in dict.fromkeys(evaluation.seen for evaluation in runs.evaluations):
            models.setdefault(seen, []).append(runs.name)
    return tuple(filter(None, (seen.summary(n_traces, names) for seen, names in models.items())))


def _figures(
    counts: Sequence[pd.DataFrame], owners: Sequence[int], bootstrap: BootstrapConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Compute all measures of all models: (models, measures), and (models, measures, draws)."""
    columns = list(counts[0].columns)
    columns_of_all = np.concatenate([table.to_numpy() for table in counts], axis=1)
    shape = (-1, len(counts), len(columns))
    by_cluster = pd.DataFrame(columns_of_all).groupby(bootstrap.clusters).sum()
    # Column by column in memory, NumPy sums pairwise: fewer digits are lost than row by row.
    totals = np.asfortranarray(by_cluster).sum(axis=0).reshape(shape)
    # All models are counted on the same draws: a difference of two figures of one draw is paired.
    drawn = cluster_bootstrap(columns_of_all, bootstrap).reshape(shape)
    random = np.random.default_rng([bootstrap.seed, 1])  # not the numbers that drew the earthquakes
    points, draws = [], []
    for model in range(max(owners) + 1):
        model_rows = [number for number, owner in enumerate(owners) if owner == model]
        of_totals, of_draws = (
            _compute_measures(values[:, model_rows], columns) for values in (totals, drawn)
        )
        points.append(of_totals[:, :, 0].mean(axis=1))
        draws.append(np.stack([mean_of_seeds(values, random) for values in of_draws]))
    return np.stack(points), np.stack(draws)


def _compute_measures(sums: np.ndarray, columns: Sequence[str]) -> np.ndarray:
    """Compute all measures from sums of shape (draws, seeds, columns): (measures, seeds, draws)."""
    named = {name: sums[:, :, number].T for number, name in enumerate(columns)}
    return np.stack([measure.formula(named) for measure in MEASURES])


def mean_of_seeds(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Average over the seeds of a network, drawn with replacement in each draw.

    The spread of a figure then includes that between trainings. With one seed there is nothing to
    draw.

    Parameters
    ----------
    values
        Shape (seeds, draws).

    Returns
    -------
    numpy.ndarray
        Shape (draws,).
    """
    seeds, count = values.shape
    # Each draw of earthquakes has a draw of seeds of its own.
    drawn_seeds = random.integers(0, seeds, (seeds, count))
    averaged: np.ndarray = np.take_along_axis(values, drawn_seeds, axis=0).mean(axis=0)
    return averaged


def _intervals(name: str, points: np.ndarray, draws: np.ndarray) -> pd.DataFrame:
    rows = [
        (name, measure.protocol, measure.name, value, *interval(drawn))
        for measure, value, drawn in zip(MEASURES, points.tolist(), draws, strict=True)
    ]
    return pd.DataFrame(rows, columns=["model", "protocol", "figure", "value", "low", "high"])


def _difference_rows(
    name: str, baseline: np.ndarray, points: np.ndarray, differences: np.ndarray
) -> pd.DataFrame:
    """Return the rows of one model; differences have the shape (measures, draws)."""
    rows = []
    for number, measure in enumerate(MEASURES):
        value, baseline_value = float(points[number]), float(baseline[number])
        low, high = interval(differences[number])
        rows.append(
            {
                "model": name,
                "protocol": measure.protocol,
                "figure": measure.name,
                "baseline": baseline_value,
                "value": value,
                "difference": value - baseline_value,
                "low": low,
                "high": high,
                "verdict": verdict(value, baseline_value, measure.direction),
                "bootstrap": classify_interval(low, high, measure.direction),
            }
        )
    return pd.DataFrame(rows)


def verdict(value: float, baseline: float, direction: int) -> str:
    """Return whether a figure is better, as in the study: by its value alone.

    >>> verdict(0.9, 0.8, 1), verdict(0.9, 0.8, -1), verdict(3.0, 3.0, 1)
    ('Better', 'Worse', 'Equal')
    """
    difference = (value - baseline) * direction
    if np.isnan(difference):
        return UNDEFINED
    if abs(difference) <= EQUAL_WITHIN * max(abs(value), abs(baseline)):
        return EQUAL
    return BETTER if difference > 0 else WORSE


def classify_interval(low: float, high: float, direction: int) -> str:
    """Classify an interval of differences as better, worse or undecided.

    >>> classify_interval(0.01, 0.02, 1), classify_interval(0.01, 0.02, -1)
    ('better', 'worse')
    >>> classify_interval(-0.01, 0.02, 1)
    'undecided'
    """
    if low > 0 or high < 0:
        return "better" if (low > 0) == (direction > 0) else "worse"
    return "undecided"


def tally(comparison: Comparison, model: str, column: str = "verdict") -> dict[str, int]:
    """Count the verdicts on a model in the study's columns.

    Parameters
    ----------
    comparison
        The comparison.
    model
        One of its models.
    column
        ``verdict``, or ``bootstrap`` for the verdict by the interval.
    """
    rows = comparison.differences
    model_rows = rows[(rows["model"] == model) & (rows["protocol"] == STUDY)]
    return {str(name): int(number) for name, number in model_rows[column].value_counts().items()}
