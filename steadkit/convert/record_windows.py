"""Windows of one minute cut from records, each with its row of STEAD: events and noise.

Noise is far from every pick, and has neither an onset nor a decay.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from obspy.signal.trigger import classic_sta_lta

from steadkit.convert.dataset_writer import ConvertedTrace
from steadkit.errors import InputError
from steadkit.records.archive import (
    NANO,
    Index,
    Instrument,
    RecordWindow,
    Segment,
    count_components,
    read_window,
)
from steadkit.records.measure import coda_end, distance_and_azimuth, filter_band, snr_db
from steadkit.records.picks import Onset
from steadkit.records.resample import UnusableError
from steadkit.records.stations import Coordinates
from steadkit.records.text import bracketed, coda_text, is_known, sample_text, stead_name, time_text
from steadkit.sampling import shuffled_order
from steadkit.schema import COLUMNS, COMPONENTS, EVENT, N_SAMPLES, NOISE, SAMPLING_RATE
from steadkit.types import parse_cell, parse_nanoseconds

NANO_PER_SAMPLE: Final = round(NANO / SAMPLING_RATE)

Stations = Mapping[tuple[str, str], Coordinates]

AFTER_PICK_S: Final = 300
BEFORE_PICK_S: Final = 30
"""Minimum seconds of a noise window after and before any pick of any station."""

WINDOW_NS: Final = int(N_SAMPLES / SAMPLING_RATE * NANO)
STA_SAMPLES, LTA_SAMPLES = 100, 1000
"""Lengths of the short and the long window of STA/LTA: one second and ten."""

MAX_STA_LTA: Final = 5.0
"""Largest STA/LTA of power in noise.

Steady noise stays under two, gusts and traffic reach four; of simulated earthquakes one in a
hundred stays below this.
"""

MAX_POWER_RATIO: Final = 10.0
"""Largest ratio of the loudest ten seconds of noise to the quietest, in power: coda has more."""


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


class EventWindow(NamedTuple):
    """Name of a trace to cut for an onset, and the start of its window in ns since 1970."""

    onset: Onset
    name: str
    start: int


@dataclass(frozen=True)
class RecordReader:
    """The records of an import, with the coordinates of stations and the times of all picks."""

    index: Index
    stations: Stations
    pick_times: np.ndarray
    config: RecordsConfig

    def is_recorded(self, window: EventWindow) -> bool:
        """Return whether an instrument has the window, by the headers of its records."""
        return any(
            count_components(self.index[instrument], window.start) >= self.config.components
            for instrument in self._instruments(window.onset)
        )

    def _instruments(self, onset: Onset) -> list[Instrument]:
        codes = (onset.network, onset.station)
        return [instrument for instrument in self.index if instrument[:2] == codes]

    def read_event(self, event: EventWindow) -> ConvertedTrace:
        """Read the window of an onset from the best instrument that has it."""
        onset = event.onset
        error = UnusableError("no records of the station")
        for instrument in self._rank_instruments(event):
            try:
                window = self._read(instrument, event.start)
            except UnusableError as reason:
                # Another instrument of the station may have no gap there.
                error = reason
                continue
            waveform = _to_float32(window.samples)
            row = _station_row(instrument, window, self.stations) | {"trace_name": event.name}
            return ConvertedTrace(
                row | _event_row(onset, window, waveform, self.stations), waveform
            )
        raise error

    def _rank_instruments(self, event: EventWindow) -> list[Instrument]:
        """Sort a station's instruments: that of the pick, then the most components, then code."""
        codes = (event.onset.location, event.onset.channel[:2])

        def sort_key(instrument: Instrument) -> tuple:
            is_other = codes != (instrument.location, instrument.receiver_type)
            return (is_other, -count_components(self.index[instrument], event.start), instrument)

        return sorted(self._instruments(event.onset), key=sort_key)

    def iter_noise(self, instrument: Instrument) -> Iterator[ConvertedTrace]:
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
                name = stead_name(
                    instrument.station, instrument.network, microseconds(start), NOISE
                )
                row = {"trace_name": name, "trace_category": NOISE}
                yield ConvertedTrace(
                    _station_row(instrument, window, self.stations) | row, waveform
                )

    def _read(self, instrument: Instrument, start: int) -> RecordWindow:
        config = self.config
        return read_window(self.index[instrument], start, config.band_pass, config.components)


