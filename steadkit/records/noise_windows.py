"""Where a record holds nothing but noise: far from every pick, without onsets and without decay."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from obspy.signal.trigger import classic_sta_lta

from steadkit.records.archive import NANO, Segment
from steadkit.records.measure import filter_band
from steadkit.sampling import shuffled
from steadkit.schema import N_SAMPLES, SAMPLING_RATE

AFTER_PICK_S: Final = 300
BEFORE_PICK_S: Final = 30
"""Seconds that noise keeps away from any pick of any station."""

WINDOW_NS: Final = int(N_SAMPLES / SAMPLING_RATE * NANO)
STA_SAMPLES, LTA_SAMPLES = 100, 1000
"""Samples of the windows that are compared: one second and the ten before."""

MAX_STA_LTA: Final = 5.0
"""Of the power in one second to that in the ten before; steady noise stays under two, gusts and
traffic reach four, and of simulated earthquakes one in a hundred stays below this."""

MAX_POWER_RATIO: Final = 10.0
"""Of the power in the loudest ten seconds to that in the quietest: coda that dies away has more."""


def iter_quiet_starts(
    segments: Sequence[Segment], picked: np.ndarray, station: str, seed: int
) -> Iterator[int]:
    """List minutes far from all picks, in an order that follows from seed, station and time alone.

    Parameters
    ----------
    segments
        The records of one instrument.
    picked
        The times of all picks, in ns, ascending.
    station
        Names the station.
    seed
        Selects the order.

    Yields
    ------
    int
        When a minute begins, in ns since 1970. Minutes do not overlap.
    """
    # On whole minutes of the day, so that they do not depend on where a file happens to begin.
    minutes = {
        number * WINDOW_NS
        for segment in segments
        for number in range(-(-segment.start // WINDOW_NS), (segment.end + NANO // 50) // WINDOW_NS)
    }
    starts = np.array(sorted(minutes), dtype=np.int64)
    first = np.searchsorted(picked, starts - AFTER_PICK_S * NANO)
    last = np.searchsorted(picked, starts + WINDOW_NS + BEFORE_PICK_S * NANO)
    free = starts[first == last]
    for index in shuffled([f"{station}.{start}" for start in free], seed, "noise"):
        yield int(free[index])


def is_quiet(waveform: np.ndarray) -> bool:
    """Tell whether no component of a waveform (6000, 3) has an onset or a decay, in 1 to 45 Hz.

    A waveform without any live component is not quiet but dead.
    """
    live = waveform[:, np.ptp(waveform, axis=0) > 0]
    if not live.shape[1]:
        return False
    filtered = filter_band(live)
    power = np.mean(filtered.reshape(-1, LTA_SAMPLES, live.shape[1]) ** 2, axis=1)
    if (power.max(axis=0) > MAX_POWER_RATIO * power.min(axis=0)).any():
        return False
    ratios = [
        classic_sta_lta(np.ascontiguousarray(one), STA_SAMPLES, LTA_SAMPLES) for one in filtered.T
    ]
    return max(ratio.max() for ratio in ratios) <= MAX_STA_LTA
