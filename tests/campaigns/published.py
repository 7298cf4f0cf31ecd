"""The published weights on real records, wherever P lies, and on simulated ones.

``PYTHONPATH=tests python -m campaigns.published FOLDER``, where FOLDER holds the published weights
and the real records, prints how often they pick right and how far off they are. They have learnt
that P lies on a whole second, four seconds in or later: picks elsewhere show it. On simulated
earthquakes they tell whether these look like real ones to a network that has seen no others.
"""

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from eqt.formats import keras_v2
from steadkit import synthetic
from steadkit.catalog import read_table
from steadkit.example import Example
from steadkit.pipeline import BatchConfig, BatchLoader
from steadkit.transforms import normalize, shift

NAMES = ("original", "conservative")
TOLERANCE = 50
MIN_PROBABILITY = 0.1
DETECTED = 0.3
BATCH = 50
STRONG_DB = 20
POSITIONS = (400, 500, 525, 550, 600, 650, 700, 750, 1000, 1050, 1500, 2050, 2100)


class Records(NamedTuple):
    """Normalised waveforms and their arrivals in samples, NaN for noise."""

    waveforms: np.ndarray
    p: np.ndarray
    s: np.ndarray

    def events(self) -> "Records":
        """Leave out noise."""
        return Records(*(values[np.isfinite(self.p)] for values in self))


class Hits(NamedTuple):
    """Which picks are right, and the mean error of these in samples."""

    share: float
    error: float


def real_records(folder: Path) -> Records:
    """Read all real records."""
    csv = folder / "ncedc_a.csv"
    names = read_table(csv, ("trace_name", "trace_category"))["trace_name"].tolist()
    batches = BatchLoader(csv.with_suffix(".hdf5"), names, BatchConfig(len(names)))
    return Records(batches.batch(0)[0], batches.p, batches.s)


def simulated_records(events: int, seed: int = 0) -> Records:
    """Simulate events with a strong signal on all components, shifted as for training."""
    random, records = np.random.default_rng(seed), []
    for example in islice(_strong(seed), events):
        moved = shift(example, random)
        records.append((normalize(moved.waveform), moved.p[0], moved.s[0]))
    return Records(*map(np.array, zip(*records, strict=True)))


def _strong(seed: int) -> Iterator[Example]:
    for row, waveform in synthetic.earthquakes(100_000, seed):
        snr = np.array(row["snr_db"], float)
        if (snr >= STRONG_DB).all():
            p, s, end = (
                float(np.ravel(row[f"{name}_sample"])[0])
                for name in ("p_arrival", "s_arrival", "coda_end")
            )
            yield Example(waveform, (p,), (s,), end, snr)


def simulated_noise(count: int, seed: int = 0) -> np.ndarray:
    """Simulate noise, normalised."""
    return np.stack([normalize(waveform) for _, waveform in synthetic.noise(count, seed)])


def outputs(model: keras.Model, waveforms: np.ndarray) -> np.ndarray:
    """Give probabilities, shape (traces, 6000, 3): detection, P and S."""
    pieces = [
        np.concatenate([np.asarray(output) for output in model(waveforms[i : i + BATCH])], axis=-1)
        for i in range(0, len(waveforms), BATCH)
    ]
    return np.concatenate(pieces)


def hits(probability: np.ndarray, arrivals: np.ndarray) -> Hits:
    """Compare the most probable sample of each trace with its arrival."""
    errors = np.abs(probability.argmax(axis=1) - arrivals)
    right = (errors <= TOLERANCE) & (probability.max(axis=1) > MIN_PROBABILITY)
    return Hits(float(right.mean()), float(errors[right].mean()) if right.any() else np.nan)


def moved_to(records: Records, position: int) -> Records:
    """Shift records in a circle so that P comes at a sample."""
    steps = position - np.round(records.p).astype(int)
    pairs = zip(records.waveforms, steps, strict=True)
    waveforms = np.stack([np.roll(waveform, step, axis=0) for waveform, step in pairs])
    return Records(waveforms, records.p + steps, records.s + steps)


def main() -> None:
    """Print it all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=500)
    options = parser.parse_args()
    real, count = real_records(options.folder), options.events
    events, simulated = real.events(), simulated_records(count)
    noise = simulated_noise(count)
    for name in NAMES:
        model = keras_v2.load(options.folder / f"eqt_{name}.h5")
        probabilities = outputs(model, events.waveforms)
        for phase, column, arrivals in (("P", 1, events.p), ("S", 2, events.s)):
            share, error = hits(probabilities[..., column], arrivals)
            print(f"{name}, real: {phase} {share:.1%} right, mean error {error:.1f} samples")
        for position in POSITIONS:
            moved = moved_to(events, position)
            share, error = hits(outputs(model, moved.waveforms)[..., 1], moved.p)
            print(f"{name}, P at {position}: {share:.1%} right, mean error {error:.1f} samples")
        probabilities, silent = outputs(model, simulated.waveforms), outputs(model, noise)
        detected = (probabilities[..., 0].max(axis=1) > DETECTED).mean()
        quiet = (silent[..., 0].max(axis=1) <= DETECTED).mean()
        print(f"{name}, {count} simulated: {detected:.1%} detected, {quiet:.1%} of noise silent")
        for phase, column, arrivals in (("P", 1, simulated.p), ("S", 2, simulated.s)):
            share, error = hits(probabilities[..., column], arrivals)
            print(f"{name}, simulated: {phase} {share:.1%} right, mean error {error:.1f} samples")


if __name__ == "__main__":
    main()
