"""Records of a region and a pick table into STEAD's layout, a minute for each P that was picked.

For every P at every station one minute is cut so that P lies 401 to 899 samples in, where exactly
follows from the seed and the pick alone. What is done to the samples is told in
`steadkit.records.resample` and `steadkit.records.archive`: nothing at all, if they are sampled at
100 Hz without gaps and no band-pass is asked for. The instrument response is not taken away.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from steadkit.atomic import input_scope, note_input
from steadkit.capacity import TRACE_BYTES, require_disk
from steadkit.console import progress
from steadkit.convert.dataset_writer import Converted, Trace, write_traces
from steadkit.convert.record_metadata import (
    NANO_PER_SAMPLE,
    Stations,
    event_row,
    microseconds,
    station_row,
)
from steadkit.dataset_files import DatasetFiles, check_dataset
from steadkit.errors import InputError
from steadkit.records.archive import (
    Index,
    Instrument,
    Segment,
    count_components,
    index_folder,
    read_window,
)
from steadkit.records.noise_windows import is_quiet, iter_quiet_starts
from steadkit.records.picks import Onset, build_onsets, read_picks
from steadkit.records.resample import P_SAMPLES, UnusableError, hash_uniform
from steadkit.records.stations import read_stations
from steadkit.records.stead_text import make_unique, name_of
from steadkit.schema import COLUMNS, COMPONENTS, EVENT, N_SAMPLES, NOISE


@dataclass(frozen=True)
class RecordsConfig:
    """How a region's records are cut.

    Parameters
    ----------
    seed
        Where P comes to lie, and which quiet minutes are taken.
    band_pass
        Whether to filter to STEAD's 1 to 45 Hz.
    noise
        How many quiet minutes to take at each station.
    components
        How many of E, N and Z there must be; a missing one is zero.
    """

    seed: int = 0
    band_pass: bool = False
    noise: int = 0
    components: int = 1

    def __post_init__(self) -> None:
        if self.noise < 0:
            raise InputError(f"cannot take {self.noise} noise windows: use 0 or more")
        if not 1 <= self.components <= len(COMPONENTS):
            raise InputError(f"cannot ask for {self.components} components: use 1, 2 or 3")


@input_scope()
def from_records(
    folder: Path,
    picks: Path,
    files: DatasetFiles,
    config: RecordsConfig,
    stations: Path | None = None,
    overwrite: bool = False,
) -> Converted:
    """Write a data set in STEAD's layout from continuous or cut records and their picks.

    Parameters
    ----------
    folder
        Holds miniSEED and SAC files, at any depth.
    picks
        CSV or QuakeML, see `steadkit.records.picks`.
    files
        Where the data set shall stand.
    config
        How to cut.
    stations
        StationXML or CSV, see `steadkit.records.stations`; without it distances stay unknown.
    overwrite
        Whether existing files may be replaced.

    Raises
    ------
    InputError
        A source or target cannot be used, or no trace could be made.
    """
    note_input(picks, *([stations] if stations else []))
    check_dataset(files, overwrite)
    skipped: Counter[str] = Counter()
    table = read_picks(picks)
    places = read_stations(stations) if stations else {}
    index = index_folder(folder, skipped)
    note_input(*{segment.path for segments in index.values() for segment in segments})
    importer = _Import(index, places, config)
    recipe = {
        "operation": "from-records",
        "seed": config.seed,
        "band_pass": config.band_pass,
        "noise": config.noise,
        "components": config.components,
    }
    planned = _plan_windows(build_onsets(table, skipped), config.seed, skipped)
    count = sum(importer.is_recorded(onset, plan.start) for onset, plan in planned)
    require_disk(files.hdf5.parent, count * TRACE_BYTES, f"a data set of {count:,} traces")
    traces = _all_traces(importer, planned, np.unique(table["time_ns"].to_numpy()), skipped)
    return write_traces(traces, files, COLUMNS, recipe, skipped, overwrite)


@dataclass(frozen=True)
class _Import:
    index: Index
    places: Stations
    config: RecordsConfig

    def instruments(self, network: str, station: str) -> list[Instrument]:
        return [each for each in self.index if each[:2] == (network, station)]

    def is_recorded(self, onset: Onset, start: int) -> bool:
        """Return whether an instrument has the minute, as far as headers tell."""
        instruments = self.instruments(onset.network, onset.station)
        least = self.config.components
        return any(count_components(self.index[each], start) >= least for each in instruments)


@dataclass(frozen=True)
class _PlannedWindow:
    """A minute to cut: when it shall begin, in ns, and what it will be called."""

    name: str
    start: int


def _all_traces(
    importer: _Import,
    planned: Sequence[tuple[Onset, _PlannedWindow]],
    picked: np.ndarray,
    skipped: Counter[str],
) -> Iterator[Trace]:
    for onset, plan in progress(planned, "cutting events"):
        try:
            yield _event_trace(onset, plan, importer)
        except UnusableError as reason:
            skipped[str(reason)] += 1
    yield from _noise_traces(importer, picked, skipped)


def _plan_windows(
    found: Sequence[Onset], seed: int, skipped: Counter[str]
) -> list[tuple[Onset, _PlannedWindow]]:
    """Choose where each minute begins, and name it, before any sample is read."""
    starts = []
    for onset in found:
        try:
            starts.append((onset, _window_start(onset, hash_uniform(onset.identity, seed))))
        except UnusableError as reason:
            skipped[str(reason)] += 1
    names = pd.Series(
        [name_of(o.station, o.network, microseconds(start), EVENT) for o, start in starts],
        dtype=str,
    )
    names = make_unique(names, pd.Series([onset.identity for onset, _ in starts], dtype=str))
    return [
        (onset, _PlannedWindow(name, start))
        for (onset, start), name in zip(starts, names, strict=True)
    ]


def _window_start(onset: Onset, fraction: float) -> int:
    """Choose where a minute begins: P inside STEAD's range, S inside the minute."""
    first, last = P_SAMPLES[0] + 1, P_SAMPLES[1] - 1
    if onset.s is not None:
        last = min(last, N_SAMPLES - 2 - (onset.s - onset.p) // NANO_PER_SAMPLE)
    if last < first:
        raise UnusableError("S too late after P for one minute")
    return onset.p - (first + int(fraction * (last - first + 1))) * NANO_PER_SAMPLE


def _event_trace(onset: Onset, plan: _PlannedWindow, importer: _Import) -> Trace:
    """Cut the minute of an onset out of the records of the best instrument that has it."""
    reason = UnusableError("no records of the station")
    for instrument in _rank_instruments(onset, plan.start, importer):
        try:
            window = read_window(
                importer.index[instrument],
                plan.start,
                importer.config.band_pass,
                importer.config.components,
            )
        except UnusableError as why:
            reason = why
            continue
        waveform = _as_counts(window.samples)
        row = station_row(instrument, window, importer.places) | {"trace_name": plan.name}
        return Trace(row | event_row(onset, window, waveform, importer.places), waveform)
    raise reason


def _rank_instruments(onset: Onset, start: int, importer: _Import) -> list[Instrument]:
    """Order a station's instruments: that of the pick, then the most components, then by code."""

    def merit(instrument: Instrument) -> tuple:
        picked = (onset.location, onset.channel[:2])
        others = picked != (instrument.location, instrument.receiver_type)
        return (others, -count_components(importer.index[instrument], start), instrument)

    return sorted(importer.instruments(onset.network, onset.station), key=merit)


def _as_counts(samples: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        waveform = samples.astype(np.float32)
    if not np.isfinite(waveform).all():
        raise UnusableError("samples too large for float32")
    return waveform


def _noise_traces(importer: _Import, picked: np.ndarray, skipped: Counter[str]) -> Iterator[Trace]:
    """Take quiet minutes of every station, in an order that follows from the seed."""
    if not importer.config.noise:
        return
    stations = defaultdict(list)
    for instrument in importer.index:
        stations[instrument[:2]].append(instrument)
    for instruments in progress(stations.values(), "looking for noise", len(stations)):
        best = max(instruments, key=lambda i: (len({p.channel for p in importer.index[i]}), i))
        found = islice(
            _station_noise(best, picked, importer), min(importer.config.noise, sys.maxsize)
        )
        count = 0
        for trace in found:
            count += 1
            yield trace
        if missing := importer.config.noise - count:
            skipped["quiet minutes asked for and not found"] += missing


def _station_noise(
    instrument: Instrument, picked: np.ndarray, importer: _Import
) -> Iterator[Trace]:
    station = f"{instrument.network}.{instrument.station}"
    for start in iter_quiet_starts(
        importer.index[instrument], picked, station, importer.config.seed
    ):
        trace = _noise_trace(instrument, start, importer)
        if trace is not None:
            yield trace


def _noise_trace(instrument: Instrument, start: int, importer: _Import) -> Trace | None:
    segments: Sequence[Segment] = importer.index[instrument]
    try:
        window = read_window(segments, start, importer.config.band_pass, importer.config.components)
        waveform = _as_counts(window.samples)
    except UnusableError:
        return None
    if not is_quiet(waveform):
        return None
    name = name_of(instrument.station, instrument.network, microseconds(start), NOISE)
    row = {"trace_name": name, "trace_category": NOISE}
    return Trace(station_row(instrument, window, importer.places) | row, waveform)
