"""Pick an archive of which many files are damaged, empty or no records: all must be counted.

Run whole with ``python tests/campaigns/odd_files.py --files 10000``: files of 40 s of one station
each, in time one after the other, of which some are empty, truncated, text, 512 blank bytes, LOG
channels, of 1 Hz, NaN or constant. Every one of these must be counted under its reason, and every
earthquake of the others must be picked.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from obspy import Stream, Trace, UTCDateTime

# Run as a script, this file's folder is on the path, and not that of the tests.
sys.path.insert(0, str(Path(__file__).parents[1]))

from continuous_records import predict_station, record, write_mseed

from eqt.picking.picks import Thresholds
from eqt.picking.station_picks import PickingConfig
from eqt.prediction.inputs import RecordFilter, find_records
from eqt.prediction.units import Span, UnitSettings, plan_units, predict_unit

SECONDS = 40.0
P_AFTER = 20.0
START = UTCDateTime("2024-02-03")
KINDS = ("good",) * 12 + (
    "empty",
    "truncated",
    "text",
    "blank",
    "log",
    "long period",
    "NaN",
    "constant",
)
PICKING = PickingConfig(Thresholds(0.3, 0.3, 0.3), refine=False)


def write_file(path: Path, kind: str, start: UTCDateTime) -> None:
    """Write a file of some kind."""
    stream = record(start, SECONDS, [start.timestamp + P_AFTER], {"Z": "HHZ"})
    (trace,) = stream
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("station closed for maintenance\n" * 20)
    elif kind == "blank":
        path.write_bytes(b" " * 512)
    elif kind == "truncated":
        path.write_bytes(write_mseed(stream, path).read_bytes()[:300])
    elif kind == "log":
        header = {name: trace.stats[name] for name in ("network", "station", "starttime")}
        header |= {"channel": "LOG", "sampling_rate": 0.0}
        Stream([Trace(np.frombuffer(b"clock locked", "S1"), header)]).write(
            str(path), format="MSEED", encoding="ASCII"
        )
    elif kind == "long period":
        write_mseed(record(start, SECONDS, (), {"Z": "LHZ"}, rate=1.0), path)
    elif kind == "NaN":
        trace.data = np.full(trace.stats.npts, np.nan, np.float32)
        stream.write(str(path), format="MSEED")
    elif kind == "constant":
        trace.data[:] = 7
        write_mseed(stream, path)
    else:
        write_mseed(stream, path)


def campaign(n_files: int, seed: int) -> dict[str, object]:
    """Write the files and pick them; return what was counted, and what should have been."""
    rng = np.random.default_rng(seed)
    kinds = [KINDS[i] for i in rng.integers(0, len(KINDS), n_files)]
    skipped, failed = Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        for number, kind in enumerate(kinds):
            write_file(Path(name) / f"{number:05d}", kind, START + number * SECONDS)
        headers = find_records([name], RecordFilter(), skipped, failed)
        forever = Span(-(2**63), 2**63 - 1)
        settings = UnitSettings(forever, PICKING, "std")
        results = [
            predict_unit(predict_station, unit, settings).tables
            for unit in plan_units(headers, forever)
        ]
    arrivals, _, unused, _ = (
        pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True)
    )
    # From the first sample to the last one, and its length.
    seconds = (unused["end"] - unused["start"]) / 1e9 + 0.01
    picks = arrivals[arrivals["is_pick"] & (arrivals["phase"] == "P")]["time"] / 1e9
    expected = [
        START.timestamp + number * SECONDS + P_AFTER
        for number, kind in enumerate(kinds)
        if kind == "good"
    ]
    nearest = np.abs(np.subtract.outer(expected, picks.to_numpy())).min(axis=1)
    return {
        "kinds": Counter(kinds),
        "passed over": skipped,
        "could not be read": failed,
        "unused seconds": Counter(seconds.groupby(unused["reason"]).sum().round().to_dict()),
        "earthquakes": len(expected),
        "picked": int((nearest <= 0.03).sum()),
        "other picks": len(picks) - int((nearest <= 0.03).sum()),
    }


def main() -> None:
    """Print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for what, value in campaign(options.files, options.seed).items():
        print(f"{what}: {dict(value) if isinstance(value, Counter) else value}")


if __name__ == "__main__":
    main()
