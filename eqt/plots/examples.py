"""Traces with their arrivals, and the probabilities of a network."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from eqt.plots.style import COLOURS, TITLES
from steadkit.labels import TARGETS
from steadkit.plots.style import styled
from steadkit.plots.trace import draw_components
from steadkit.schema import N_SAMPLES, SAMPLING_RATE


@styled
def examples(
    names: Sequence[str],
    waveforms: np.ndarray,
    probabilities: np.ndarray,
    p: np.ndarray,
    s: np.ndarray,
) -> Figure:
    """Draw traces with their arrivals on the left, and the network's probabilities on the right.

    Parameters
    ----------
    names
        Titles of the traces.
    waveforms
        Shape (traces, 6000, 3), normalised.
    probabilities
        Shape (traces, 6000, 3): detection, P and S.
    p, s
        Arrivals in samples, shape (traces,) or (traces, earthquakes), NaN where there is none.
    """
    figure = Figure(figsize=(11, 2.6 * len(names)), layout="constrained")
    grid = figure.subplots(len(names), 2, squeeze=False, sharex=True)
    seconds = np.arange(N_SAMPLES) / SAMPLING_RATE
    for row, (left, right) in enumerate(grid):
        draw_components(left, seconds, waveforms[row], 2 * max(np.abs(waveforms[row]).max(), 1e-9))
        left.set_xlim(seconds[0], seconds[-1])
        left.set_title(names[row], loc="left")
        for column, name in enumerate(TARGETS):
            right.plot(
                seconds,
                probabilities[row, :, column],
                color=COLOURS[name],
                label=TITLES[name],
                linewidth=1.0,
            )
        right.set_ylim(-0.02, 1.05)
        right.set_ylabel("probability")
        for ax in (left, right):
            for arrivals, name in ((p[row], "picker_P"), (s[row], "picker_S")):
                for arrival in np.atleast_1d(arrivals)[~np.isnan(np.atleast_1d(arrivals))]:
                    ax.axvline(
                        arrival / SAMPLING_RATE, color=COLOURS[name], linestyle=":", linewidth=1.2
                    )
    grid[0, 1].legend(ncols=3, loc="upper right")
    for ax in grid[-1]:
        ax.set_xlabel("time (s); dotted: P and S as catalogued")
    return figure
