"""Choice of thresholds on the validation split, never on the traces that are evaluated."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from eqt.evaluation.inputs import Task
from eqt.evaluation.tolerance import (
    count_overlaps,
    drop_unknown,
    picks_at_floor,
    right_by_probability,
)
from eqt.metrics import Score, Truth, scores_at
from eqt.picking.candidates import GRID, PickCandidates
from eqt.picking.picks import Thresholds

NAMES = ("detection", "p", "s")


class ThresholdChoice(NamedTuple):
    """The chosen thresholds, and F1 on the validation split of each threshold tried."""

    thresholds: Thresholds
    tried: Mapping[str, Mapping[str, float]]


def choose(
    candidates: PickCandidates,
    truth: Truth,
    thresholds: Thresholds,
    which: Collection[str] = NAMES,
    tolerance: float = 0.5,
) -> ThresholdChoice:
    """Choose the thresholds with the best F1 of detection by overlap, then of P, then of S.

    Parameters
    ----------
    candidates, truth
        Candidates of the validation traces, and their labels.
    thresholds
        Values of the thresholds that are not chosen, and of those where no value gives a true
        positive.
    which
        Thresholds to choose, a subset of ``NAMES``.
    tolerance
        Seconds within which a pick is right.
    """
    tried = {}
    # In this order, as picks depend on the detections that they lie in, and S on P.
    for name in NAMES:
        if name not in which:
            continue
        scores = _scores(candidates, truth, thresholds, name, tolerance)
        values = np.nan_to_num(np.array([score.f1 for score in scores]))
        tried[name] = {
            f"{threshold:g}": float(value) for threshold, value in zip(GRID, values, strict=True)
        }
        if values.max() > 0:
            # The middle of several equally good thresholds has the largest margin on both sides.
            best = np.flatnonzero(values == values.max())
            thresholds = replace(thresholds, **{name: GRID[best[len(best) // 2]]})
    return ThresholdChoice(thresholds, tried)


def _scores(
    candidates: PickCandidates, truth: Truth, thresholds: Thresholds, name: str, tolerance: float
) -> list[Score]:
    if name == "detection":
        spans_by_threshold = (candidates.spans[threshold] for threshold in GRID)
        return [
            count_overlaps(truth, spans.trace, np.stack([spans.start, spans.end], axis=1)).score()
            for spans in spans_by_threshold
        ]
    phase = name.upper()
    picks = drop_unknown(truth, picks_at_floor(candidates, thresholds, phase), phase, tolerance)
    is_right, n_arrivals = right_by_probability(truth, picks, phase, tolerance)
    return scores_at(np.array(GRID), picks.probability, is_right, n_arrivals)


def describe_choice(
    thresholds: Thresholds, chosen: ThresholdChoice | None, where: str
) -> dict[str, Any]:
    """Return the record of the thresholds and of the origin of each.

    Parameters
    ----------
    thresholds
        Thresholds of the evaluation.
    chosen
        The choice on the validation split, if there was one.
    where
        Description of that split.
    """
    published = vars(Thresholds())
    sources = {}
    for name, value in vars(thresholds).items():
        tried = chosen.tried.get(name) if chosen else None
        if tried and max(tried.values()) > 0:
            sources[name] = "validation"
        else:
            sources[name] = "published" if value == published[name] else "given"
    unique_sources = set(sources.values())
    text = ", ".join(f"{name} {source}" for name, source in sources.items())
    record = {
        **vars(thresholds),
        "from": unique_sources.pop() if len(unique_sources) == 1 else text,
    }
    if chosen:
        record |= {"validation": where, "tried": chosen.tried}
    return record


def to_choose(task: Task, how: str | None, given: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names of the thresholds to choose on the validation split.

    Parameters
    ----------
    task
        The evaluation, with or without a validation split.
    how
        ``validation``, ``published``, or None: ``validation`` if that split can be read.
    given
        Thresholds set by the user, which are kept.
    """
    has_validation = task.validation is not None and task.validation.data.exists()
    if how == "published" or (how is None and not has_validation):
        return ()
    return tuple(name for name in NAMES if name not in given)
