"""Time continuous prediction: windows per second against SeisBench's `classify`.

Claims: with the same weights, overlap and cores, in one run, reading, filtering and picking
included, ours is at least four times as fast; a station-day takes at most 8 s beyond start-up.
SeisBench (an optional extra) has to be installed; else only ours is timed. The record is a day of
noise at 100 Hz with an earthquake every ten minutes, three components in miniSEED. Both programs
run once on ten minutes of it first, and then take turns. A day of 5,000 fragments takes at most
twice as long as one without a gap.

    python benchmarks/predict.py --weights EqT_original_model.h5 --hours 24
"""

import argparse
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# PyTorch first: loaded behind TensorFlow its compiler ends the process.
with suppress(ImportError):
    import seisbench.models
    import torch

import numpy as np
from obspy import Stream, Trace, UTCDateTime, read

from eqt.formats.export import export
from eqt.model_io import load_model
from eqt.picking.station_picks import PickingConfig
from eqt.prediction.inputs import RecordFilter, find_records
from eqt.prediction.run import FOREVER
from eqt.prediction.unit_store import iter_stored
from eqt.prediction.units import UnitSettings, plan_units
from eqt.prediction.worker import WorkerSetup, unit_worker
from steadkit.processes import count_cores

START = UTCDateTime("2024-02-03")
OVERLAP = 3000
"""Samples by which windows overlap: half of one."""


def write_record(path: Path, hours: float, seed: int = 0) -> Path:
    """Write noise with an earthquake every ten minutes."""
    rng = np.random.default_rng(seed)
    n_samples = round(hours * 360_000)
    seconds = np.arange(2000) / 100
    coda = np.exp(-seconds / 3) * rng.normal(size=2000)
    traces = []
    for component in "ENZ":
        samples = rng.normal(0, 100, n_samples)
        for onset in range(30_000, n_samples - 4000, 60_000):
            samples[onset : onset + 2000] += 2000 * coda
            samples[onset + 500 : onset + 2500] += (2000 if component == "Z" else 6000) * coda
        header = {"network": "XX", "station": "ABC", "channel": f"HH{component}"}
        header |= {"sampling_rate": 100.0, "starttime": START}
        traces.append(Trace(samples.round().astype(np.int32), header))
    Stream(traces).write(str(path), format="MSEED")
    return path


def write_fragments(path: Path, record: Path, n_fragments: int) -> Path:
    """Write a record again with gaps of 0.2 s, which cut it into fragments."""
    fragments = Stream()
    for trace in read(str(record)):
        edges = np.linspace(0, trace.stats.npts, n_fragments + 1).astype(int).tolist()
        for first, after in pairwise(edges):
            start = trace.stats.starttime + first / 100
            fragments.append(trace.slice(start, start + (after - first - 20) / 100))
    fragments.write(str(path), format="MSEED")
    return path


def ours(weights: Path, folder: Path, stack: ExitStack) -> Callable[[Path], dict[str, float]]:
    """Return the function that picks a file and stores the result, and returns its times."""
    settings = UnitSettings(FOREVER, PickingConfig(), "std")
    setup = WorkerSetup(folder, weights, settings, count_cores())
    compute = stack.enter_context(unit_worker(setup))

    def run(path: Path) -> dict[str, float]:
        (unit,) = plan_units(
            find_records([str(path)], RecordFilter(), Counter(), Counter()), FOREVER
        )
        report = compute(unit)
        next(iter_stored(folder, [unit]))
        return {**report.seconds, "windows": report.n_windows, "picks": report.n_picks}

    return run


def theirs(weights: Path, folder: Path) -> Callable[[Path], dict[str, float]] | None:
    """Return the function that reads and picks a file with SeisBench; None without it."""
    if "torch" not in globals():
        return None
    torch.set_num_threads(count_cores())
    export(load_model(weights), "seisbench", folder / "same")
    model = seisbench.models.EQTransformer.load(folder / "same")

    def run(path: Path) -> dict[str, float]:
        stream = read(str(path))
        output = model.classify(stream, overlap=OVERLAP, P_threshold=0.1, S_threshold=0.1)
        return {"picks": len(output.picks)}

    return run


def main() -> None:
    """Print the rates of both, their ratio, and where our time goes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--fragments", type=int, default=5000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        warm_up = write_record(folder / "short.mseed", 1 / 6)
        record = write_record(folder / "record.mseed", options.hours)
        began = time.perf_counter()
        programs = {"ours": ours(options.weights, folder, stack)}
        programs["ours"](warm_up)
        print(f"ours: first picks {time.perf_counter() - began:.1f} s after the start")
        if other := theirs(options.weights, folder):
            programs["SeisBench"] = other
            other(warm_up)
        best = dict.fromkeys(programs, float("inf"))
        for _ in range(options.rounds):
            for program, run in programs.items():
                began = time.perf_counter()
                result = run(record)
                seconds = time.perf_counter() - began
                n_picks = result.pop("picks")
                print(f"{program}: {seconds:.1f} s, {n_picks:.0f} picks", flush=True)
                if program == "ours":
                    n_windows = result.pop("windows")
                    total = sum(result.values())
                    shares = {stage: f"{value / total:.0%}" for stage, value in result.items()}
                    print("  " + ", ".join(f"{stage} {share}" for stage, share in shares.items()))
                best[program] = min(best[program], seconds)
        for program, seconds in best.items():
            print(f"{program}: {n_windows / seconds:.0f} windows/s")
        fragments = write_fragments(folder / "fragments.mseed", record, options.fragments)
        began = time.perf_counter()
        programs["ours"](fragments)
        seconds = time.perf_counter() - began
        print(
            f"the same record in {options.fragments} fragments: {seconds:.1f} s, "
            f"{seconds / best['ours']:.2f} times as long"
        )
        if "SeisBench" in best:
            print(f"ratio ours / SeisBench: {best['SeisBench'] / best['ours']:.2f}")


if __name__ == "__main__":
    main()
