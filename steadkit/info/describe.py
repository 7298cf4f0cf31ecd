"""Count and summarise a data set in one pass over its CSV, with what stands beside it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from steadkit.catalog import earthquakes_of
from steadkit.dataset_files import MANIFEST_SUFFIX
from steadkit.errors import InputError
from steadkit.info.reading import as_numbers, iter_numbers, with_s_minus_p
from steadkit.manifest import UNKNOWN, load
from steadkit.paths import is_file
from steadkit.schema import CATEGORIES, EVENT, MISSING
from steadkit.sources import Source, source_from_path
from steadkit.store import open_data
from steadkit.types import SNR_COLUMNS, is_numeric, parse_times

FIGURES: Mapping[str, tuple[str, str]] = {
    "source_magnitude": ("magnitude", ""),
    "source_distance_km": ("distance", "km"),
    "source_depth_km": ("depth", "km"),
    **{column: (f"SNR {column[-1]}", "dB") for column in SNR_COLUMNS},
    "p_arrival_sample": ("P arrival", "samples"),
    "s_arrival_sample": ("S arrival", "samples"),
    "s_minus_p_sec": ("S minus P", "s"),
}
"""Columns of `read_numbers`: what each is called, and its unit."""

QUARTILES = (0, 25, 50, 75, 100)


@dataclass(frozen=True)
class Quartiles:
    """How a figure is spread over the traces; None where it is known of no trace."""

    figure: str
    unit: str
    known: int
    least: float | None = None
    lower_quartile: float | None = None
    median: float | None = None
    upper_quartile: float | None = None
    greatest: float | None = None


@dataclass(frozen=True)
class Missing:
    """How many values of a column are missing, by category, and how many cannot be read."""

    column: str
    missing: Mapping[str, int]
    unreadable: int


@dataclass(frozen=True)
class Info:
    """What a data set holds.

    Parameters
    ----------
    file
        The file that was read.
    counts
        Traces, events and noise; and, of a CSV, stations, networks and earthquakes.
    first, last
        When the first and the last trace start, UTC, or None where no time is known.
    spreads
        Ranges and quartiles of the figures.
    gaps
        What is missing, a column each.
    waveforms
        The HDF5 file beside the CSV, its size in bytes and its traces, or None.
    manifest
        Name, digest, recipe, counts and parts of the manifest beside it, or None.
    """

    file: str
    counts: Mapping[str, int]
    first: str | None = None
    last: str | None = None
    spreads: Sequence[Quartiles] = ()
    gaps: Sequence[Missing] = ()
    waveforms: Mapping[str, object] | None = None
    manifest: Mapping[str, object] | None = None

    def as_dict(self) -> dict[str, object]:
        """Turn it into what JSON can hold."""
        return asdict(self)


def describe(path: Path) -> Info:
    """Tell what a data set holds.

    Parameters
    ----------
    path
        A STEAD CSV, its HDF5 file or its manifest. The CSV suffices; a manifest without a CSV
        beside it tells its own traces, recipe and parts.

    Raises
    ------
    InputError
        The file is missing, is none of these, or holds another category of traces.
    """
    if path.suffix == MANIFEST_SUFFIX:
        manifest = manifest_facts(path)
        if not is_file(path.with_suffix(".csv")):
            return Info(str(path), _manifest_counts(manifest), manifest=manifest)
        path = path.with_suffix(".csv")
    source = source_from_path(path, whole=False)
    tally = _tally(source.csv)
    return Info(
        str(source.csv),
        tally.counts(),
        *tally.span(),
        quartiles(with_s_minus_p(pd.concat(tally.numbers, ignore_index=True))),
        tally.gaps(),
        _waveforms(source, tally.traces.total()),
        _manifest_beside(source),
    )


def quartiles(numbers: pd.DataFrame) -> list[Quartiles]:
    """Give least, quartiles and greatest of each of `FIGURES`, over the traces where it is known.

    >>> quartiles(pd.DataFrame({"source_magnitude": [1.0, 2.0, 3.0, np.nan]}))[0]
    Spread(figure='magnitude', unit='', known=3, least=1.0, lower_quartile=1.5, median=2.0, ...
    """
    return [_quartiles(column, numbers) for column in FIGURES]


def _quartiles(column: str, numbers: pd.DataFrame) -> Quartiles:
    values = numbers[column].dropna().to_numpy() if column in numbers else np.empty(0)
    if not len(values):
        return Quartiles(*FIGURES[column], known=0)
    return Quartiles(*FIGURES[column], len(values), *np.percentile(values, QUARTILES).tolist())


@dataclass
class _Tally:
    """What is kept of the rows that have gone by."""

    columns: list[str] = field(default_factory=list)
    traces: Counter[str] = field(default_factory=Counter)
    earthquakes: set[str] = field(default_factory=set)
    stations: set[tuple[str, ...]] = field(default_factory=set)
    starts: list[datetime] = field(default_factory=list)
    numbers: list[pd.DataFrame] = field(default_factory=list)
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)

    def counts(self) -> dict[str, int]:
        """Count what the rows name."""
        return {
            "traces": self.traces.total(),
            **{category: self.traces[category] for category in CATEGORIES},
            "earthquakes": len(self.earthquakes),
            "stations": len(self.stations),
            "networks": len({network for network, _ in self.stations}),
        }

    def span(self) -> tuple[str | None, str | None]:
        """Tell the first and the last start, to the microsecond."""
        if not self.starts:
            return None, None
        return str(min(self.starts)), str(max(self.starts))

    def gaps(self) -> list[Missing]:
        """Tell what is missing, in the order of the columns."""
        return [
            Missing(c, {k: self.missing[c, k] for k in CATEGORIES}, self.unreadable[c])
            for c in self.columns
        ]


def _tally(csv: Path) -> _Tally:
    tally = _Tally()
    for part in iter_numbers(csv):
        tally.columns = list(part.columns)
        _check_categories(part["trace_category"], csv)
        tally.traces.update(part["trace_category"].value_counts().to_dict())
        events = part[part["trace_category"] == EVENT]
        tally.earthquakes.update(pd.unique(earthquakes_of(events)))
        tally.stations.update(_stations(part))
        tally.starts += _time_range(part)
        numbers = as_numbers(part)
        tally.numbers.append(numbers[[c for c in numbers if c in FIGURES]])
        _count_missing(tally, part, numbers)
    return tally


def _check_categories(categories: pd.Series, csv: Path) -> None:
    unknown = categories[~categories.isin(CATEGORIES)]
    if len(unknown):
        raise InputError(
            f"{str(csv)!r} has trace_category {unknown.iloc[0][:60]!r} in row "
            f"{unknown.index[0] + 2}: use one of {', '.join(CATEGORIES)}"
        )


def _stations(part: pd.DataFrame) -> set[tuple[str, ...]]:
    """Name network and code of each station, as far as the table knows them."""
    codes = part.reindex(columns=["network_code", "receiver_code"], fill_value="")
    known = codes[~codes["receiver_code"].isin(MISSING)]
    return set(known.drop_duplicates().itertuples(index=False, name=None))


def _time_range(part: pd.DataFrame) -> list[datetime]:
    if "trace_start_time" not in part:
        return []
    times, _ = parse_times(part["trace_start_time"])
    known = times[~np.isnat(times)]
    return [known.min().item(), known.max().item()] if len(known) else []


def _count_missing(tally: _Tally, part: pd.DataFrame, numbers: pd.DataFrame) -> None:
    event = (part["trace_category"] == EVENT).to_numpy()
    for column in part.columns:
        missing = part[column].isin(MISSING).to_numpy()
        tally.missing[column, CATEGORIES[0]] += int((missing & event).sum())
        tally.missing[column, CATEGORIES[1]] += int((missing & ~event).sum())
        if is_numeric(column):
            read = numbers[SNR_COLUMNS[0] if column == "snr_db" else column]
            tally.unreadable[column] += int((read.isna() & ~missing).sum())


def _waveforms(source: Source, traces: int) -> dict[str, object] | None:
    if not is_file(source.hdf5):
        return None
    # Traces are those of the CSV: to count the names of STEAD in its B-tree reads 1.4 GB.
    with open_data(source.hdf5):
        pass
    return {"file": str(source.hdf5), "bytes": source.hdf5.stat().st_size, "traces": traces}


def manifest_facts(path: Path) -> dict[str, object]:
    """Read what a manifest says of itself: name, digest, recipe, counts and parts.

    Raises
    ------
    InputError
        It is missing, altered or no manifest.
    """
    manifest = load(path)
    parts = Counter(part for part in manifest.parts if part != UNKNOWN)
    return {
        "file": str(path),
        "name": manifest.name,
        "digest": manifest.digest,
        "recipe": dict(manifest.recipe),
        "categories": dict(manifest.categories),
        "parts": dict(sorted(parts.items())),
    }


def _manifest_beside(source: Source) -> dict[str, object] | None:
    path = source.csv.with_suffix(MANIFEST_SUFFIX)
    try:
        return manifest_facts(path) if is_file(path) else None
    except InputError as error:
        # What is wrong with the manifest must not hide what is in the data.
        return {"file": str(path), "fault": str(error)}


def _manifest_counts(manifest: Mapping[str, object]) -> dict[str, int]:
    counted = manifest["categories"]
    assert isinstance(counted, dict)
    return {"traces": sum(counted.values()), **counted}
