"""Summary of a data set in one pass over its CSV, with its HDF5 file and its manifest."""

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
"""Columns of `read_numbers`: label and unit."""

QUARTILES = (0, 25, 50, 75, 100)


@dataclass(frozen=True)
class Quartiles:
    """Minimum, quartiles and maximum of a column; None where no trace has a value."""

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
    """Number of missing values of a column, by category, and of unreadable ones."""

    column: str
    missing: Mapping[str, int]
    unreadable: int


@dataclass(frozen=True)
class Info:
    """Summary of a data set.

    Parameters
    ----------
    file
        The file that was read.
    counts
        Traces, events and noise; and, of a CSV, stations, networks and earthquakes.
    first, last
        Start of the first and of the last trace, UTC, or None where no time is known.
    spreads
        Quartiles of each of `FIGURES`.
    gaps
        Missing values, one entry per column.
    waveforms
        The HDF5 file next to the CSV, its size in bytes and its traces, or None.
    manifest
        Name, digest, recipe, counts and splits of the manifest next to it, or None.
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
        """Return it as a dictionary for JSON."""
        return asdict(self)


def describe(path: Path) -> Info:
    """Return a summary of a data set.

    Parameters
    ----------
    path
        A STEAD CSV, its HDF5 file or its manifest. The CSV suffices; a manifest without a CSV
        next to it has traces, recipe and splits only.

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
    source = source_from_path(path, require_hdf5=False)
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
    """Return minimum, quartiles and maximum of each of `FIGURES` over the traces with a value.

    >>> quartiles(pd.DataFrame({"source_magnitude": [1.0, 2.0, 3.0, np.nan]}))[0]
    Quartiles(figure='magnitude', unit='', known=3, least=1.0, lower_quartile=1.5, median=2.0, ...
    """
    return [_quartiles(column, numbers) for column in FIGURES]


def _quartiles(column: str, numbers: pd.DataFrame) -> Quartiles:
    values = numbers[column].dropna().to_numpy() if column in numbers else np.empty(0)
    if not len(values):
        return Quartiles(*FIGURES[column], known=0)
    return Quartiles(*FIGURES[column], len(values), *np.percentile(values, QUARTILES).tolist())


@dataclass
class _Tally:
    """Running totals over the chunks of the CSV."""

    columns: list[str] = field(default_factory=list)
    traces: Counter[str] = field(default_factory=Counter)
    earthquakes: set[str] = field(default_factory=set)
    stations: set[tuple[str, ...]] = field(default_factory=set)
    starts: list[datetime] = field(default_factory=list)
    numbers: list[pd.DataFrame] = field(default_factory=list)
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)

    def counts(self) -> dict[str, int]:
        """Return the counts of traces, earthquakes, stations and networks."""
        return {
            "traces": self.traces.total(),
            **{category: self.traces[category] for category in CATEGORIES},
            "earthquakes": len(self.earthquakes),
            "stations": len(self.stations),
            "networks": len({network for network, _ in self.stations}),
        }

    def span(self) -> tuple[str | None, str | None]:
        """Return the first and the last start time, to the microsecond."""
        if not self.starts:
            return None, None
        return str(min(self.starts)), str(max(self.starts))

    def gaps(self) -> list[Missing]:
        """Return the missing values in the order of the columns."""
        return [
            Missing(c, {k: self.missing[c, k] for k in CATEGORIES}, self.unreadable[c])
            for c in self.columns
        ]


def _tally(csv: Path) -> _Tally:
    tally = _Tally()
    for chunk in iter_numbers(csv):
        tally.columns = list(chunk.columns)
        _check_categories(chunk["trace_category"], csv)
        tally.traces.update(chunk["trace_category"].value_counts().to_dict())
        events = chunk[chunk["trace_category"] == EVENT]
        tally.earthquakes.update(pd.unique(earthquakes_of(events)))
        tally.stations.update(_stations(chunk))
        tally.starts += _time_range(chunk)
        numbers = as_numbers(chunk)
        tally.numbers.append(numbers[[c for c in numbers if c in FIGURES]])
        _count_missing(tally, chunk, numbers)
    return tally


def _check_categories(categories: pd.Series, csv: Path) -> None:
    unknown = categories[~categories.isin(CATEGORIES)]
    if len(unknown):
        raise InputError(
            f"{str(csv)!r} has trace_category {unknown.iloc[0][:60]!r} in row "
            f"{unknown.index[0] + 2}: use one of {', '.join(CATEGORIES)}"
        )


def _stations(chunk: pd.DataFrame) -> set[tuple[str, ...]]:
    """Return network and code of each station with a known code."""
    codes = chunk.reindex(columns=["network_code", "receiver_code"], fill_value="")
    known_codes = codes[~codes["receiver_code"].isin(MISSING)]
    return set(known_codes.drop_duplicates().itertuples(index=False, name=None))


def _time_range(chunk: pd.DataFrame) -> list[datetime]:
    if "trace_start_time" not in chunk:
        return []
    times, _ = parse_times(chunk["trace_start_time"])
    known_times = times[~np.isnat(times)]
    return [known_times.min().item(), known_times.max().item()] if len(known_times) else []


def _count_missing(tally: _Tally, chunk: pd.DataFrame, numbers: pd.DataFrame) -> None:
    is_event = (chunk["trace_category"] == EVENT).to_numpy()
    for column in chunk.columns:
        missing = chunk[column].isin(MISSING).to_numpy()
        tally.missing[column, CATEGORIES[0]] += int((missing & is_event).sum())
        tally.missing[column, CATEGORIES[1]] += int((missing & ~is_event).sum())
        if is_numeric(column):
            values = numbers[SNR_COLUMNS[0] if column == "snr_db" else column]
            tally.unreadable[column] += int((values.isna() & ~missing).sum())


def _waveforms(source: Source, traces: int) -> dict[str, object] | None:
    if not is_file(source.hdf5):
        return None
    # Traces are counted in the CSV: counting the names in the B-tree of STEAD reads 1.4 GB.
    with open_data(source.hdf5):
        pass
    return {"file": str(source.hdf5), "bytes": source.hdf5.stat().st_size, "traces": traces}


def manifest_facts(path: Path) -> dict[str, object]:
    """Return name, digest, recipe, counts and splits of a manifest.

    Raises
    ------
    InputError
        It is missing, altered or no manifest.
    """
    manifest = load(path)
    split_counts = Counter(split for split in manifest.splits if split != UNKNOWN)
    return {
        "file": str(path),
        "name": manifest.name,
        "digest": manifest.digest,
        "recipe": dict(manifest.recipe),
        "categories": dict(manifest.categories),
        "parts": dict(sorted(split_counts.items())),
    }


def _manifest_beside(source: Source) -> dict[str, object] | None:
    path = source.csv.with_suffix(MANIFEST_SUFFIX)
    try:
        return manifest_facts(path) if is_file(path) else None
    except InputError as error:
        # A broken manifest must not hide the contents of the data.
        return {"file": str(path), "fault": str(error)}


def _manifest_counts(manifest: Mapping[str, object]) -> dict[str, int]:
    counts = manifest["categories"]
    assert isinstance(counts, dict)
    return {"traces": sum(counts.values()), **counts}
