"""Compare our picks of a continuous record with SeisBench's, of the same weights.

Run with ``python tests/campaigns/seisbench_picks.py RECORD... --weights FILE`` where SeisBench is
installed. Thresholds 0.1 for picks and windows that overlap by half, on both sides; ours without
refinement, as SeisBench has none. Prints how many picks agree within 0.1 s, how far they are apart,
and what the others are: within a window's width of an edge, less probable than 0.2 on the side that
has them, or within 0.5 s of one of the other program's.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from obspy import Stream, read

MAX_DIFFERENCE_S = 0.1
NEAR_S = 0.5
EDGE_S = 60.0
UNSURE = 0.2
OVERLAP = 3000
SHIFT_S = 17.0


def our_picks(stream: Stream, weights: Path) -> pd.DataFrame:
    """Return phase, time in s and probability of our picks."""
    from eqt.model_io import load_model
    from eqt.picking.annotate import classify
    from eqt.picking.picks import Thresholds
    from eqt.picking.station_picks import PickingConfig

    config = PickingConfig(Thresholds(0.3, 0.1, 0.1), refine=False)
    table = classify(stream, load_model(weights), config).picks.to_dataframe()
    seconds = table["time"].astype("int64") / 1e9
    return table.assign(time=seconds)[["phase", "time", "probability"]]


def seisbench_picks(stream: Stream, weights: Path) -> pd.DataFrame:
    """Return the same of SeisBench's."""
    import seisbench.models

    from eqt.formats.export import export
    from eqt.model_io import load_model

    with tempfile.TemporaryDirectory() as name:
        export(load_model(weights), "seisbench", Path(name) / "same")
        model = seisbench.models.EQTransformer.load(Path(name) / "same")
    output = model.classify(stream, overlap=OVERLAP, P_threshold=0.1, S_threshold=0.1)
    rows = [(p.phase, p.peak_time.timestamp, p.peak_value) for p in output.picks]
    return pd.DataFrame(rows, columns=["phase", "time", "probability"])


def nearest(picks: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Return the distance of each pick to the nearest of the other table's of its phase, in s."""
    distance = np.full(len(picks), np.inf)
    for phase in ("P", "S"):
        is_phase = (picks["phase"] == phase).to_numpy()
        times = others.loc[others["phase"] == phase, "time"].to_numpy()
        if len(times) and is_phase.any():
            gaps = np.abs(np.subtract.outer(picks.loc[is_phase, "time"].to_numpy(), times))
            distance[is_phase] = gaps.min(axis=1)
    return distance


def explain(
    picks: pd.DataFrame, others: pd.DataFrame, span: tuple[float, float]
) -> tuple[dict[str, int], pd.DataFrame]:
    """Return the number of picks by what they are to the other table, and those unexplained."""
    distance = nearest(picks, others)
    is_edge = (picks["time"] < span[0] + EDGE_S) | (picks["time"] > span[1] - EDGE_S)
    is_unsure = picks["probability"] < UNSURE
    choices = [distance <= MAX_DIFFERENCE_S, distance <= NEAR_S, is_edge, is_unsure]
    names = ["agree", f"within {NEAR_S} s", "near an edge", f"probability below {UNSURE}"]
    kind = np.select(choices, names, "unexplained")
    names, counts = np.unique(kind, return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True)), picks[kind == "unexplained"]


def main() -> None:
    """Print how the picks agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", nargs="+", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    options = parser.parse_args()
    import seisbench.models  # noqa: F401 - PyTorch has to be loaded before TensorFlow

    stream = sum((read(str(path)) for path in options.records), Stream())
    start = min(trace.stats.starttime for trace in stream)
    span = (start.timestamp, max(trace.stats.endtime for trace in stream).timestamp)
    ours = our_picks(stream.copy(), options.weights)
    theirs = seisbench_picks(stream.copy(), options.weights)
    # SeisBench's windows begin with the record: this is how much that alone changes.
    shifted = seisbench_picks(stream.copy().trim(start + SHIFT_S), options.weights)
    for title, picks, others in (
        ("ours against SeisBench's", ours, theirs),
        ("SeisBench's against ours", theirs, ours),
        (f"SeisBench's against its own {SHIFT_S:g} s later", theirs, shifted),
    ):
        counts, unexplained = explain(picks, others, span)
        print(f"{title}: {len(picks)} picks: {counts}")
        for row in unexplained.itertuples():
            seconds = row.time - span[0]
            print(f"   {row.phase} {seconds:.2f} s after the start, {row.probability:.2f}")
    distance = nearest(ours, theirs)
    agreeing = distance[distance <= MAX_DIFFERENCE_S]
    print(f"median distance of those that agree: {np.median(agreeing):.3f} s")


if __name__ == "__main__":
    main()
