"""Examples whose arrivals are spikes, so that a test can see where in the waveform they lie."""

from math import nan

import numpy as np
from hypothesis import strategies as st

from steadkit.example import Example

HEIGHT = 1000.0
COUNT = 6000
STRONG = np.array([20.0, 21.0, 22.5])


def spiky(
    *events: tuple[float, float], coda_end: float = nan, snr_db: np.ndarray = STRONG
) -> Example:
    """Make a silent trace with a spike on all components at each arrival; read-only."""
    waveform = np.zeros((COUNT, 3), np.float32)
    for arrival in np.array(events).ravel():
        if not np.isnan(arrival):
            waveform[round(arrival)] = HEIGHT
    waveform.flags.writeable = False
    p, s = zip(*events, strict=True) if events else ((), ())
    return Example(waveform, p, s, coda_end, snr_db if events else np.full(3, np.nan))


def rough(seed: int, *events: tuple[float, float], **options: object) -> Example:
    """Make a trace of Gaussian noise with such spikes, read-only."""
    example = spiky(*events, **options)
    waveform = example.waveform + np.random.default_rng(seed).standard_normal(
        (COUNT, 3), np.float32
    )
    waveform.flags.writeable = False
    return example.with_waveform(waveform)


def constant(waveform: np.ndarray) -> np.ndarray:
    """Tell which samples equal their neighbour in all components, as in a gap that was filled."""
    same = (np.diff(waveform, axis=0) == 0).all(axis=1)
    return np.append(same, False) | np.append(False, same)


def loudness(waveform: np.ndarray) -> np.ndarray:
    """Measure the amplitude of each sample over all components, which no rotation changes."""
    return np.sqrt((waveform.astype(float) ** 2).sum(axis=1))


def arrivals(example: Example) -> list[float]:
    """List the arrivals inside the window, in their order in time."""
    times = [time for time in example.p + example.s if -0.5 <= time < COUNT - 0.5]
    return sorted(times)


def assert_spikes_are_the_arrivals(example: Example) -> None:
    """Check that every arrival is at a spike, and every spike at an arrival."""
    loud = loudness(example.waveform)
    labelled = [round(time) for time in arrivals(example)]
    assert labelled, "a test that sees no arrival says nothing"
    spikes = np.flatnonzero(loud > loud[labelled].min() / 2)
    assert sorted(set(labelled)) == spikes.tolist()


def assert_well_formed(example: Example) -> None:
    """Check what every augmentation owes, whatever it does."""
    assert example.waveform.shape == (COUNT, 3)
    assert example.waveform.dtype == np.float32
    assert example.waveform.flags.c_contiguous
    assert np.isfinite(example.waveform).all()
    assert len(example.p) == len(example.s)
    assert example.snr_db.shape == (3,)
    assert all(isinstance(time, float) for time in example.p + example.s)


generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@st.composite
def events(draw: st.DrawFn) -> Example:
    """Draw a trace with one event anywhere, with and without S, coda end and SNR."""
    p = draw(st.one_of(st.integers(0, COUNT - 1), st.sampled_from([0, 1, 5979, 5980, 5999])))
    p += draw(st.sampled_from([0.0, 0.0, 0.25, -0.25])) if 0 < p < COUNT - 1 else 0.0
    gap = draw(st.integers(5, 3000))
    s = float(p + gap) if p + gap <= COUNT - 1 and draw(st.booleans()) else nan
    last = p if np.isnan(s) else s
    # In quarters of a sample: what is less is lost when the event is moved, and ends come equal.
    quarters = st.integers(0, int(4 * (COUNT - 1 - last)))
    coda_end = draw(st.one_of(st.just(nan), quarters.map(lambda count: last + count / 4)))
    snr_db = draw(st.sampled_from([STRONG, STRONG, np.full(3, np.nan), np.array([5.0, 20, 20])]))
    return spiky((float(p), s), coda_end=coda_end, snr_db=snr_db)
