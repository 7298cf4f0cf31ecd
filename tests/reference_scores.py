"""Scores of picks by trace name, for tests of matching and of comparisons."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from eqt.metrics import TOLERANCE, Score, match_picks


def score_picks(
    arrivals: Mapping[str, float | Sequence[float]],
    picks: pd.DataFrame,
    tolerance: float = TOLERANCE,
) -> tuple[Score, np.ndarray]:
    """Score picks by trace name, within a tolerance.

    An arrival is matched with its nearest pick; every other pick, in noise or in an event, is a
    false positive.

    Parameters
    ----------
    arrivals
        Seconds from the start of the trace to the arrival, or arrivals, of the traces that have
        any.
    picks
        All picks: ``trace_name`` and ``seconds``.
    tolerance
        Seconds, the bound included.

    Returns
    -------
    score : Score
        One true positive at most for each arrival.
    residuals : numpy.ndarray
        Pick minus arrival of the true positives, seconds, in the order of the picks.
    """
    columns = [np.atleast_1d(np.asarray(values, float)) for values in arrivals.values()]
    traces = np.repeat(np.arange(len(columns)), [len(values) for values in columns])
    seconds = np.concatenate([*columns, np.empty(0)])
    pick_traces = pd.Index(list(arrivals)).get_indexer(picks["trace_name"])
    matches = match_picks(traces, seconds, pick_traces, picks["seconds"].to_numpy(float), tolerance)
    tp = len(matches.picks)
    score = Score(tp=tp, fp=len(picks) - tp, fn=len(seconds) - tp)
    return score, matches.residuals[np.argsort(matches.picks)]
