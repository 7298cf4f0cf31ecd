"""Units of a prediction made by hand, for the tests of its tables."""

import pandas as pd

from eqt.picking.station_picks import DETECTION_COLUMNS, PICK_COLUMNS
from eqt.prediction.units import DAY_NS, STRETCH_COLUMNS, with_types

DAY = 19_756
"""2024-02-03, in days since 1970."""

MIDNIGHT = DAY * DAY_NS


def make_unit(station="ABC", picks=(), detections=(), unused=(), coverage=(), **codes):
    """Make a unit; rows are dicts of the columns that matter, the rest has defaults."""
    common = {"network": "XX", "station": station, "location": "", **codes}
    defaults = {"uncertainty": None, "snr_db": None, "amplitude": None, "detection_id": ""}
    pick_defaults = {"channel": "HHZ", "phase": "P", "probability": 0.5, "is_pick": True}
    detection_defaults = {"instrument": "HH", "probability": 0.5, "p_time": None, "s_time": None}
    return with_types(
        pd.DataFrame([*rows], columns=[*columns])
        for rows, columns in (
            (
                [common | defaults | pick_defaults | row for row in picks],
                [*PICK_COLUMNS, "is_pick"],
            ),
            (
                [common | {"uncertainty": None} | detection_defaults | row for row in detections],
                DETECTION_COLUMNS,
            ),
            (
                [common | {"channel": "HHZ"} | row for row in unused],
                [*STRETCH_COLUMNS, "reason"],
            ),
            ([common | {"channel": "HHZ"} | row for row in coverage], STRETCH_COLUMNS),
        )
    )


def earthquake(at, station="ABC"):
    """Make the picks and the detection of an earthquake whose P arrives at a time in ns."""
    name = f"XX.{station}..HH.{at}"
    s_time = at + 5_010_000_000
    picks = [
        {
            "time": at,
            "probability": 0.871234,
            "snr_db": 12.34,
            "amplitude": 123456.7,
            "detection_id": name,
        },
        {
            "time": s_time,
            "phase": "S",
            "channel": "HHN",
            "probability": 0.654321,
            "uncertainty": 0.0123456,
            "snr_db": 9.0,
            "amplitude": 1e-7,
            "detection_id": name,
        },
    ]
    detection = {
        "detection_id": name,
        "start": at - 100_000_000,
        "end": at + 9_000_000_000,
        "probability": 0.98765432,
        "p_time": at,
        "s_time": s_time,
    }
    return picks, detection
