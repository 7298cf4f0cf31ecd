"""Which traces are shown: those named, else a few events and noise traces that differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from steadkit.errors import InputError
from steadkit.info import SNR_COLUMNS, read_numbers
from steadkit.plots.annotations import Row
from steadkit.plots.tables import names_in, rows_of, waveforms_of
from steadkit.schema import EVENT, SAMPLING_RATE
from steadkit.sources import Source, source_from_path
from steadkit.transforms import normalize

EVENTS, NOISE = 4, 3
"""How many are shown by default."""

MAX_TRACES = 24
"""More columns than this nobody looks at."""

CHUNK_TRACES = 32
"""Traces that are read together."""

MAX_NOISE_READ = 30
"""Noise traces among which some without a dead component are looked for."""


@dataclass(frozen=True, eq=False)
class SelectedTraces:
    """Some traces as the network is given them, and what their rows say."""

    names: list[str]
    waveforms: np.ndarray
    """Shape (traces, 6000, 3), float32, normalised."""
    rows: list[Row]

    @property
    def is_event(self) -> np.ndarray:
        """Which are events, shape (traces,), bool."""
        return np.array([row.get("trace_category") == EVENT for row in self.rows], bool)

    def where(self, kept: np.ndarray) -> "SelectedTraces":
        """Keep some."""
        places = np.flatnonzero(kept).tolist()
        return SelectedTraces(
            [self.names[i] for i in places],
            self.waveforms[kept],
            [self.rows[i] for i in places],
        )


def read(
    data: Path, names: Sequence[str] = (), among: Sequence[str] = (), scale: str = "std"
) -> SelectedTraces:
    """Read traces, those named or some that `choose` finds; events come first.

    Parameters
    ----------
    data
        A STEAD file.
    names
        Of the traces; names it does not have are refused with ones like them.
    among
        Of the traces among which is chosen where none are named; all when empty.
    scale
        How waveforms are scaled, as `steadkit.transforms.normalize` has it.

    Raises
    ------
    InputError
        The file cannot be read, a trace is not there, or too many are named.
    """
    source = source_from_path(data)
    names = list(dict.fromkeys(names)) or choose(source, among)
    if len(names) > MAX_TRACES:
        raise InputError(
            f"{len(names)} traces are too many for a figure: name at most {MAX_TRACES}"
        )
    return next(_iter_chunks(source, names, scale, MAX_TRACES))


def iter_trace_chunks(
    data: Path, most: int, among: Sequence[str] = (), scale: str = "std", size: int = CHUNK_TRACES
) -> tuple[int, Iterator[SelectedTraces]]:
    """Read many traces, a part at a time: those that `spread_names` lists.

    Returns
    -------
    count, parts
        How many parts there are, and they.
    """
    names = spread_names(data, most, among)
    return -(-len(names) // size), _iter_chunks(source_from_path(data), names, scale, size)


def spread_names(data: Path, most: int, among: Sequence[str] = ()) -> list[str]:
    """List up to so many events and as many noise traces.

    Where there are more, it is those evenly spaced among the names in their order.
    """
    numbers = _numbers(source_from_path(data), among)
    names: list[str] = []
    for kind in (True, False):
        of_kind = numbers["name"][numbers["is_event"] == kind].tolist()
        names += [of_kind[i] for i in _spaced_indices(len(of_kind), most)]
    return names


def _iter_chunks(source: Source, names: list[str], scale: str, size: int) -> Iterator[SelectedTraces]:
    """Read traces, a part at a time, events first."""
    rows = [row.to_dict() for _, row in rows_of(source.csv, names).iterrows()]
    first = [row["trace_category"] != EVENT for row in rows]
    order = np.argsort(first, kind="stable").tolist()
    for begin in range(0, len(order), size):
        part = order[begin : begin + size]
        waveforms = normalize(waveforms_of(source, [names[i] for i in part]), scale)
        yield SelectedTraces([names[i] for i in part], waveforms, [rows[i] for i in part])


def choose(source: Source, among: Sequence[str] = ()) -> list[str]:
    """Find four events of different SNR and distance and three noise traces, always the same.

    Where enough events have both arrivals and no dead component, it is these. They are parted at
    the median distance, or S minus P where distances are not known; of the near and of the far
    ones those are taken whose worst component's SNR is nearest to the lower quartile and to the
    ninth decile. Noise is taken evenly from the names in their order, where possible without a
    dead component.

    Raises
    ------
    InputError
        The file has no traces.
    """
    numbers = _numbers(source, among)
    noise = numbers["name"][~numbers["is_event"]].tolist()
    return [*_events(numbers[numbers["is_event"]]), *_noise(source, noise)]


def _numbers(source: Source, among: Sequence[str]) -> pd.DataFrame:
    """Read the figures of the traces in question, in the order of their names."""
    numbers = read_numbers(source.csv).assign(name=names_in(source.csv))
    if among:
        numbers = numbers[numbers["name"].isin(set(among))]
    if numbers.empty:
        raise InputError(f"{str(source.csv)!r} has no traces to show: name another file")
    return numbers.sort_values("name", ignore_index=True)


def _events(events: pd.DataFrame) -> list[str]:
    known = events[["p_arrival_sample", "s_arrival_sample"]].notna().all(axis=1)
    # A dead component has none, or 0 dB.
    alive = (events[list(SNR_COLUMNS)] > 0).all(axis=1)
    for kept in (known & alive, known):
        if kept.sum() >= EVENTS:
            events = events[kept]
            break
    if len(events) <= EVENTS:
        return events["name"].tolist()
    distance = events["source_distance_km"]
    if distance.isna().any():
        distance = events["s_minus_p_sec"].fillna(0.0)
    near = distance.rank(method="first") <= len(events) / 2
    ratios = events[list(SNR_COLUMNS)].min(axis=1, skipna=False).fillna(-np.inf)
    picked: list[str] = []
    for half in (near, ~near):
        ranks = ratios[half].rank(method="first", pct=True)
        for share in (0.9, 0.25):
            left = ranks[~events["name"][half].isin(picked)]
            picked.append(str(events["name"][(left - share).abs().idxmin()]))
    return picked


def _noise(source: Source, names: list[str]) -> list[str]:
    tried = [names[i] for i in _spaced_indices(len(names), MAX_NOISE_READ)]
    if len(tried) <= NOISE:
        return tried
    alive = [
        name
        for name, waveform in zip(tried, waveforms_of(source, tried), strict=True)
        if np.ptp(waveform, axis=0).all()
    ]
    tried = alive if len(alive) >= NOISE else tried
    return [tried[i] for i in _spaced_indices(len(tried), NOISE)]


def _spaced_indices(count: int, most: int) -> list[int]:
    """Choose so many places, evenly spaced.

    >>> _spaced_indices(30, 3), _spaced_indices(2, 3)
    ([5, 15, 25], [0, 1])
    """
    if count <= most:
        return list(range(count))
    return [(2 * i + 1) * count // (2 * most) for i in range(most)]


def arrivals(row: Row) -> dict[str, float]:
    """List the arrivals that are known, samples, by phase."""
    found = {phase: row.get(f"{phase.lower()}_arrival_sample") for phase in "PS"}
    return {
        phase: float(value)
        for phase, value in found.items()
        if isinstance(value, int | float) and np.isfinite(value)
    }


def caption(row: Row) -> str:
    """Say in a line what a trace is: station, SNR and S minus P, or that it is noise."""
    station = str(row.get("trace_name", "")).partition("_")[0]
    if row.get("trace_category") != EVENT:
        return f"{station}, noise"
    there = arrivals(row)
    words = [station]
    ratio = np.array([row.get(column, np.nan) for column in SNR_COLUMNS], float)
    if np.isfinite(ratio).any():
        words.append(f"SNR {np.nanmin(ratio):.0f} dB")
    if len(there) == 2:
        words.append(f"S\N{MINUS SIGN}P {(there['S'] - there['P']) / SAMPLING_RATE:.1f} s")
    return ", ".join(words)
