"""Continuous records made by code, and a stand-in for a network that finds their bursts."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from obspy import Stream, Trace, UTCDateTime
from scipy.ndimage import uniform_filter1d

from eqt.probabilities import BATCH_SIZE, Probabilities

RATE = 100.0
S_MINUS_P = 4.0
"""Seconds from P to S of each earthquake."""


def earthquake_times(start: str, *seconds: float) -> list[float]:
    """Return times of P in s since 1970."""
    return [UTCDateTime(start).timestamp + second for second in seconds]


def samples(
    start: float,
    n_samples: int,
    p_times: Iterable[float],
    component: str,
    rate: float = RATE,
    seed: int = 0,
) -> np.ndarray:
    """Make noise with a burst at P on Z and one at S on N and E, in counts.

    A burst lasts 0.2 s, at low rates longer. The noise is a function of the time of each sample, so
    that records that overlap are equal.
    """
    times = start + np.arange(n_samples) / rate
    ground = 20 * noise(times, rate, component, seed)
    for p in p_times:
        burst_time = p if component == "Z" else p + S_MINUS_P
        near = np.abs(times - burst_time) < 2
        lag = times[near] - burst_time
        # Long enough for low rates: a burst of a few samples is taken for a spike.
        frequency, width = min(9, rate / 5), max(0.1, 6 / rate)
        ground[near] += 5e3 * np.exp(-((lag / width) ** 2)) * np.sin(2 * np.pi * frequency * lag)
    return ground.round()


def noise(times: np.ndarray, rate: float, component: str, seed: int) -> np.ndarray:
    """Return noise that depends on the time alone."""
    numbers = np.round(times * rate).astype(np.int64)
    blocks = numbers // 10_000
    starts = np.flatnonzero(np.diff(blocks, prepend=blocks[0] - 1))
    values = np.empty(len(times))
    for start, after in pairwise([*starts.tolist(), len(times)]):
        block = int(blocks[start])
        rng = np.random.default_rng([seed, "ENZ".index(component), block % 2**32])
        values[start:after] = rng.normal(size=10_000)[numbers[start:after] - block * 10_000]
    return values


def record(
    start: str | UTCDateTime,
    seconds: float,
    p_times: Sequence[float] = (),
    channels: Mapping[str, str] | str = "HH",
    rate: float = RATE,
    codes: str = "XX.ABC.",
    seed: int = 0,
) -> Stream:
    """Make the three components of one instrument.

    Parameters
    ----------
    channels
        Channel code by component, or the first letters of all three.
    codes
        Network, station and location.
    """
    if isinstance(channels, str):
        channels = {component: channels + component for component in "ENZ"}
    begin = UTCDateTime(start)
    network, station, location = codes.split(".")
    return Stream(
        Trace(
            samples(begin.timestamp, round(seconds * rate), p_times, component, rate, seed),
            {
                "network": network,
                "station": station,
                "location": location,
                "channel": channel,
                "sampling_rate": rate,
                "starttime": begin,
            },
        )
        for component, channel in channels.items()
    )


def write_mseed(stream: Stream, path: Path) -> Path:
    """Write a Stream as miniSEED of 32-bit integers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = Stream(Trace(trace.data.astype(np.int32), trace.stats) for trace in stream)
    whole.write(str(path), format="MSEED")
    return path


def envelope_network(waveforms: np.ndarray, windows: Sequence[int]) -> Probabilities:
    """Stand in for a network: P is where Z has a burst, S where N or E have one.

    The envelope of a burst has its peak at the time of the arrival.
    """
    assert waveforms.shape == (BATCH_SIZE, 6000, 3)
    assert len(windows) <= BATCH_SIZE
    # A window is normalised by its own standard deviation: the squares are comparable.
    power = np.ascontiguousarray(waveforms.transpose(0, 2, 1)) ** 2
    for _ in range(2):
        power = uniform_filter1d(power, 15, axis=-1, mode="constant")
    # Noise has a power of about 1, and no probability.
    p, s = (
        excess / (excess + 40)
        for excess in (np.maximum(power[:, 2] - 8, 0), np.maximum(power[:, :2].max(axis=1) - 8, 0))
    )
    either = np.maximum(p, s) > 0.3
    detection = np.minimum(uniform_filter1d(either.astype(np.float32), 801) * 100, 0.9)
    return Probabilities(np.stack([detection, p, s], axis=-1).astype(np.float32))


def predict_station(station: str):
    """Stand in for `eqt.probabilities.window_predictor`."""
    return envelope_network
