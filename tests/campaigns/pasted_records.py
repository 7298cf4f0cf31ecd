"""Paste real records with known arrivals into hours of quiet, pick, and score.

Run whole with ``python tests/campaigns/pasted_records.py --data FILE.hdf5 --noise FILE.hdf5
--weights FILE ... --hours 6``: earthquakes of one STEAD file are pasted at random times and
amplitudes into simulated noise joined with the noise traces of another. Prints, for each network
and threshold, recall, picks that are no arrival per hour, and the error of P and S.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from obspy import Stream, Trace, UTCDateTime

import steadkit
from eqt.metrics.matching import match_picks
from eqt.picking.annotate import stack_station, station_records
from eqt.picking.picks import Thresholds
from eqt.picking.station_picks import PickingConfig, pick_station
from eqt.probabilities import WindowPredict
from steadkit.dataset import Dataset

START = UTCDateTime("2024-02-03")
RATE = 100
BEFORE, AFTER = 300, 3000
"""Samples of a record that are pasted: from three seconds before P to half a minute after it."""
SPACING = 6000
"""Samples from one pasted record to the next, at least."""
THRESHOLDS = (0.05, 0.1, 0.3)
TOLERANCE_S = 0.5
LOUDNESS = (3.0, 300.0)
"""Highest amplitude of a pasted record over the standard deviation of the noise: log-uniform."""


class Pasted(NamedTuple):
    """The record, and phase and sample of each arrival."""

    stream: Stream
    arrivals: pd.DataFrame


def quiet(noise: Dataset, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Join noise traces, each of unit standard deviation, and simulated noise in turns."""
    waveforms = noise.get_waveforms()
    quiet_samples = rng.normal(size=(n_samples, 3))
    for start in range(0, n_samples - 6000, 12_000):
        trace = waveforms[rng.integers(len(waveforms))]
        # A dead component would be a constant, which is no record.
        scale = trace.std(axis=0)
        live = scale > 0
        quiet_samples[start : start + 6000, live] = (trace / np.where(live, scale, 1))[:, live]
    return quiet_samples


def paste(events: Dataset, noise: Dataset, hours: float, seed: int) -> Pasted:
    """Paste each event once, or as many as there is room for."""
    rng = np.random.default_rng(seed)
    n_samples = round(hours * 3600 * RATE)
    samples, rows = quiet(noise, n_samples, rng), []
    order = rng.permutation(len(events))[: n_samples // (2 * SPACING)]
    slots = np.sort(rng.choice(n_samples // SPACING - 2, len(order), replace=False)) + 1
    table = events.metadata
    for number, slot in zip(order.tolist(), slots.tolist(), strict=True):
        p, s = (table[f"{phase}_arrival_sample"].iloc[number] for phase in "ps")
        waveform = events.get_waveforms(slice(number, number + 1))[0]
        first = max(round(p) - BEFORE, 0)
        piece = waveform[first : round(p) + AFTER]
        loudness = np.exp(rng.uniform(*np.log(LOUDNESS)))
        begin = slot * SPACING + int(rng.integers(0, 2000))
        window = samples[begin : begin + len(piece)]
        window += loudness * piece[: len(window)] / np.abs(piece).max()
        rows += [
            {"phase": phase, "sample": begin + arrival - first, "loudness": loudness}
            for phase, arrival in (("P", p), ("S", s))
            if np.isfinite(arrival)
        ]
    traces = []
    for column, component in enumerate("ENZ"):
        header = {"network": "XX", "station": "ABC", "channel": f"HH{component}"}
        header |= {"sampling_rate": float(RATE), "starttime": START}
        traces.append(Trace((100 * samples[:, column]).round(), header))
    return Pasted(Stream(traces), pd.DataFrame(rows))


def score(picks: pd.DataFrame, arrivals: pd.DataFrame, phase: str) -> tuple[int, int, np.ndarray]:
    """Return hits, picks of no arrival, and the errors of hits in s; one pick an arrival."""
    is_phase = picks["phase"] == phase
    times = picks.loc[is_phase, "time"].to_numpy() / 1e9 - START.timestamp
    truth = arrivals.loc[arrivals["phase"] == phase, "sample"].to_numpy() / RATE
    # All in one trace.
    truth_traces, pick_traces = (np.zeros(len(seconds), int) for seconds in (truth, times))
    matches = match_picks(truth_traces, truth, pick_traces, times, TOLERANCE_S)
    return len(matches.residuals), len(times) - len(matches.picks), matches.residuals


def campaign(
    pasted: Pasted, predict_station: Callable[[str], WindowPredict], hours: float
) -> pd.DataFrame:
    """Return recall, false picks per hour and errors at each threshold and for each phase."""
    (station,) = station_records(pasted.stream)
    config = PickingConfig(Thresholds(0.3, 0.05, 0.05), floor=0.02)
    stacked = stack_station(predict_station("XX.ABC..HH"), station.records, config, "std")
    rows = []
    for threshold in THRESHOLDS:
        level = PickingConfig(Thresholds(0.3, threshold, threshold), floor=0.02)
        arrivals, _ = pick_station(
            stacked, station.records, station.instrument, station.channels, level
        )
        picks = arrivals[arrivals["is_pick"]]
        for phase in ("P", "S"):
            hits, false, errors = score(picks, pasted.arrivals, phase)
            total = int((pasted.arrivals["phase"] == phase).sum())
            rows.append(
                {
                    "threshold": threshold,
                    "phase": phase,
                    "arrivals": total,
                    "recall": hits / max(total, 1),
                    "false an hour": false / hours,
                    "mean error (s)": errors.mean() if len(errors) else np.nan,
                    "std (s)": errors.std() if len(errors) else np.nan,
                }
            )
    return pd.DataFrame(rows)


def main() -> None:
    """Print a table for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="events with P and S")
    parser.add_argument("--noise", type=Path, required=True)
    parser.add_argument("--weights", type=Path, nargs="+", required=True)
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    from eqt.model_io import load_model
    from eqt.probabilities import window_predictor

    events = steadkit.open_dataset(options.data).where("trace_category == 'earthquake_local'")
    noise = steadkit.open_dataset(options.noise).where("trace_category == 'noise'")
    pasted = paste(events, noise, options.hours, options.seed)
    for weights in options.weights:
        print(weights.name)
        table = campaign(pasted, window_predictor(load_model(weights)), options.hours)
        print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    sys.exit(main())
