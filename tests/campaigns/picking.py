"""Random windows picked three ways by both rule sets: many at once, one by one, and by loops.

Run it completely with ``PYTHONPATH=tests python -m campaigns.picking``: 20,000 windows, two minutes
on one core; the tests run some hundred. The loops follow the sentences of `eqt.picking.rules.TABLE`
and share no code with the picker; detections as published are those of ObsPy's trigger. Values are
quantised, so that flat tops, equals and values at a threshold are frequent, and some are NaN.
"""

import argparse
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from obspy.signal.trigger import trigger_onset
from reference_picker import detect

from eqt.picking.candidates import extract_candidates
from eqt.picking.picks import Detection, Thresholds
from eqt.picking.rules import CORRECTED, PUBLISHED, Rules
from eqt.probabilities import Probabilities

SAMPLES: Final = 600
AT_ONCE: Final = 50
THRESHOLDS: Final = (
    Thresholds(),
    Thresholds(0.3, 0.1, 0.1),
    Thresholds(0.5, 0.3, 0.3),
    Thresholds(1e-5, 1e-5, 1e-5),
)

Found = list[tuple[int, int, int | None, int | None]]
"""Start and end, P and S of each detection."""


def windows(random: np.random.Generator, count: int = AT_ONCE) -> np.ndarray:
    """Draw windows: runs and peaks of all lengths and heights, in steps of 0.0001 to 0.1."""
    shape = (count, SAMPLES, 3)
    smooth = random.normal(0, 0.3, shape)
    for length in (7, 23, 61):
        steps = random.normal(0, 1, (count, SAMPLES // length + 2, 3)).repeat(length, axis=1)
        smooth += steps[:, random.integers(length) :][:, :SAMPLES]
    step = random.choice([0.0001, 0.01, 0.05, 0.1])
    values = 1 / (1 + np.exp(random.uniform(0, 4) - smooth))
    values = (np.round(values / step) * step * random.choice([1, 1, 1e-4])).astype(np.float32)
    spoilt = random.random(shape) < random.choice([0, 0, 0.002])
    values[spoilt] = np.nan
    return values


def found_in(detections: list[Detection]) -> Found:
    """List what is compared exactly."""
    return [(d.start, d.end, d.p and d.p.sample, d.s and d.s.sample) for d in detections]


def by_loops(window: np.ndarray, thresholds: Thresholds, rules: Rules) -> Found:
    """Pick a window by loops."""
    at = {"published": _published, "corrected": _corrected}[rules.name]
    return at(window.astype(np.float64), window, thresholds)


def _published(window: np.ndarray, single: np.ndarray, thresholds: Thresholds) -> Found:
    picks = []
    for column, threshold in ((1, thresholds.p), (2, thresholds.s)):
        values, samples = window[:, column], []
        for i in range(1, SAMPLES - 1):
            before, value, after = values[i - 1 : i + 2]
            if value > before and after <= value and value >= threshold:
                samples.append(i)
        picks.append({i: float(np.round(single[i, column], 3)) for i in samples})
    detections: Found = []
    threshold_d = thresholds.detection
    for start, end in (
        np.array(trigger_onset(single[:, 0], threshold_d, threshold_d), int).reshape(-1, 2).tolist()
    ):
        if end - start < 10:
            continue
        s = next((i for i in picks[1] if start < i < end), None)
        p, highest = None, 0.0
        inside = [i for i in picks[0] if start - 100 < i < (end if s is None else s - 10)]
        for i in inside:
            if picks[0][i] > highest or len(inside) == 1:
                p, highest = i, picks[0][i]
        if p is not None or s is not None:
            detections.append((start, end, p, s))
    return detections


def _corrected(window: np.ndarray, single: np.ndarray, thresholds: Thresholds) -> Found:
    picks = [
        _flat_tops(window[:, i], threshold)
        for i, threshold in ((1, thresholds.p), (2, thresholds.s))
    ]
    spans, start = [], None
    for i in range(SAMPLES + 1):
        above = i < SAMPLES and single[i, 0] > np.float32(thresholds.detection)
        if above and start is None:
            start = i
        if not above and start is not None:
            spans += [(start, i - 1)] if i - start >= 10 else []
            start = None
    detections: Found = []
    for number, (start, end) in enumerate(spans):
        last = end
        if number + 1 < len(spans):
            # What lies in the second before the next detection belongs to that one.
            last = max(start, min(end, spans[number + 1][0] - 101))
        candidates = {i: v for i, v in picks[0].items() if start - 100 <= i <= last}
        paired = {
            i: v
            for i, v in candidates.items()
            if any(start <= j <= end and j > i for j in picks[1])
        }
        p = _highest(paired or candidates)
        first = start if p is None else p + 1
        s = _highest({i: v for i, v in picks[1].items() if first <= i <= end})
        for pick, candidates_of_phase in zip((p, s), picks, strict=True):
            candidates_of_phase.pop(pick, None)
        detections.append((start, end, p, s))
    return detections


def _flat_tops(values: np.ndarray, threshold: float) -> dict[int, float]:
    """Find middles of flat tops, at the edges too."""
    peaks, i = {}, 0
    fenced = [-1.0, *values.tolist(), -1.0]
    while i < SAMPLES:
        last = i
        while last + 1 < SAMPLES and values[last + 1] == values[i]:
            last += 1
        if fenced[i] < values[i] > fenced[last + 2] and values[i] >= threshold:
            peaks[(i + last) // 2] = float(values[i])
        i = last + 1
    return peaks


def _highest(candidates: dict[int, float]) -> int | None:
    return max(candidates, key=lambda i: (candidates[i], -i), default=None)


def differences(
    count: int, seed: int, rule_sets: Sequence[Rules] = (PUBLISHED, CORRECTED)
) -> Iterator[str]:
    """Compare the three ways on random windows; yields a line for each that differ."""
    random = np.random.default_rng(seed)
    for first in range(0, count, AT_ONCE):
        mean = windows(random, min(AT_ONCE, count - first))
        std = (mean * np.float32(0.1)).astype(np.float32)
        thresholds = THRESHOLDS[random.integers(len(THRESHOLDS))]
        for rules in rule_sets:
            outputs = iter([Probabilities(mean[:20], std[:20]), Probabilities(mean[20:], std[20:])])
            all_detections = extract_candidates(outputs, thresholds, rules=rules).detections(
                thresholds
            )
            for number, (window, stray, detections) in enumerate(
                zip(mean, std, all_detections, strict=True)
            ):
                single = detect(window, thresholds, stray, rules)
                where = f"window {first + number}, seed {seed}, {thresholds}, {rules.name}"
                if not (found_in(detections) == found_in(single) and _is_near(detections, single)):
                    yield f"{where}: {detections} at once, {single} alone"
                if (loops := by_loops(window, thresholds, rules)) != found_in(single):
                    yield f"{where}: {found_in(single)}, by loops {loops}"


def _is_near(many: list[Detection], single: list[Detection]) -> bool:
    """Compare probabilities and uncertainties; means may be rounded to neighbours."""
    for detection_a, detection_b in zip(many, single, strict=True):
        if (detection_a.p, detection_a.s) != (detection_b.p, detection_b.s):
            return False
        means = [(d.probability, d.uncertainty) for d in (detection_a, detection_b)]
        if not np.allclose(*means, rtol=0, atol=1.001e-3):
            return False
    return True


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wrong = list(differences(options.windows, options.seed))
    for line in wrong[:20]:
        print(line)
    print(f"{options.windows:,} windows, both rule sets, three ways: {len(wrong)} differences")


if __name__ == "__main__":
    main()
