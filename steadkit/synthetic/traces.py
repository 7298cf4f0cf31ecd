"""Complete traces: seismograms with noise, the issues that real data have, and STEAD's columns.

Values are written as in STEAD; unknown ones are ``''``.
"""

import datetime
import itertools
import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from steadkit.records.measure import amplitude_levels
from steadkit.records.text import SUFFIX
from steadkit.schema import COLUMNS, EVENT, N_SAMPLES, NOISE, SAMPLING_RATE
from steadkit.synthetic import seismicity, stations, velocity
from steadkit.synthetic.ambient import ambient
from steadkit.synthetic.seismicity import Path, Quake
from steadkit.synthetic.stations import EARTH_KM, Station
from steadkit.synthetic.waves import seismogram

EVENT_TAG: Final = 2
NOISE_TAG: Final = 3
"""Tags of the random streams of the traces; each trace has its own generator."""

P_SAMPLES: Final = (400, 900)
"""First and last sample of P. In STEAD P is on an integer second; not here."""

SNR_WINDOW: Final = 300
MIN_SNR_DB: Final = 0.0
"""Minimum mean SNR of the components; below it an analyst would not have picked the trace."""

MAX_COUNTS: Final = 2**23
"""Counts at which a 24-bit digitizer clips; below it float32 holds every integer."""

DEAD_CHANCE: Final = 0.04
COPY_CHANCE: Final = {"event": 0.015, "noise": 0.03}
AFTERSHOCK_CHANCE: Final = 0.04
"""Probability of dead components, of copied ones, and of a second event if it fits."""

BEGINNING: Final = datetime.datetime(2003, 1, 1)
"""Start of the catalogue; its slots end with 2022."""

FIRST_ID: Final = 10_000_000

MECHANISM_FROM: Final = 3.0
"""Magnitude from which the catalogue has mechanisms."""


def earthquakes(count: int, seed: int = 0) -> Iterator[tuple[dict[str, object], np.ndarray]]:
    """Simulate event traces, each earthquake recorded by several stations.

    Parameters
    ----------
    count
        Number of traces. A larger count begins with the same ones.
    seed
        Seed of the stations, the earthquakes and every trace.

    Yields
    ------
    row
        The 35 columns of `steadkit.schema.COLUMNS`, in their order.
    waveform
        Whole counts as float32, ``(6000, 3)``: E, N, Z.

    Examples
    --------
    >>> row, waveform = next(earthquakes(1))
    >>> row["trace_name"], row["source_magnitude_type"], waveform.shape
    ('GKR1.X4_20030101000114_EV', 'ml', (6000, 3))
    """
    return itertools.islice(_recordings(seed), count)


def noise(count: int, seed: int = 0) -> Iterator[tuple[dict[str, object], np.ndarray]]:
    """Simulate noise traces of the same stations.

    Parameters
    ----------
    count
        Number of traces. A larger count begins with the same ones.
    seed
        Seed of the stations and every trace.

    Yields
    ------
    row
        The 35 columns of `steadkit.schema.COLUMNS`, those of source and arrivals empty.
    waveform
        Whole counts as float32, ``(6000, 3)``: E, N, Z.

    Examples
    --------
    >>> row, waveform = next(noise(1))
    >>> row["trace_name"], row["source_id"]
    ('YYD8.X4_20030101000752_NO', '')
    """
    return (_noise_trace(seed, number) for number in range(count))


def _recordings(seed: int) -> Iterator[tuple[dict[str, object], np.ndarray]]:
    for number in itertools.count():
        quake = seismicity.quake(seed, number)
        for index, path in enumerate(quake.paths):
            rng = np.random.default_rng([seed, EVENT_TAG, number, index])
            yield from _event_trace(quake, path, rng)


