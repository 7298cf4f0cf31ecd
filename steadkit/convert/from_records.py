"""Import of local records: miniSEED or SAC and a pick table into STEAD's layout.

For every P at every station one minute is cut so that P lies 401 to 899 samples after its start;
where exactly follows from the seed and the pick alone. All processing of the samples is described
in `steadkit.records.resample` and `steadkit.records.archive`: there is none where they are sampled
at 100 Hz without gaps and no band-pass is requested. The instrument response is not removed.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from steadkit.atomic import input_scope, note_input
from steadkit.capacity import TRACE_DISK_BYTES, require_disk
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
    Window,
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
    """Options of an import of records.

    Parameters
    ----------
    seed
        Seed of the position of P in its window and of the choice of noise windows.
    band_pass
        Whether to filter to STEAD's 1 to 45 Hz.
    noise
        Number of noise windows per station.
    components
        Minimum number of the components E, N and Z; a missing one is zero.
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
        Folder of miniSEED and SAC files, at any depth.
    picks
        CSV or QuakeML, see `steadkit.records.picks`.
    files
        Files of the new data set.
    config
        Options of the import.
    stations
        StationXML or CSV, see `steadkit.records.stations`; without it distances stay unknown.
    overwrite
        Whether existing files may be replaced.

    Returns
    -------
    Converted
        The manifest; ``skipped``, unused records, picks and windows by reason.

    Raises
    ------
    InputError
        A source or target cannot be used, or no trace could be made.
    """
    note_input(picks, *([stations] if stations else []))
    check_dataset(files, overwrite)
    skipped: Counter[str] = Counter()
    table = read_picks(picks)
    coordinates = read_stations(stations) if stations else {}
    index = index_folder(folder, skipped)
    note_input(*{segment.path for segments in index.values() for segment in segments})
    pick_times = np.unique(table["time_ns"].to_numpy())
    records = _Records(index, coordinates, pick_times, config)
    recipe = {
        "operation": "from-records",
        "seed": config.seed,
        "band_pass": config.band_pass,
        "noise": config.noise,
        "components": config.components,
    }
    windows = _plan_windows(build_onsets(table, skipped), config.seed, skipped)
    count = sum(records.is_recorded(window) for window in windows)
    require_disk(files.hdf5.parent, count * TRACE_DISK_BYTES, f"a data set of {count:,} traces")
    traces = _iter_traces(records, windows, skipped)
    return write_traces(traces, files, COLUMNS, recipe, skipped, overwrite)


class _EventWindow(NamedTuple):
    """Name of a trace to cut for an onset, and the start of its window in ns since 1970."""

    onset: Onset
    name: str
    start: int


@dataclass(frozen=True)
class _Records:
    """The records of an import, with the coordinates of stations and the times of all picks."""

    index: Index
    stations: Stations
    pick_times: np.ndarray
    config: RecordsConfig

    def is_recorded(self, window: _EventWindow) -> bool:
        """Return whether an instrument has the window, by the headers of its records."""
        return any(
            count_components(self.index[instrument], window.start) >= self.config.components
            for instrument in self._instruments(window.onset)
        )

    def _instruments(self, onset: Onset) -> list[Instrument]:
        codes = (onset.network, onset.station)
        return [instrument for instrument in self.index if instrument[:2] == codes]

    def read_event(self, event: _EventWindow) -> Trace:
        """Read the window of an onset from the best instrument that has it."""
        onset = event.onset
        error = UnusableError("no records of the station")
        for instrument in self._rank_instruments(event):
            try:
                window = self._read(instrument, event.start)
            except UnusableError as reason:
                error = reason
                continue
            waveform = _to_float32(window.samples)
            row = station_row(instrument, window, self.stations) | {"trace_name": event.name}
            return Trace(row | event_row(onset, window, waveform, self.stations), waveform)
        raise error

    def _rank_instruments(self, event: _EventWindow) -> list[Instrument]:
        """Sort a station's instruments: that of the pick, then the most components, then code."""
        codes = (event.onset.location, event.onset.channel[:2])

        def sort_key(instrument: Instrument) -> tuple:
            is_other = codes != (instrument.location, instrument.receiver_type)
            return (is_other, -count_components(self.index[instrument], event.start), instrument)

        return sorted(self._instruments(event.onset), key=sort_key)

    def iter_noise(self, instrument: Instrument) -> Iterator[Trace]:
        """Read all noise windows of an instrument that are quiet and far from picks."""
        station = f"{instrument.network}.{instrument.station}"
        segments = self.index[instrument]
        for start in iter_quiet_starts(segments, self.pick_times, station, self.config.seed):
            try:
                window = self._read(instrument, start)
                waveform = _to_float32(window.samples)
            except UnusableError:
                continue
            if is_quiet(waveform):
                name = name_of(instrument.station, instrument.network, microseconds(start), NOISE)
                row = {"trace_name": name, "trace_category": NOISE}
                yield Trace(station_row(instrument, window, self.stations) | row, waveform)

    def _read(self, instrument: Instrument, start: int) -> Window:
        segments = self.index[instrument]
        return read_window(segments, start, self.config.band_pass, self.config.components)


def _to_float32(samples: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        waveform = samples.astype(np.float32)
    if not np.isfinite(waveform).all():
        raise UnusableError("samples too large for float32")
    return waveform


def _plan_windows(onsets: Sequence[Onset], seed: int, skipped: Counter[str]) -> list[_EventWindow]:
    """Choose start and name of each window before any sample is read."""
    starts = []
    for onset in onsets:
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
        _EventWindow(onset, name, start) for (onset, start), name in zip(starts, names, strict=True)
    ]


def _window_start(onset: Onset, fraction: float) -> int:
    """Choose the start of a window: P inside STEAD's range, S inside the minute."""
    # One sample inside the range: the window begins at the nearest sample of the record.
    first, last = P_SAMPLES[0] + 1, P_SAMPLES[1] - 1
    if onset.s is not None:
        last = min(last, N_SAMPLES - 2 - (onset.s - onset.p) // NANO_PER_SAMPLE)
    if last < first:
        raise UnusableError("S too late after P for one minute")
    return onset.p - (first + int(fraction * (last - first + 1))) * NANO_PER_SAMPLE


def _iter_traces(
    records: _Records, windows: Sequence[_EventWindow], skipped: Counter[str]
) -> Iterator[Trace]:
    for window in progress(windows, "cutting events"):
        try:
            yield records.read_event(window)
        except UnusableError as reason:
            skipped[str(reason)] += 1
    if records.config.noise:
        yield from _iter_noise(records, skipped)


def _iter_noise(records: _Records, skipped: Counter[str]) -> Iterator[Trace]:
    """Read noise windows of every station, in an order that follows from the seed."""
    stations = defaultdict(list)
    for instrument in records.index:
        stations[instrument[:2]].append(instrument)
    requested = records.config.noise
    for instruments in progress(stations.values(), "looking for noise", len(stations)):
        best = max(instruments, key=lambda i: (len({s.channel for s in records.index[i]}), i))
        count = 0
        # islice takes no number beyond sys.maxsize.
        for trace in islice(records.iter_noise(best), min(requested, sys.maxsize)):
            count += 1
            yield trace
        if missing := requested - count:
            skipped["quiet minutes asked for and not found"] += missing
