"""Times, numbers and codes of the output tables as text."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import pandas as pd

from eqt.prediction.units import DAY_NS
from steadkit.records.gapless import NANO

SIGNIFICANT: Final = ".5g"
"""Format of probabilities, their uncertainties and amplitudes."""

DECIBELS: Final = ".1f"

NUMBER_FORMATS: Final = {
    "probability": SIGNIFICANT,
    "uncertainty": SIGNIFICANT,
    "snr_db": DECIBELS,
    "amplitude": SIGNIFICANT,
}

TIME_COLUMNS: Final = ("time", "start", "end", "p_time", "s_time")


def time_texts(times: pd.Series, separator: str = "T", zone: str = "") -> np.ndarray:
    """Write times as ISO 8601, rounded to microseconds.

    Parameters
    ----------
    times
        In ns since 1970; an unknown one becomes an empty text.
    separator, zone
        Between date and clock, and at the end.

    >>> time_texts(pd.Series([1_706_937_871_234_567_890, None], dtype="Int64"), zone="Z").tolist()
    ['2024-02-03T05:24:31.234568Z', '']
    """
    is_known = times.notna().to_numpy(bool)
    microseconds = (times.fillna(0).to_numpy(np.int64) + 500) // 1000
    texts = np.datetime_as_string(microseconds.astype("datetime64[us]"), unit="us").tolist()
    return np.array(
        [
            text.replace("T", separator) + zone if known else ""
            for text, known in zip(texts, is_known, strict=True)
        ],
        dtype=object,
    )


def seconds_text(time: int) -> str:
    """Write a time in ns since 1970 as seconds, exactly.

    >>> seconds_text(1_706_937_871_234_567_890), seconds_text(-1_500_000_000)
    ('1706937871.234567890', '-1.500000000')
    """
    seconds, rest = divmod(abs(time), NANO)
    return f"{'-' if time < 0 else ''}{seconds}.{rest:09d}"


def number_texts(values: Iterable[float], format_spec: str = "") -> list[str]:
    """Format numbers, NaN as an empty text.

    >>> number_texts([0.8712345, float("nan")], ".5g")
    ['0.87123', '']
    """
    return ["" if value != value else format(float(value), format_spec) for value in values]


def format_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a unit's table with its times and numbers as in ``picks.csv``."""
    times = {name: time_texts(table[name], zone="Z") for name in TIME_COLUMNS if name in table}
    numbers = {
        name: number_texts(table[name], format_spec)
        for name, format_spec in NUMBER_FORMATS.items()
        if name in table
    }
    return table.assign(**times, **numbers)


def station_ids(table: pd.DataFrame) -> pd.Series:
    """Return NET.STA.LOC of each row; nothing follows the second point of a blank location."""
    return table["network"] + "." + table["station"] + "." + table["location"]


def station_days(instrument_ids: pd.Series, times: pd.Series) -> pd.Series:
    """Return names of station-days, ``O2.WILZ..EH.2024-02-03`` for example.

    Parameters
    ----------
    instrument_ids
        NET.STA.LOC.HH.
    times
        Times in the day, in ns since 1970.
    """
    # The start of the day: rounding may move a time to the next.
    days = [text[:10] for text in time_texts(times // DAY_NS * DAY_NS)]
    return instrument_ids + "." + pd.Series(days, index=times.index, dtype="str")
