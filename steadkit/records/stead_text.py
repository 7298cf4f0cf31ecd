"""A trace's row, from the text of a CSV to the typed attributes of its dataset, and its name."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from steadkit.schema import ARRAY_COLUMNS, EVENT, MISSING, NOISE
from steadkit.types import is_numeric, parse_cell, parse_number, parse_time

SUFFIX: Final = {EVENT: "EV", NOISE: "NO"}
"""How a trace's name repeats its category."""

_STEAD_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})?")
_UNSAFE = re.compile(r"[^A-Za-z0-9-]")


def is_known(text: str) -> bool:
    """Tell whether a text says anything.

    >>> is_known("None"), is_known(" "), is_known("0")
    (False, False, True)
    """
    return text.strip() not in MISSING


def typed_attributes(row: Mapping[str, str]) -> dict[str, object]:
    """Make a dataset's attributes of a row of text, as STEAD's are typed; what is unknown is text.

    >>> typed_attributes({"network_code": "12", "source_magnitude": "3.6", "source_gap_deg": "None"})
    {'network_code': '12', 'source_magnitude': 3.6, 'source_gap_deg': 'None'}
    """
    return {column: _typed(column, text) for column, text in row.items()}


def _typed(column: str, text: str) -> object:
    if not is_numeric(column) or not is_known(text):
        return text
    try:
        if column not in ARRAY_COLUMNS:
            return parse_number(text)
        values = np.array([parse_cell(part) for part in text.strip("[] ").split()])
    except ValueError:
        return text
    return values.reshape(1, -1) if column == "coda_end_sample" else values


def bracketed(values: Sequence[float] | np.ndarray) -> str:
    """Write one value a component as STEAD does.

    >>> bracketed([56.8, 55.0, 47.4])
    '[56.8 55.0 47.4]'
    """
    return "[" + " ".join(str(float(value)) for value in values) + "]"


def coda_text(sample: float) -> str:
    """Write a coda end as STEAD does.

    >>> coda_text(2896)
    '[[2896.]]'
    """
    return f"[[{sample:.2f}".rstrip("0") + "]]"


def sample_text(sample: float) -> str:
    """Write an arrival in samples; a hundredth of a sample is finer than any pick.

    >>> sample_text(700), sample_text(412.371)
    ('700.0', '412.37')
    """
    return str(round(float(sample), 2))


def time_text(time: np.datetime64) -> str:
    """Write a time, in UTC, as STEAD does.

    >>> time_text(np.datetime64("2006-07-23T15:58:50.88"))
    '2006-07-23 15:58:50.880000'
    """
    return np.datetime_as_string(time, unit="us").replace("T", " ")


def stead_time(text: str) -> str:
    """Write a time that others wrote, with slashes too, as STEAD does.

    One in STEAD's manner, or not known, stays.

    Raises
    ------
    ValueError
        It is no time.

    >>> stead_time("2007/01/01 01:42:45.08"), stead_time("2006-07-23 15:59:00.96")
    ('2007-01-01 01:42:45.080000', '2006-07-23 15:59:00.96')
    """
    if not is_known(text):
        return text
    time = parse_time(text.replace("/", "-"))
    return text if _STEAD_TIME.fullmatch(text) else time_text(time)


def name_of(station: str, network: str, start: np.datetime64, category: str) -> str:
    """Name a trace as STEAD does, after station, network and the second of its start.

    >>> name_of("109C", "TA", np.datetime64("2006-07-23T15:58:50.9"), "earthquake_local")
    '109C.TA_20060723155850_EV'
    """
    when = "unknown"
    if not np.isnat(start):
        when = re.sub(r"\D", "", np.datetime_as_string(start, unit="s"))
    codes = (_UNSAFE.sub("", code)[:20] or "XX" for code in (station, network))
    return f"{'.'.join(codes)}_{when}_{SUFFIX[category]}"


def make_unique(names: pd.Series, identities: pd.Series) -> pd.Series:
    """Tell names that are alike apart, by a hash of what each row is, whatever their order.

    >>> make_unique(pd.Series(["A_EV", "B_EV", "A_EV"]), pd.Series(["1", "2", "3"])).tolist()
    ['A-fc942c07_EV', 'B_EV', 'A-397b6e68_EV']
    """
    alike = names.duplicated(keep=False)
    stems, suffixes = names.str[:-3], names.str[-3:]
    return names.where(~alike, stems + "-" + identities.map(_short_hash) + suffixes)


def _short_hash(identity: str) -> str:
    return hashlib.blake2b(identity.encode(errors="replace"), digest_size=4).hexdigest()
