"""Selection of traces: those named, else a few different events and noise traces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from steadkit.errors import InputError
from steadkit.info import SNR_COLUMNS, read_numbers
from steadkit.plots.tables import read_trace_names, read_trace_rows, read_trace_waveforms
from steadkit.plots.trace import Row
from steadkit.schema import EVENT, SAMPLING_RATE
from steadkit.sources import Source, source_from_path
from steadkit.transforms import normalize

EVENTS, NOISE = 4, 3
"""Number of events and noise traces shown by default."""

MAX_TRACES = 24
"""Maximum number of traces of a figure."""

CHUNK_TRACES = 32
"""Traces of a chunk."""

MAX_NOISE_READ = 30
"""Noise traces that are read to find some without a dead component."""


@dataclass(frozen=True, eq=False)
class SelectedTraces:
    """Traces, normalised for the network, and their rows of the CSV."""

    names: list[str]
    waveforms: np.ndarray
    """Shape (traces, 6000, 3), float32, normalised."""
    rows: list[Row]

    @property
    def is_event(self) -> np.ndarray:
        """Which are events, shape (traces,), bool."""
        return np.array([row.get("trace_category") == EVENT for row in self.rows], bool)

    def where(self, mask: np.ndarray) -> "SelectedTraces":
        """Return the traces of a mask."""
        indices = np.flatnonzero(mask).tolist()
        return SelectedTraces(
            [self.names[i] for i in indices],
            self.waveforms[mask],
            [self.rows[i] for i in indices],
        )


def read_traces(
    data: Path, names: Sequence[str] = (), candidates: Sequence[str] = (), scale: str = "std"
) -> SelectedTraces:
    """Read the named traces or those of `choose_example_traces`; events come first.

    Parameters
    ----------
    data
        A STEAD file.
    names
        Names of traces; unknown names are refused with suggestions.
    candidates
        Names of the traces to choose from where none are named; all when empty.
    scale
        Normalisation, see `steadkit.transforms.normalize`.

    Raises
    ------
    InputError
        The file cannot be read, a trace is not there, or too many are named.
    """
    source = source_from_path(data)
    names = list(dict.fromkeys(names)) or choose_example_traces(source, candidates)
    if len(names) > MAX_TRACES:
        raise InputError(
            f"{len(names)} traces are too many for a figure: name at most {MAX_TRACES}"
        )
    return next(_iter_chunks(source, names, scale, MAX_TRACES))


def iter_trace_chunks(
    data: Path,
    max_per_category: int,
    candidates: Sequence[str] = (),
    scale: str = "std",
    size: int = CHUNK_TRACES,
) -> tuple[int, Iterator[SelectedTraces]]:
    """Read the traces of `spread_names` in chunks.

    Returns
    -------
    count, chunks
        Number of chunks, and an iterator over them.
    """
    names = spread_names(data, max_per_category, candidates)
    return -(-len(names) // size), _iter_chunks(source_from_path(data), names, scale, size)


def spread_names(data: Path, max_per_category: int, candidates: Sequence[str] = ()) -> list[str]:
    """Return the names of up to `max_per_category` events and as many noise traces.

    Where there are more, they are evenly spaced in the sorted names.
    """
    numbers = _numbers(source_from_path(data), candidates)
    names: list[str] = []
    for is_event in (True, False):
        category_names = numbers["name"][numbers["is_event"] == is_event].tolist()
        names += [category_names[i] for i in _spaced_indices(len(category_names), max_per_category)]
    return names


def _iter_chunks(
    source: Source, names: list[str], scale: str, size: int
) -> Iterator[SelectedTraces]:
    """Read traces in chunks, events first."""
    rows = [row.to_dict() for _, row in read_trace_rows(source.csv, names).iterrows()]
    first = [row["trace_category"] != EVENT for row in rows]
    # Stable, so that traces stay in the order in which they were named.
    order = np.argsort(first, kind="stable").tolist()
    for start in range(0, len(order), size):
        chunk = order[start : start + size]
        waveforms = normalize(read_trace_waveforms(source, [names[i] for i in chunk]), scale)
        yield SelectedTraces([names[i] for i in chunk], waveforms, [rows[i] for i in chunk])


def choose_example_traces(source: Source, candidates: Sequence[str] = ()) -> list[str]:
    """Choose four events of different SNR and distance and three noise traces, deterministically.

    Events with both arrivals and no dead component are preferred where there are enough. They are
    divided at the median distance, or S minus P where distances are not known; of the near and of
    the far half those are taken whose worst component's SNR is nearest to the lower quartile and
    to the ninth decile. Noise is evenly spaced in the sorted names, where possible without a dead
    component.

    Raises
    ------
    InputError
        The file has no traces.
    """
    numbers = _numbers(source, candidates)
    noise = numbers["name"][~numbers["is_event"]].tolist()
    return [*_events(numbers[numbers["is_event"]]), *_noise(source, noise)]


def _numbers(source: Source, candidates: Sequence[str]) -> pd.DataFrame:
    """Read the numeric columns of the candidates, sorted by name."""
    numbers = read_numbers(source.csv).assign(name=read_trace_names(source.csv))
    if candidates:
        numbers = numbers[numbers["name"].isin(set(candidates))]
    if numbers.empty:
        raise InputError(f"{str(source.csv)!r} has no traces to show: name another file")
    return numbers.sort_values("name", ignore_index=True)


def _events(events: pd.DataFrame) -> list[str]:
    has_arrivals = events[["p_arrival_sample", "s_arrival_sample"]].notna().all(axis=1)
    # The SNR of a dead component is missing or 0 dB.
    is_alive = (events[list(SNR_COLUMNS)] > 0).all(axis=1)
    for mask in (has_arrivals & is_alive, has_arrivals):
        if mask.sum() >= EVENTS:
            events = events[mask]
            break
    if len(events) <= EVENTS:
        return events["name"].tolist()
    distance = events["source_distance_km"]
    if distance.isna().any():
        distance = events["s_minus_p_sec"].fillna(0.0)
    # By rank: a median would leave one half empty where many distances are equal.
    is_near = distance.rank(method="first") <= len(events) / 2
    ratios = events[list(SNR_COLUMNS)].min(axis=1, skipna=False).fillna(-np.inf)
    chosen: list[str] = []
    for distance_half in (is_near, ~is_near):
        ranks = ratios[distance_half].rank(method="first", pct=True)
        for quantile in (0.9, 0.25):
            # Two quantiles may be nearest to one event.
            remaining = ranks[~events["name"][distance_half].isin(chosen)]
            chosen.append(str(events["name"][(remaining - quantile).abs().idxmin()]))
    return chosen


def _noise(source: Source, names: list[str]) -> list[str]:
    # Not all of them: each has to be read to see whether a component is dead.
    names_read = [names[i] for i in _spaced_indices(len(names), MAX_NOISE_READ)]
    if len(names_read) <= NOISE:
        return names_read
    live_names = [
        name
        for name, waveform in zip(names_read, read_trace_waveforms(source, names_read), strict=True)
        if np.ptp(waveform, axis=0).all()
    ]
    names_read = live_names if len(live_names) >= NOISE else names_read
    return [names_read[i] for i in _spaced_indices(len(names_read), NOISE)]


def _spaced_indices(count: int, max_count: int) -> list[int]:
    """Return up to `max_count` evenly spaced indices.

    >>> _spaced_indices(30, 3), _spaced_indices(2, 3)
    ([5, 15, 25], [0, 1])
    """
    if count <= max_count:
        return list(range(count))
    return [(2 * i + 1) * count // (2 * max_count) for i in range(max_count)]


def arrivals(row: Row) -> dict[str, float]:
    """Return the known arrivals in samples, by phase."""
    samples = {phase: row.get(f"{phase.lower()}_arrival_sample") for phase in "PS"}
    return {
        phase: float(value)
        for phase, value in samples.items()
        if isinstance(value, int | float) and np.isfinite(value)
    }


def caption(row: Row) -> str:
    """Return a line on a trace: station, SNR and S minus P, or that it is noise."""
    station = str(row.get("trace_name", "")).partition("_")[0]
    if row.get("trace_category") != EVENT:
        return f"{station}, noise"
    phase_arrivals = arrivals(row)
    items = [station]
    snr = np.array([row.get(column, np.nan) for column in SNR_COLUMNS], float)
    if np.isfinite(snr).any():
        items.append(f"SNR {np.nanmin(snr):.0f} dB")
    if len(phase_arrivals) == 2:
        items.append(
            f"S\N{MINUS SIGN}P {(phase_arrivals['S'] - phase_arrivals['P']) / SAMPLING_RATE:.1f} s"
        )
    return ", ".join(items)