def _to_float32(samples: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        waveform = samples.astype(np.float32)
    if not np.isfinite(waveform).all():
        raise UnusableError("samples too large for float32")
    return waveform


def microseconds(nanoseconds: int) -> np.datetime64:
    """Return a time in ns since 1970 as a NumPy time in microseconds."""
    return np.datetime64(nanoseconds // 1000, "us")


def _station_row(
    instrument: Instrument, window: RecordWindow, stations: Stations
) -> dict[str, str]:
    """Return a row of STEAD with station and start time filled in, all other columns empty."""
    row = dict.fromkeys(COLUMNS, "")
    row |= {
        "network_code": instrument.network,
        "receiver_code": instrument.station,
        "receiver_type": instrument.receiver_type,
        "trace_start_time": time_text(microseconds(window.start)),
    }
    coordinates = stations.get(instrument[:2])
    if coordinates is not None:
        row |= {
            "receiver_latitude": str(coordinates.latitude),
            "receiver_longitude": str(coordinates.longitude),
            "receiver_elevation_m": ""
            if np.isnan(coordinates.elevation_m)
            else str(coordinates.elevation_m),
        }
    return row


def _event_row(
    onset: Onset, window: RecordWindow, waveform: np.ndarray, stations: Stations
) -> dict[str, str]:
    """Return the columns of an event: picks, source, SNR, coda end and distances."""
    p = (onset.p - window.start) / NANO_PER_SAMPLE
    s = float("nan") if onset.s is None else (onset.s - window.start) / NANO_PER_SAMPLE
    # STEAD's SNR and coda are those of its band, whatever band the samples have.
    filtered = filter_band(waveform)
    row = dict(onset.row) | {
        "p_arrival_sample": sample_text(p),
        "s_arrival_sample": "" if onset.s is None else sample_text(s),
        "snr_db": bracketed(snr_db(filtered, p, s)),
        "coda_end_sample": coda_text(coda_end(filtered, p, s)),
        "trace_category": EVENT,
    }
    return row | _travel_time(onset) | _distances(onset, stations)


def _travel_time(onset: Onset) -> dict[str, str]:
    text = onset.row["source_origin_time"]
    if not is_known(text):
        return {}
    seconds = (onset.p - parse_nanoseconds(text)) / NANO
    return {"p_travel_sec": str(round(seconds, 3))}


def _distances(onset: Onset, stations: Stations) -> dict[str, str]:
    coordinates = stations.get((onset.network, onset.station))
    source = tuple(parse_cell(onset.row[f"source_{axis}"]) for axis in ("latitude", "longitude"))
    if coordinates is None or np.isnan(source).any():
        return {}
    measured = distance_and_azimuth(
        (source[0], source[1]), (coordinates.latitude, coordinates.longitude)
    )
    return {column: str(value) for column, value in measured.items()}


def iter_quiet_starts(
    segments: Sequence[Segment], pick_times: np.ndarray, station: str, seed: int
) -> Iterator[int]:
    """List windows far from all picks, in an order that follows from seed, station and time alone.

    Parameters
    ----------
    segments
        The records of one instrument.
    pick_times
        The times of all picks, in ns, ascending.
    station
        Name of the station, part of the key of the order.
    seed
        Seed of the order.

    Yields
    ------
    int
        Start of a window in ns since 1970. Windows do not overlap.
    """
    # Whole minutes of the day: candidates do not depend on where a file happens to begin. A
    # segment ends at the time of its last sample, so 20 ms are added for the interval after it.
    candidates = {
        number * WINDOW_NS
        for segment in segments
        for number in range(-(-segment.start // WINDOW_NS), (segment.end + NANO // 50) // WINDOW_NS)
    }
    starts = np.array(sorted(candidates), dtype=np.int64)
    first = np.searchsorted(pick_times, starts - AFTER_PICK_S * NANO)
    last = np.searchsorted(pick_times, starts + WINDOW_NS + BEFORE_PICK_S * NANO)
    free = starts[first == last]
    for index in shuffled_order([f"{station}.{start}" for start in free], seed, "noise"):
        yield int(free[index])


def is_quiet(waveform: np.ndarray) -> bool:
    """Return whether no component of a waveform (6000, 3) has an onset or a decay, in 1 to 45 Hz.

    A waveform without any live component is not noise, so this is false for it.
    """
    live = waveform[:, np.ptp(waveform, axis=0) > 0]
    if not live.shape[1]:
        return False
    filtered = filter_band(live)
    # Ten seconds each: coda of an earthquake before the record decays over them.
    power = np.mean(filtered.reshape(-1, LTA_SAMPLES, live.shape[1]) ** 2, axis=1)
    if (power.max(axis=0) > MAX_POWER_RATIO * power.min(axis=0)).any():
        return False
    ratios = [
        classic_sta_lta(np.ascontiguousarray(component), STA_SAMPLES, LTA_SAMPLES)
        for component in filtered.T
    ]
    return max(ratio.max() for ratio in ratios) <= MAX_STA_LTA
