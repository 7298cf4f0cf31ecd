"""Picking rules: one table, two rule sets.

``PUBLISHED`` reproduces EQTransformer's tester exactly, with its errors; the study's columns are
computed with it. ``CORRECTED`` is the default for everything else. ``TABLE`` has one row per rule,
with both values, the reason of the correction and the source.

Source: `picker` and `_detect_peaks` of ``core/EqT_utils.py`` and `_output_writter_test` of
``core/tester.py`` in EQTransformer at commit 3d9cd6c, and `trigger_onset` of ObsPy >= 1.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

P_LEAD: Final = 100
"""A P arrival up to this many samples before a detection belongs to it."""


@dataclass(frozen=True)
class Rules:
    """A rule set; ``TABLE`` explains the values.

    Parameters
    ----------
    name
        ``published`` or ``corrected``.
    min_samples
        Samples of the shortest detection.
    includes_threshold
        Whether a sample at the detection threshold belongs to a detection.
    includes_end
        Whether the mean over a detection includes its last sample.
    top
        Which sample of a flat top is the peak: ``rising edge`` or ``middle``.
    edge_peaks
        Whether the first and the last sample of a window can be peaks.
    margin
        Samples that a pick keeps from the bounds of its detection.
    s_first
        Whether S is chosen before P.
    earliest_s
        Whether the earliest S is chosen, not the most probable.
    min_sp
        Samples between P and S, at least.
    prefers_pair
        Whether a P that leaves an S in the detection is chosen before one that leaves none.
    shares_picks
        Whether a pick can belong to two detections.
    requires_pick
        Whether a detection without P and S is dropped.
    first_row
        Whether the row of a trace is its first detection, not the most probable.
    digits
        Decimals to which probabilities are rounded before they are compared; None for no rounding.
    """

    name: str
    min_samples: int
    includes_threshold: bool
    includes_end: bool
    top: str
    edge_peaks: bool
    margin: int
    s_first: bool
    earliest_s: bool
    min_sp: int
    prefers_pair: bool
    shares_picks: bool
    requires_pick: bool
    first_row: bool
    digits: int | None

    def above(self, probability: np.ndarray, threshold: float) -> np.ndarray:
        """Return which probabilities of a detection count."""
        at_least: np.ndarray = probability >= threshold
        return at_least if self.includes_threshold else probability > threshold

    def rounded(self, values: np.ndarray) -> np.ndarray:
        """Round probabilities as the network's float32, returned as float64.

        >>> PUBLISHED.rounded(np.array([0.12345])), CORRECTED.rounded(np.array([0.12345]))
        (array([0.123]), array([0.12345]))
        """
        if self.digits is None:
            return np.asarray(values, float)
        single = np.asarray(values, np.float32).round(self.digits)
        return np.asarray(single, float).round(self.digits)


@dataclass(frozen=True)
class Rule:
    """A row of the table: the behaviour of both rule sets and the reason of the correction.

    `values` has the fields of `Rules` that the row sets, published and corrected; rows without any
    are about the columns of the two tables that `eqt.evaluation.tables` writes.
    """

    subject: str
    published: str
    corrected: str
    reason: str
    source: str
    values: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


PICKER, PEAKS = "EqT_utils.picker", "EqT_utils._detect_peaks"
WRITER, TRIGGER = "tester._output_writter_test", "obspy trigger_onset"

TABLE: Final = (
    Rule(
        "shortest detection",
        "end - start >= 10 with both ends included: 11 samples",
        "10 samples, a tenth of a second",
        "the limit is meant as 10 samples: that it needs 11 is an off-by-one",
        PICKER,
        {"min_samples": (11, 10)},
    ),
    Rule(
        "sample at the detection threshold",
        "belongs to the detection",
        "does not: a probability must exceed its threshold",
        "a threshold of 0.2 is named as what is exceeded; ObsPy below 1.3 did so too",
        TRIGGER,
        {"includes_threshold": (True, False)},
    ),
    Rule(
        "probability and uncertainty of a detection",
        "mean from start to end - 1",
        "mean from start to end",
        "the last sample is part of the detection: Python's slice left it out",
        PICKER,
        {"includes_end": (False, True)},
    ),
    Rule(
        "flat top of a peak",
        "its rising edge, also of a shelf on the way up",
        "its middle; a shelf is no peak",
        "the middle is the best estimate of an arrival, and a shelf is no maximum",
        PEAKS,
        {"top": ("rising edge", "middle")},
    ),
    Rule(
        "first and last sample of a window",
        "never a peak",
        "a peak, if what is next to it is lower",
        "an arrival may be at either edge of a window",
        PEAKS,
        {"edge_peaks": (False, True)},
    ),
    Rule(
        "NaN",
        "never a peak, nor are its neighbours",
        "the same, and a flat top that ends at a NaN is no peak",
        "a comparison with NaN is false; no network outputs any",
        PEAKS,
    ),
    Rule(
        "bounds of P and S",
        "start - 100 < P < end and start < S < end",
        "start - 100 <= P <= end; S from the start, or from P where that is earlier, to the end",
        "a detector may trigger late by up to a second, and after a very near S too",
        PICKER,
        {"margin": (1, 0)},
    ),
    Rule(
        "order of choice",
        "S first, then P < S - 10",
        "P first, then P < S",
        "P stands out more than S; a near earthquake has S within 10 samples of P",
        PICKER,
        {"s_first": (True, False), "min_sp": (11, 1)},
    ),
    Rule(
        "which S",
        "the earliest",
        "the most probable, the earliest of equals",
        "a small early peak is rarely the S",
        PICKER,
        {"earliest_s": (True, False)},
    ),
    Rule(
        "which P",
        "the most probable, the earliest of equals; of several that round to 0.000 none",
        "the most probable of those with an S after it in the detection, if there are any",
        "a P head that fires on S would lose the S: P 705 with S 1000 explains more than P 1010",
        PICKER,
        {"prefers_pair": (False, True)},
    ),
    Rule(
        "pick in the bounds of two detections",
        "belongs to both",
        "belongs to one; a P within a second before a detection to that one",
        "one arrival is of one earthquake",
        PICKER,
        {"shares_picks": (True, False)},
    ),
    Rule(
        "detection without P and S",
        "does not exist",
        "counts",
        "something was detected, in noise it is a false alarm",
        PICKER,
        {"requires_pick": (True, False)},
    ),
    Rule(
        "row of a trace",
        "its first detection",
        "the detection of the highest sum of probabilities",
        "the first may be noise before the earthquake",
        WRITER,
        {"first_row": (True, False)},
    ),
    Rule(
        "digits of probabilities and uncertainties",
        "3, before they are compared",
        "all",
        "rounding makes equals of what differs",
        PICKER,
        {"digits": (3, None)},
    ),
    Rule(
        "P_error and S_error",
        "arrival - pick, in samples, the arrival as a whole number; empty where the arrival is not "
        "between start - 100 (P) or start (S) and end, or is 0",
        "pick - arrival, in seconds, wherever the arrival is known",
        "a residual is observed minus true; those of a wrong detection count as well",
        PICKER,
    ),
    Rule(
        "ID and snr_db",
        "the source_id, and the mean of the three components",
        "the receiver's code, and the three components",
        "as EQTransformer's predictor has it, and as STEAD has it",
        WRITER,
    ),
    Rule(
        "row of noise",
        "columns of source, arrivals and trace_start_time are empty",
        "they hold what the CSV has",
        "the time of a false alarm is worth knowing",
        WRITER,
    ),
)
"""All rules, from which both rule sets are built."""


def _rule_set(name: str, column: int) -> Rules:
    values = {key: pair[column] for rule in TABLE for key, pair in rule.values.items()}
    return Rules(name=name, **values)


PUBLISHED: Final = _rule_set("published", 0)
"""Rules of EQTransformer's tester, exactly."""

CORRECTED: Final = _rule_set("corrected", 1)
"""Default rules, for everything but the study's columns."""
