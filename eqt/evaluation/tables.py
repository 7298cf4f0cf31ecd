"""Tables of an evaluation: rows of traces, by corrected and published rules, and of detections."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from eqt.picking.picks import Detection, Pick, select_row
from eqt.picking.rules import CORRECTED, P_LEAD, PUBLISHED, Rules
from steadkit.catalog import earthquakes_of
from steadkit.schema import COMPONENTS, EVENT, NOISE, SAMPLING_RATE
from steadkit.types import SNR_COLUMNS, typed_table

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

NOISE_COLUMNS: Final = ("network_code", "trace_name", "trace_category", "receiver_type")
"""Those of the first columns that the tester fills for noise."""

ARRIVALS: Final = {"P": "p_arrival_sample", "S": "s_arrival_sample"}


def picks_table(table: pd.DataFrame, detections: list[list[Detection]]) -> pd.DataFrame:
    """Return a row per trace with its most probable detection, in the tester's 26 columns.

    Picks are in samples, errors (pick minus arrival) in seconds. Without Monte Carlo dropout
    there is no uncertainty: those columns are empty.
    """
    typed = typed_table(table)
    rows = {
        column: table[stead_column].to_numpy() for column, stead_column in PICKS_COLUMNS.items()
    }
    rows |= _detection_columns(detections, CORRECTED)
    for phase, arrival in ARRIVALS.items():
        rows[f"{phase}_error"] = (rows[f"{phase}_pick"] - typed[arrival].to_numpy()) / SAMPLING_RATE
    return pd.DataFrame(rows)[list(RESULTS_COLUMNS)]


def results_table(table: pd.DataFrame, detections: list[list[Detection]]) -> pd.DataFrame:
    """Return the rows of ``X_test_results.csv``, the table of EQTransformer's tester.

    The 26 columns are the tester's, empty wherever it leaves them empty; see the last rows of
    `eqt.picking.rules.TABLE`. Errors, arrival minus pick, are in samples.

    Parameters
    ----------
    table
        The rows of the CSV, as text.
    detections
        Detections of each trace by the published rules.
    """
    typed = typed_table(table)
    rows = {
        column: table[stead_column].to_numpy() for column, stead_column in PICKS_COLUMNS.items()
    }
    rows["ID"] = table["source_id"].to_numpy()
    # The tester takes numpy.mean of the three values: one that is not known makes it NaN.
    rows["snr_db"] = typed[list(SNR_COLUMNS)].mean(axis=1, skipna=False).to_numpy()
    rows |= {arrival: typed[arrival].to_numpy(float) for arrival in ARRIVALS.values()}
    rows |= _detection_columns(detections, PUBLISHED)
    row_detections = [select_row(trace_detections, PUBLISHED) for trace_detections in detections]
    start, end = (_column(row_detections, name) for name in ("start", "end"))
    for (phase, arrival), lead in zip(ARRIVALS.items(), (P_LEAD, 0), strict=True):
        sample = np.trunc(rows[arrival])
        # The comparisons fail for NaN, so a trace without a detection or arrival has no error. The
        # tester counts an arrival at sample 0 as none.
        is_near = (sample > start - lead) & (sample < end) & (sample != 0)
        rows[f"{phase}_error"] = np.where(is_near, sample - rows[f"{phase}_pick"], np.nan)
    results = pd.DataFrame(rows)[list(RESULTS_COLUMNS)]
    is_event = (typed["trace_category"] == EVENT).to_numpy()
    event_columns = [name for name in PICKS_COLUMNS if name not in NOISE_COLUMNS]
    return results.assign(**{name: results[name].where(is_event) for name in event_columns})


def _detection_columns(detections: list[list[Detection]], rules: Rules) -> dict[str, np.ndarray]:
    """Return the columns of each trace's representative detection and of its picks."""
    row_detections = [select_row(trace_detections, rules) for trace_detections in detections]
    columns = {"number_of_detections": np.array([len(of_trace) for of_trace in detections])}
    for name in ("probability", "uncertainty"):
        columns[f"detection_{name}"] = _column(row_detections, name)
    for phase in ARRIVALS:
        picks = [getattr(detection, phase.lower(), None) for detection in row_detections]
        for name, field in _PICK_FIELDS.items():
            columns[f"{phase}_{name}"] = _column(picks, field)
    return columns


_PICK_FIELDS = {"pick": "sample", "probability": "probability", "uncertainty": "uncertainty"}

RESULTS_COLUMNS: Final = (
    *PICKS_COLUMNS,
    *("number_of_detections", "detection_probability", "detection_uncertainty"),
    *(f"{phase}_{name}" for phase in ARRIVALS for name in (*_PICK_FIELDS, "error")),
)
"""The 26 columns of EQTransformer's tester."""


def _column(items: Sequence[Detection | Pick | None], name: str) -> np.ndarray:
    """Return an attribute of detections or picks; NaN where it or the item is None."""
    return np.array([getattr(item, name, None) for item in items], dtype=float)


def detections_table(names: Sequence[str], detections: list[list[Detection]]) -> pd.DataFrame:
    """Return a row per detection: first and last sample, probability, picks and uncertainties."""
    rows = []
    for name, trace_detections in zip(names, detections, strict=True):
        for detection in trace_detections:
            row = {"trace_name": name, **vars(detection)}
            for phase in ARRIVALS:
                pick = row.pop(phase.lower())
                for column, field in _PICK_FIELDS.items():
                    row[f"{phase}_{column}"] = getattr(pick, field, None)
            rows.append(row)
    columns = ["trace_name", "start", "end", "probability"]
    columns += [f"{phase}_{field}" for phase in "PS" for field in ("pick", "probability")]
    columns += ["uncertainty", "P_uncertainty", "S_uncertainty"]
    numeric = dict.fromkeys(columns[1:], float) | {"start": int, "end": int}
    return pd.DataFrame(rows, columns=columns).astype(numeric)


def traces_table(table: pd.DataFrame, p: np.ndarray, s: np.ndarray) -> pd.DataFrame:
    """Return a row per trace with the attributes of the breakdown.

    ``earthquake`` is the group that `steadkit.split` keeps together: the source id, else the
    origin time, else the trace itself. ``station`` is network and receiver, ``p_s`` and ``s_s``
    are the true arrivals in seconds, ``snr_db`` is the mean over the components that have one.

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
