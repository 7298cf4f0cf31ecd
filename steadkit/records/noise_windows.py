"""Noise windows of a record: far from every pick, without onsets and without decay."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from obspy.signal.trigger import classic_sta_lta

from steadkit.records.archive import NANO, Segment
from steadkit.records.measure import filter_band
from steadkit.sampling import shuffled_order
from steadkit.schema import N_SAMPLES, SAMPLING_RATE

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
    power = np.mean(filtered.reshape(-1, LTA_SAMPLES, live.shape[1]) ** 2, axis=1)
    if (power.max(axis=0) > MAX_POWER_RATIO * power.min(axis=0)).any():
        return False
    ratios = [
        classic_sta_lta(np.ascontiguousarray(component), STA_SAMPLES, LTA_SAMPLES)
        for component in filtered.T
    ]
    return max(ratio.max() for ratio in ratios) <= MAX_STA_LTA
