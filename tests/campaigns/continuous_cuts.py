"""Pick a record again and again, cut and shifted: the picks must be the same.

Run whole with ``python tests/campaigns/continuous_cuts.py RECORD... --weights FILE --cuts 20``: the
three components of one instrument, an hour or a day. Each time the start is shifted by 1 to 59 s
and the record is cut at random into files of random lengths, whose order is shuffled. More than
90 s from the outer edges every pick must be the same within 1 sample and 0.001 of probability,
except those within 0.001 of the threshold.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from obspy import Stream, UTCDateTime, read

from eqt.picking.annotate import StationRecords, stack_station, station_records
from eqt.picking.picks import Thresholds
from eqt.picking.station_picks import PickingConfig, pick_station
from eqt.probabilities import WindowPredict

EDGE_S = 90
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
MAX_SHIFT = 0.0100001
MAX_DIFFERENCE = 0.001


def cut(stream: Stream, rng: np.random.Generator) -> Stream:
    """Shift the start of a record by 1 to 59 s, and cut it into shuffled pieces."""
    traces = []
    shift = float(rng.uniform(1, 59))
    for trace in stream:
        rest = trace.slice(trace.stats.starttime + shift)
        n_cuts = int(rng.integers(0, 20))
        edges = np.sort(rng.integers(1, rest.stats.npts, n_cuts)).tolist()
        start = rest.stats.starttime
        for first, after in zip([0, *edges], [*edges, rest.stats.npts], strict=True):
            if first < after:
                piece = rest.copy()
                piece.data = rest.data[first:after]
                piece.stats.starttime = UTCDateTime(
                    ns=start.ns + round(first * 1e9 * rest.stats.delta)
                )
                traces.append(piece)
    return Stream([traces[number] for number in rng.permutation(len(traces))])


def arrivals_of(station: StationRecords, predict: WindowPredict) -> pd.DataFrame:
    """Return all arrivals of a station down to a low floor."""
    config = PickingConfig(Thresholds(0.3, 0.1, 0.1), floor=0.02)
    stacked = stack_station(predict, station.records, config, "std")
    return pick_station(stacked, station.records, station.instrument, station.channels, config)[0]


def differences(
    whole: pd.DataFrame, part: pd.DataFrame, span: tuple[int, int], threshold: float
) -> list[str]:
    """List the picks of one table at a threshold that the other does not have."""
    missing = []
    for name, picks, others in (("lost", whole, part), ("made", part, whole)):
        inside = picks["time"].between(span[0], span[1])
        # A pick just above the threshold may fall below it.
        sure = picks[inside & (picks["probability"] >= threshold + MAX_DIFFERENCE)]
        for pick in sure.itertuples():
            near = others[
                (others["phase"] == pick.phase)
                & ((others["time"] - pick.time).abs() <= MAX_SHIFT * 1e9)
                & ((others["probability"] - pick.probability).abs() <= MAX_DIFFERENCE)
            ]
            if near.empty:
                when = UTCDateTime(ns=int(pick.time))
                missing.append(
                    f"{name}: {pick.phase} at {when}, probability {pick.probability:.4f}"
                )
    return missing


def campaign(
    stream: Stream, predict_station: Callable[[str], WindowPredict], n_cuts: int, seed: int
) -> tuple[int, list[str]]:
    """Return the number of picks that were compared, and the differences."""
    rng = np.random.default_rng(seed)
    (station,) = station_records(stream)
    predict = predict_station(".".join(station.instrument))
    whole = arrivals_of(station, predict)
    found, compared = [], 0
    start = max(trace.stats.starttime for trace in stream).ns
    end = min(trace.stats.endtime for trace in stream).ns
    edge = EDGE_S * 10**9
    for number in range(n_cuts):
        cut_stream = cut(stream, rng)
        (cut_station,) = station_records(cut_stream)
        part = arrivals_of(cut_station, predict)
        begin = max(
            min(t.stats.starttime.ns for t in cut_stream.select(id=trace.id)) for trace in stream
        )
        span = (max(start, begin) + edge, end - edge)
        for threshold in THRESHOLDS:
            above = whole["time"].between(*span) & (whole["probability"] >= threshold)
            compared += int(above.sum())
            found += [
                f"cut {number}, threshold {threshold:g}, {text}"
                for text in differences(whole, part, span, threshold)
            ]
    return compared, found


def main() -> None:
    """Print what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", nargs="+", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    from eqt.model_io import load_model
    from eqt.probabilities import window_predictor

    stream = sum((read(str(path)) for path in options.records), Stream())
    predict_station = window_predictor(load_model(options.weights))
    compared, found = campaign(stream, predict_station, options.cuts, options.seed)
    for text in found:
        print(text)
    print(f"{options.cuts} cuts, {compared} picks compared, {len(found)} differ")


if __name__ == "__main__":
    main()
