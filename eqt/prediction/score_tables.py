"""Tables of a score: each arrival with its pick, thresholds, hours, and receivers.

=====================  =================================================================
`match_table`          each truth pick with its pick and residual, or why it has none
`threshold_curve`      scores of the candidates at thresholds from the floor on
`hour_table`           recall, and picks without a truth pick, by hour of record
`receiver_table`       the same by station
`missed_table`         number of truth picks without a pick by reason
=====================  =================================================================
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from eqt.metrics import PHASES, f1, is_within, precision, ratio, recall, scores_at
from eqt.prediction.pick_times import count_by, match_times, nearest
from eqt.prediction.score_inputs import HOUR_NS
from eqt.prediction.scoring import PredictionScore, of_phase

GRID: Final = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Thresholds of the curve, besides the floor and those of the prediction."""

NEAR_S: Final = 2.0
"""Seconds up to which another pick is named as the reason of a missed arrival."""

MATCHED: Final = "matched"
USED_ELSEWHERE: Final = "its pick belongs to another arrival"
BELOW: Final = "a candidate below the threshold"
FLAT: Final = "a candidate that does not stand out"
FAR: Final = "a pick further off"
NOTHING: Final = "no candidate"

PRECISION_COLUMNS: Final = ("extra", "precision", "f1", "extra_per_station_hour")
"""Columns that need a truth which lists every arrival."""

MATCH_COLUMNS: Final = (
    *("receiver", "phase", "truth_time", "event_id", "status", "outcome"),
    *("pick_time", "residual_s", "probability", "location", "channel"),
    *("candidate_probability", "nearest_pick_s"),
)


def outcome_columns(
    tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, station_hours: np.ndarray | float
) -> dict[str, np.ndarray]:
    """Return counts and scores: truth, true, missed, recall and `PRECISION_COLUMNS`."""
    return {
        "truth": tp + fn,
        "true": tp,
        "missed": fn,
        "recall": recall(tp, fn),
        "extra": fp,
        "precision": precision(tp, fp),
        "f1": f1(tp, fp, fn),
        "extra_per_station_hour": ratio(fp, np.broadcast_to(station_hours, np.shape(fp))),
    }


def judged(table: pd.DataFrame, score: PredictionScore) -> pd.DataFrame:
    """Return a table, where the truth is incomplete without `PRECISION_COLUMNS`."""
    return table.drop(columns=[*PRECISION_COLUMNS]) if score.config.recall_only else table


def threshold_curve(score: PredictionScore) -> pd.DataFrame:
    """Score the candidates at thresholds from the floor on, by phase and tolerance.

    Each arrival is matched with its most probable candidate within the tolerance: one matching
    serves all thresholds. Picks stand out of their surroundings by half of their threshold,
    candidates by half of the floor only, so there may be more of these at one threshold.
    """
    inputs, parts = score.inputs, []
    for phase in PHASES:
        arrivals, candidates = score.arrivals(phase), of_phase(inputs.candidates, phase)
        # Thresholds as precise as the probabilities: a candidate of 0.95 reaches 0.95.
        probability = candidates["probability"].to_numpy(np.float32)
        above = (threshold for threshold in GRID if threshold > inputs.floor)
        thresholds = np.array(sorted({inputs.floor, inputs.thresholds[phase], *above}))
        for tolerance in score.config.tolerances:
            matches = match_times(arrivals, candidates, tolerance, -probability)
            is_right = np.zeros(len(candidates), bool)
            is_right[matches.picks] = True
            points = scores_at(thresholds.astype(np.float32), probability, is_right, len(arrivals))
            tp, fp, fn = np.array([(point.tp, point.fp, point.fn) for point in points]).T
            labels = {"phase": phase, "tolerance_s": tolerance, "threshold": thresholds}
            columns = outcome_columns(tp, fp, fn, score.station_hours)
            parts.append(pd.DataFrame(labels | columns))
    return judged(pd.concat(parts, ignore_index=True), score)


def hour_table(score: PredictionScore) -> pd.DataFrame:
    """Return the outcomes of each hour with record, numbered since the first, by phase."""
    lengths = score.record.groupby("hour")["station_hours"].sum()
    lengths = lengths.reindex(score.hours, fill_value=0.0).to_numpy()
    labels = {
        "hour": score.hours - score.hours[0],
        "start": time_texts(score.hours * HOUR_NS),
        "station_hours": lengths,
    }
    parts = []
    for phase in PHASES:
        counts = score.scores[phase, score.tolerance].counts
        columns = outcome_columns(counts.tp, counts.fp, counts.fn, lengths)
        parts.append(pd.DataFrame(labels | {"phase": phase} | columns))
    table = pd.concat(parts).sort_values(["hour", "phase"], ignore_index=True)
    return judged(table, score)


