"""The tables of an evaluation: a row a trace, as the original tester has it, or a detection."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from eqt.picks import Detection, best
from steadkit.catalog import earthquakes_of
from steadkit.schema import COMPONENTS, NOISE, SAMPLING_RATE
from steadkit.types import typed_table

PICKS_COLUMNS = {
    "network_code": "network_code",
    "ID": "receiver_code",
    "earthquake_distance_km": "source_distance_km",
    "snr_db": "snr_db",
    "trace_name": "trace_name",
    "trace_category": "trace_category",
    "trace_start_time": "trace_start_time",
    "source_magnitude": "source_magnitude",
    "p_arrival_sample": "p_arrival_sample",
    "p_status": "p_status",
    "p_weight": "p_weight",
    "s_arrival_sample": "s_arrival_sample",
    "s_status": "s_status",
    "s_weight": "s_weight",
    "receiver_type": "receiver_type",
}
"""The first columns of ``picks.csv``, as EQTransformer's tester calls them, and STEAD's names."""


def picks_table(table: pd.DataFrame, detections: list[list[Detection]]) -> pd.DataFrame:
    """Make a row a trace, with its surest detection, in the tester's 26 columns.

    Picks are in samples, errors (pick minus arrival) in seconds. Without Monte Carlo dropout
    there is no uncertainty: those columns are empty.
    """
    typed = typed_table(table)
    rows = {ours: table[theirs].to_numpy() for ours, theirs in PICKS_COLUMNS.items()}
    rows["number_of_detections"] = np.array([len(found) for found in detections])
    surest = [best(found) for found in detections]
    rows["detection_probability"] = _column(d.probability if d else None for d in surest)
    rows["detection_uncertainty"] = _column(d.uncertainty if d else None for d in surest)
    for phase, arrival in (("P", "p_arrival_sample"), ("S", "s_arrival_sample")):
        picks = [getattr(d, phase.lower()) if d else None for d in surest]
        samples = _column(pick.sample if pick else None for pick in picks)
        rows[f"{phase}_pick"] = samples
        rows[f"{phase}_probability"] = _column(pick.probability if pick else None for pick in picks)
        rows[f"{phase}_uncertainty"] = _column(pick.uncertainty if pick else None for pick in picks)
        rows[f"{phase}_error"] = (samples - typed[arrival].to_numpy()) / SAMPLING_RATE
    return pd.DataFrame(rows)


def _column(values: Iterable[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def detections_table(names: Sequence[str], detections: list[list[Detection]]) -> pd.DataFrame:
    """Make a row a detection: its samples, its probability and picks, how uncertain they are."""
    rows = [
        {
            "trace_name": name,
            "start": found.start,
            "end": found.end,
            "probability": found.probability,
            "P_pick": found.p.sample if found.p else np.nan,
            "P_probability": found.p.probability if found.p else np.nan,
            "S_pick": found.s.sample if found.s else np.nan,
            "S_probability": found.s.probability if found.s else np.nan,
            "uncertainty": found.uncertainty,
            "P_uncertainty": found.p.uncertainty if found.p else None,
            "S_uncertainty": found.s.uncertainty if found.s else None,
        }
        for name, of_trace in zip(names, detections, strict=True)
        for found in of_trace
    ]
    columns = ["trace_name", "start", "end", "probability"]
    columns += [f"{phase}_{what}" for phase in "PS" for what in ("pick", "probability")]
    columns += ["uncertainty", "P_uncertainty", "S_uncertainty"]
    numeric = dict.fromkeys(columns[1:], float) | {"start": int, "end": int}
    return pd.DataFrame(rows, columns=columns).astype(numeric)


def traces_table(table: pd.DataFrame, p: np.ndarray, s: np.ndarray) -> pd.DataFrame:
    """Make a row a trace with what figures are told apart by.

    ``earthquake`` is what `steadkit.split` keeps together: the source id, else the origin time,
    else the trace itself. ``station`` is network and receiver, ``p_s`` and ``s_s`` are the true
    arrivals in seconds, ``snr_db`` is the mean over the components that have one.

    Parameters
    ----------
    table
        The rows of the CSV, as text.
    p, s
        Arrivals in samples, NaN where there is none, each (traces,).
    """
    typed = typed_table(table)
    names = table["trace_name"].reset_index(drop=True)
    groups = pd.Series(earthquakes_of(table)).str.partition(" ")[2]
    snr = typed[[f"snr_db_{component}" for component in COMPONENTS]]
    rows = {
        "trace_name": names,
        "trace_category": typed["trace_category"],
        "earthquake": groups.where(typed["trace_category"] != NOISE, names),
        "station": typed["network_code"] + "." + typed["receiver_code"],
        "p_s": p / SAMPLING_RATE,
        "s_s": s / SAMPLING_RATE,
        "snr_db": snr.mean(axis=1).round(4),
    }
    for column in ("source_distance_km", "source_magnitude", "source_depth_km"):
        rows[column] = typed[column]
    return pd.DataFrame(rows)
