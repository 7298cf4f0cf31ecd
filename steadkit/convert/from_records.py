"""Import of local records: miniSEED or SAC and a pick table into STEAD's layout.

For every P at every station one minute is cut so that P lies 401 to 899 samples after its start;
where exactly follows from the seed and the pick alone. All processing of the samples is described
in `steadkit.records.resample` and `steadkit.records.archive`: there is none where they are sampled
at 100 Hz without gaps and no band-pass is requested. The instrument response is not removed.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from steadkit.atomic import input_scope, note_input
from steadkit.capacity import TRACE_DISK_BYTES, require_disk
from steadkit.console import progress
from steadkit.convert.dataset_writer import Converted, ConvertedTrace, write_traces
from steadkit.convert.record_windows import (
    NANO_PER_SAMPLE,
    EventWindow,
    RecordReader,
    RecordsConfig,
    microseconds,
)
from steadkit.dataset_files import DatasetFiles, check_dataset
from steadkit.records.archive import (
    index_folder,
)
from steadkit.records.picks import Onset, build_onsets, read_picks
from steadkit.records.resample import P_SAMPLES, UnusableError, hash_uniform
from steadkit.records.stations import read_stations
from steadkit.records.text import make_unique, stead_name
from steadkit.schema import COLUMNS, EVENT, N_SAMPLES


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
    records = RecordReader(index, coordinates, pick_times, config)
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


def _plan_windows(onsets: Sequence[Onset], seed: int, skipped: Counter[str]) -> list[EventWindow]:
    """Choose start and name of each window before any sample is read."""
    starts = []
    for onset in onsets:
        try:
            starts.append((onset, _window_start(onset, hash_uniform(onset.identity, seed))))
        except UnusableError as reason:
            skipped[str(reason)] += 1
    names = pd.Series(
        [stead_name(o.station, o.network, microseconds(start), EVENT) for o, start in starts],
        dtype=str,
    )
    names = make_unique(names, pd.Series([onset.identity for onset, _ in starts], dtype=str))
    return [
        EventWindow(onset, name, start) for (onset, start), name in zip(starts, names, strict=True)
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
    records: RecordReader, windows: Sequence[EventWindow], skipped: Counter[str]
) -> Iterator[ConvertedTrace]:
    for window in progress(windows, "cutting events"):
        try:
            yield records.read_event(window)
        except UnusableError as reason:
            skipped[str(reason)] += 1
    if records.config.noise:
        yield from _iter_noise(records, skipped)


def _iter_noise(records: RecordReader, skipped: Counter[str]) -> Iterator[ConvertedTrace]:
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