def _event_trace(
    quake: Quake, path: Path, rng: np.random.Generator
) -> list[tuple[dict[str, object], np.ndarray]]:
    """Return the trace of an earthquake at a station, or none if its SNR is too low."""
    p_sample = int(rng.integers(P_SAMPLES[0], P_SAMPLES[1] + 1))
    waves, s_sample = seismogram(quake, path, p_sample, rng)
    background = ambient(path.station, _hour(quake.origin, path.station), picked=True, rng=rng)
    coda_end = _coda_end(waves, background, s_sample)
    counts = _digitize(waves + background + _aftershock(quake, path, coda_end, rng))
    counts = _silence_components(_copy_vertical(counts, COPY_CHANCE["event"], rng), rng)
    snr = _snr_db(counts, p_sample, s_sample)
    if snr[counts.any(axis=1)].mean() < MIN_SNR_DB:
        return []
    travel = round(velocity.travel_times(quake.depth_km, path.km)[0], 2)
    row = _event_row(quake, path, p_sample, travel, rng)
    row["s_arrival_sample"] = float(s_sample)
    row["snr_db"] = snr
    row["coda_end_sample"] = np.array([[float(coda_end)]])
    return [(row, counts.T.astype(np.float32))]


def _noise_trace(seed: int, number: int) -> tuple[dict[str, object], np.ndarray]:
    rng = np.random.default_rng([seed, NOISE_TAG, number])
    region = stations.network(seed, int(rng.integers(len(stations.REGIONS))))
    station = region[int(rng.integers(len(region)))]
    # In the second half of a slot, after the coda of the earthquake in its first half.
    start = seismicity.start_of_slot(number) + 300 + round(rng.uniform(0, 200), 2)
    background = ambient(station, _hour(start, station), picked=False, rng=rng)
    counts = _copy_vertical(_digitize(background), COPY_CHANCE["noise"], rng)
    return _trace_columns(station, start, NOISE), counts.T.astype(np.float32)


def _hour(seconds: float, station: stations.Station) -> float:
    """Return the local solar hour at a station."""
    return (seconds / 3600 + station.longitude / 15) % 24


def _snr_db(counts: np.ndarray, p_sample: int, s_sample: int) -> np.ndarray:
    """Return STEAD's SNR of each row of ``counts``; a dead component has 0."""
    levels = amplitude_levels(counts.T, p_sample, s_sample, SNR_WINDOW)
    # Half a count, the error of rounding, stands for the level of a component without any noise.
    noise, signal = np.maximum(levels, 0.5)
    return np.round(20 * np.log10(signal / noise), 1)


def _coda_end(waves: np.ndarray, background: np.ndarray, s_sample: int) -> int:
    """Return the sample at which the level of the waves falls below that of the noise."""
    seconds = (N_SAMPLES - s_sample) // 100
    blocks = waves[:, s_sample : s_sample + 100 * seconds].reshape(3, seconds, 100)
    power = np.mean(blocks**2, axis=2) / np.mean(background**2, axis=1)[:, None]
    level = np.sqrt(power.mean(axis=0))
    above = np.flatnonzero(level > 1)
    last = int(above[-1]) if len(above) else 0
    if last == seconds - 1:
        return N_SAMPLES - 1
    # Interpolate the level exponentially between the middles of two seconds.
    fraction = math.log(max(level[last], 1)) / math.log(max(level[last], 1) / level[last + 1])
    return min(s_sample + round(100 * (last + 0.5 + fraction)), N_SAMPLES - 1)


def _aftershock(quake: Quake, path: Path, coda_end: int, rng: np.random.Generator) -> np.ndarray:
    """Return the waves of an aftershock that the row does not list, or zeros."""
    first, last = coda_end + 200, N_SAMPLES - 1000
    if rng.uniform() >= AFTERSHOCK_CHANCE or first >= last:
        return np.zeros((3, N_SAMPLES))
    smaller = quake._replace(magnitude=quake.magnitude - rng.uniform(0, 0.6))
    return seismogram(smaller, path, int(rng.integers(first, last)), rng)[0]


def _digitize(counts: np.ndarray) -> np.ndarray:
    """Round to integer counts, which removes platform differences in the last bits of the FFT."""
    return np.clip(np.rint(counts), -MAX_COUNTS, MAX_COUNTS)


