"""Precision and recall of continuous picks against an analyst's picks, within a tolerance.

Picks and arrivals of one receiver and phase are matched one to one, the nearest first. Picks
without a match are counted per hour of covered record of a station.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from eqt.metrics import (
    PHASES,
    RESAMPLES,
    TOLERANCE,
    BootstrapConfig,
    ConfusionCounts,
    Matches,
    Score,
    score_intervals,
)
from eqt.prediction.pick_times import count_by, match_times
from eqt.prediction.score_inputs import HOUR_NS, ScoreInputs, hours_of_record
from steadkit.errors import InputError

MAX_TOLERANCE_S: Final = 10.0

MIN_HOURS: Final = 10
"""Hours with record below which there are no intervals: draws of fewer would be too narrow."""


@dataclass(frozen=True)
class ScoringConfig:
    """Settings of a score.

    Parameters
    ----------
    tolerances
        Seconds within which a pick is right; tables other than the scores use the first.
    recall_only
        Whether picks without a truth pick are left out of all tables, as the truth is incomplete.
    resamples, seed
        Draws of hours for the intervals, 0 for none.
    """

    tolerances: Sequence[float] = (TOLERANCE, 0.1, 0.2)
    recall_only: bool = False
    resamples: int = RESAMPLES
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.tolerances:
            raise InputError("no tolerance to judge picks by: give one or more, in seconds")
        for tolerance in self.tolerances:
            if not 0 <= tolerance <= MAX_TOLERANCE_S:
                raise InputError(
                    f"tolerance {tolerance:g} must lie between 0 and {MAX_TOLERANCE_S:g} seconds"
                )


class PhaseScore(NamedTuple):
    """Picks of a phase at a tolerance.

    Attributes
    ----------
    matches
        Rows of `PredictionScore.arrivals` and `PredictionScore.picks` of the phase.
    counts
        By hour.
    intervals
        Low and high of ``precision``, ``recall`` and ``f1``; empty where there are none.
    """

    matches: Matches
    counts: ConfusionCounts
    intervals: Mapping[str, tuple[float, float]]

    @property
    def total(self) -> Score:
        """Sum over all hours."""
        return self.counts.score()


@dataclass(frozen=True)
class PredictionScore:
    """Outcome of a score.

    Attributes
    ----------
    scores
        By phase and tolerance.
    record
        Covered part of each hour of each receiver, see `hours_of_record`.
    hours
        Hours since 1970 with record: the clusters of the intervals.
    """

    config: ScoringConfig
    inputs: ScoreInputs
    scores: Mapping[tuple[str, float], PhaseScore]
    record: pd.DataFrame
    hours: np.ndarray

    @property
    def tolerance(self) -> float:
        """The first tolerance, seconds."""
        return self.config.tolerances[0]

    @property
    def station_hours(self) -> float:
        """Hours of covered record, summed over the receivers."""
        return float(self.record["station_hours"].sum())

    def arrivals(self, phase: str) -> pd.DataFrame:
        """Return the truth inside the record, of a phase."""
        return of_phase(self.inputs.truth, phase)

    def picks(self, phase: str) -> pd.DataFrame:
        """Return the picks of a phase."""
        return of_phase(self.inputs.picks, phase)


def of_phase(table: pd.DataFrame, phase: str) -> pd.DataFrame:
    """Return the rows of a phase, numbered from 0."""
    return table[table["phase"] == phase].reset_index(drop=True)


def score_prediction(inputs: ScoreInputs, config: ScoringConfig) -> PredictionScore:
    """Match the picks of a prediction with an analyst's at each tolerance.

    Parameters
    ----------
    inputs
        From `eqt.prediction.score_inputs.read_score_inputs`.
    config
        Tolerances and bootstrap settings.
    """
    config = replace(config, tolerances=tuple(dict.fromkeys(config.tolerances)))
    record = hours_of_record(inputs.stretches)
    times = [table["time_ns"] // HOUR_NS for table in (inputs.truth, inputs.picks)]
    hours = np.unique(np.concatenate([record["hour"], *times]))
    matches, counts = {}, {}
    for phase in PHASES:
        arrivals, picks = of_phase(inputs.truth, phase), of_phase(inputs.picks, phase)
        arrival_hours, pick_hours = (
            np.searchsorted(hours, table["time_ns"].to_numpy() // HOUR_NS)
            for table in (arrivals, picks)
        )
        for tolerance in config.tolerances:
            found = match_times(arrivals, picks, tolerance)
            matches[phase, tolerance] = found
            counts[phase, tolerance] = count_by(arrival_hours, pick_hours, found, len(hours))
    intervals = _intervals(counts, len(hours), config)
    scores = {key: PhaseScore(matches[key], counts[key], intervals[key]) for key in counts}
    return PredictionScore(config, inputs, scores, record, hours)


def _intervals(
    counts: Mapping[tuple[str, float], ConfusionCounts], n_hours: int, config: ScoringConfig
) -> dict[tuple[str, float], dict[str, tuple[float, float]]]:
    """Compute intervals from hours drawn with replacement: arrivals of one event stay together."""
    resamples = config.resamples if n_hours >= MIN_HOURS else 0
    bootstrap = BootstrapConfig(np.arange(n_hours), np.zeros(n_hours, bool), resamples, config.seed)
    return score_intervals(counts.items(), bootstrap)