def receiver_table(score: PredictionScore) -> pd.DataFrame:
    """Return the outcomes of each receiver and phase, and its truth picks outside the record."""
    lengths = score.record.groupby("receiver")["station_hours"].sum()
    left_out, picks = score.inputs.left_out, score.inputs.picks
    names = np.array(sorted({*lengths.index, *picks["receiver"], *left_out["receiver"]}), object)
    hours = lengths.reindex(names, fill_value=0.0).to_numpy()
    parts = []
    for phase in PHASES:
        arrival_keys, pick_keys, outside = (
            np.searchsorted(names, table["receiver"].to_numpy(object))
            for table in (score.arrivals(phase), score.picks(phase), of_phase(left_out, phase))
        )
        matches = score.scores[phase, score.tolerance].matches
        counts = count_by(arrival_keys, pick_keys, matches, len(names))
        labels = {"receiver": names, "station_hours": hours, "phase": phase}
        columns = outcome_columns(counts.tp, counts.fp, counts.fn, hours)
        n_outside = {"truth_outside_record": np.bincount(outside, minlength=len(names))}
        parts.append(pd.DataFrame(labels | columns | n_outside))
    table = pd.concat(parts).sort_values(["receiver", "phase"], ignore_index=True)
    return judged(table, score)


def match_table(score: PredictionScore) -> pd.DataFrame:
    """Return a row a truth pick, in order of time: its pick within the first tolerance, or why not.

    Of a missed one, ``outcome`` is the reason, ``candidate_probability`` that of the most probable
    candidate within the tolerance, ``nearest_pick_s`` how much later the nearest pick of its phase
    is, if that is near.
    """
    parts = [_phase_matches(score, phase) for phase in PHASES]
    parts.append(score.inputs.left_out.rename(columns={"reason": "outcome"}))
    table = pd.concat(parts, ignore_index=True)
    table = table.sort_values(["time_ns", "receiver", "phase"], ignore_index=True)
    table = table.rename(columns={"source_id": "event_id"})
    table["truth_time"] = time_texts(table["time_ns"].to_numpy())
    return table.reindex(columns=[*MATCH_COLUMNS])


def missed_table(score: PredictionScore) -> pd.DataFrame:
    """Return the number of truth picks without a pick by reason and phase."""
    matches = match_table(score)
    missed = matches[matches["outcome"] != MATCHED]
    counts = pd.crosstab(missed["outcome"], missed["phase"]).reindex(columns=[*PHASES])
    return (
        counts.fillna(0).astype(int).rename_axis(columns=None).rename_axis("reason").reset_index()
    )


def _phase_matches(score: PredictionScore, phase: str) -> pd.DataFrame:
    arrivals, picks = score.arrivals(phase), score.picks(phase)
    matches = score.scores[phase, score.tolerance].matches
    rows, found = matches.arrivals, picks.iloc[matches.picks]
    table = arrivals.assign(outcome="")
    for name in ("probability", "location", "channel"):
        table.loc[rows, name] = found[name].to_numpy()
    table.loc[rows, "outcome"] = MATCHED
    table.loc[rows, "pick_time"] = time_texts(found["time_ns"].to_numpy())
    table.loc[rows, "residual_s"] = matches.residuals.round(6)
    missed = np.setdiff1d(np.arange(len(arrivals)), rows)
    reasons = _reasons(score, phase, arrivals.iloc[missed].reset_index(drop=True))
    for name in reasons:
        table.loc[missed, name] = reasons[name].to_numpy()
    return table


def _reasons(score: PredictionScore, phase: str, missed: pd.DataFrame) -> pd.DataFrame:
    """Return why arrivals have no pick, and what is near them."""
    other = next(name for name in PHASES if name != phase)
    offsets = {name: nearest(missed, score.picks(name)).offset_ns / 1e9 for name in (phase, other)}
    is_near = {name: is_within(offset, score.tolerance) for name, offset in offsets.items()}
    candidates = of_phase(score.inputs.candidates, phase)
    candidates = candidates[~candidates["is_pick"]].reset_index(drop=True)
    probability = candidates["probability"].to_numpy(np.float32)
    matches = match_times(missed, candidates, score.tolerance, -probability)
    best = np.full(len(missed), np.nan)
    best[matches.arrivals] = probability[matches.picks]
    threshold = np.float32(score.inputs.thresholds[phase])
    reasons: Sequence[tuple[np.ndarray, str]] = (
        (is_near[phase], USED_ELSEWHERE),
        (best < threshold, BELOW),
        (best >= threshold, FLAT),
        (is_near[other], f"picked as {other}"),
        (np.abs(offsets[phase]) <= NEAR_S, FAR),
    )
    outcome = np.select([is_case for is_case, _ in reasons], [text for _, text in reasons], NOTHING)
    offset = np.where(np.abs(offsets[phase]) <= NEAR_S, offsets[phase].round(6), np.nan)
    return pd.DataFrame(
        {"outcome": outcome, "candidate_probability": best.round(7), "nearest_pick_s": offset}
    )


def time_texts(times_ns: np.ndarray) -> np.ndarray:
    """Write times in ns since 1970 as ISO 8601, rounded to microseconds.

    >>> time_texts(np.array([1_706_937_871_234_567_890])).tolist()
    ['2024-02-03T05:24:31.234568Z']
    """
    texts: np.ndarray = np.datetime_as_string(
        ((np.asarray(times_ns, np.int64) + 500) // 1000).astype("datetime64[us]"), unit="us"
    ).astype(object)
    return texts + "Z"