def _copy_vertical(counts: np.ndarray, chance: float, rng: np.random.Generator) -> np.ndarray:
    """Copy the vertical component to all three at random, as of a one-component station."""
    return np.repeat(counts[2:], 3, axis=0) if rng.uniform() < chance else counts


def _silence_components(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Set one or two components to zero at random."""
    if rng.uniform() >= DEAD_CHANCE:
        return counts
    dead = rng.permutation(3)[: rng.integers(1, 3)]
    return np.where(np.isin(np.arange(3), dead)[:, None], 0.0, counts)


def _event_row(
    quake: Quake, path: Path, p_sample: int, travel: float, rng: np.random.Generator
) -> dict[str, object]:
    """Return the row of an event trace without the measured columns: S, SNR and coda end."""
    start = round(quake.origin + travel - p_sample / SAMPLING_RATE, 2)
    row = _trace_columns(path.station, start, EVENT)
    row.update(p_arrival_sample=float(p_sample), p_travel_sec=travel)
    return (
        row
        | _pick_columns("p", rng)
        | _pick_columns("s", rng)
        | _source_columns(quake)
        | _path_columns(path)
    )


def _trace_columns(station: Station, start: float, category: str) -> dict[str, object]:
    """Return a row, empty but for the trace, which starts ``start`` seconds after `BEGINNING`."""
    row: dict[str, object] = dict.fromkeys(COLUMNS, "")
    moment = BEGINNING + datetime.timedelta(seconds=start)
    row.update(
        network_code=station.network,
        receiver_code=station.code,
        receiver_type=station.kind,
        receiver_latitude=station.latitude,
        receiver_longitude=station.longitude,
        receiver_elevation_m=station.elevation_m,
        trace_start_time=moment.strftime("%Y-%m-%d %H:%M:%S.%f"),
        trace_category=category,
        trace_name=f"{station.code}.{station.network}_{moment:%Y%m%d%H%M%S}_{SUFFIX[category]}",
    )
    return row


def _pick_columns(wave: str, rng: np.random.Generator) -> dict[str, object]:
    status = "manual" if rng.uniform() < 0.7 else "autopicker"
    return {f"{wave}_status": status, f"{wave}_weight": round(rng.uniform(0.5, 0.8), 2)}


def _source_columns(quake: Quake) -> dict[str, object]:
    origin = BEGINNING + datetime.timedelta(seconds=quake.origin)
    mechanism = "None"
    if quake.magnitude >= MECHANISM_FROM:
        mechanism = f"[{' '.join(map(str, quake.mechanism))}]"
    # The azimuthal gap is the widest angle at the source without a station. The uncertainty grows
    # with it, and falls with the number of stations.
    azimuths = np.sort([path.azimuth for path in quake.paths])
    gap = float(np.diff(azimuths, append=azimuths[0] + 360).max())
    uncertainty = (0.5 + gap / 360) / math.sqrt(len(quake.paths))
    return {
        "source_id": str(FIRST_ID + quake.number),
        "source_origin_time": origin.strftime("%Y-%m-%d %H:%M:%S.%f")[:-4],
        "source_origin_uncertainty_sec": round(0.6 * uncertainty, 2),
        "source_latitude": quake.latitude,
        "source_longitude": quake.longitude,
        "source_error_sec": round(0.8 * uncertainty, 4),
        "source_gap_deg": round(gap, 3),
        "source_horizontal_uncertainty_km": round(2.5 * uncertainty, 4),
        "source_depth_km": quake.depth_km,
        "source_depth_uncertainty_km": round(1.5 * uncertainty, 2),
        "source_magnitude": quake.magnitude,
        "source_magnitude_type": "ml",
        "source_magnitude_author": "SYN",
        "source_mechanism_strike_dip_rake": mechanism,
    }


def _path_columns(path: Path) -> dict[str, object]:
    return {
        "source_distance_deg": round(math.degrees(path.km / EARTH_KM), 2),
        "source_distance_km": round(path.km, 2),
        "back_azimuth_deg": round(path.back_azimuth, 1) % 360,
    }
