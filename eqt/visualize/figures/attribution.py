"""Figure of an attribution: integrated gradients of the samples, and occlusion."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eqt.plots import COLOURS, TITLES
from eqt.visualize.attribution import COLUMNS, Gradients, Occlusion
from eqt.visualize.figures.panels import (
    colour_bar,
    draw_arrivals,
    draw_signed,
    figure_heading,
    name_arrivals,
    panel_grid,
)
from eqt.visualize.traces import SelectedTraces, arrivals, caption
from steadkit.plots.style import BLACK, GREY, styled
from steadkit.plots.trace import Row
from steadkit.schema import COMPONENTS, N_SAMPLES, SAMPLING_RATE

BLOCK_SAMPLES = 20
"""Samples over which attributions are summed: neighbours of opposite sign would hide each other."""

END = N_SAMPLES / SAMPLING_RATE


@styled
def attribution_figure(
    output: str,
    sample: int,
    shown: SelectedTraces,
    index: int,
    probabilities: np.ndarray,
    gradients: Gradients,
    occlusion: Occlusion,
) -> Figure:
    """Draw the attribution of an output at a sample: the complete trace, and a close-up.

    Parameters
    ----------
    output, sample
        Output and sample of the probability.
    shown, index
        The traces, and the index of the one to draw.
    probabilities
        Of the output, shape (samples,).
    gradients, occlusion
        Results of `eqt.visualize.attribution`.
    """
    row = shown.rows[index]
    heights = [0.75] * len(COMPONENTS) + [1.0, 0.7]
    figure, axes = panel_grid(2, heights, 4.2, (0.75, 0.95, 0.82, 0.45), gaps=(0.2, 0.1))
    title = f"{caption(row)}: why {TITLES[output]} is {probabilities[sample]:.2f}"
    figure_heading(
        figure,
        f"{title} at {sample / SAMPLING_RATE:.2f} s",
        "colours behind the waveform: integrated gradients, red where it speaks for it and blue "
        f"where against it;\nthey add up to {gradients.change:+.3f} "
        f"({gradients.completeness_error:+.3f} off). "
        f"Below: by how much the probability falls\nwhen {occlusion.width:g} s are silenced.",
    )
    # Left the complete trace, right the same drawn again and only cut to another window.
    for column in axes.T:
        colours = _components(column, shown.waveforms[index], gradients.attributions)
        image = _occlusion(column[3], occlusion)
        _probability(column[4], output, probabilities, sample)
        for ax in column:
            draw_arrivals(ax, row, halo=True)
        name_arrivals(column[0], row)
        column[-1].set_xlabel("time (s)")
        for ax in column[:-1]:
            ax.tick_params(axis="x", labelbottom=False)
    for ax in axes[:, 1]:
        ax.set_ylabel("")
        ax.tick_params(axis="y", labelleft=False)
    window = _close_up(row, sample)
    for left, right in axes:
        left.set_xlim(0, END)
        right.set_xlim(*window)
    colour_bar(axes[1, 1], colours, f"share in {BLOCK_SAMPLES / SAMPLING_RATE:g} s", 2.0)
    colour_bar(axes[3, 1], image, "fall")
    return figure


def _close_up(row: Row, sample: int) -> tuple[float, float]:
    """Return start and end of the close-up in seconds: arrivals and pick, with a margin."""
    times = np.array([*arrivals(row).values(), sample]) / SAMPLING_RATE
    begin, end = float(times.min()), float(times.max())
    margin = 1.0 + 0.5 * (end - begin)
    return max(begin - margin, 0.0), min(end + margin, END)


def _components(axes: np.ndarray, waveform: np.ndarray, attributions: np.ndarray) -> object:
    padding = -len(attributions) % BLOCK_SAMPLES
    blocks = np.pad(attributions, ((0, padding), (0, 0))).reshape(-1, BLOCK_SAMPLES, 3)
    block_sums = blocks.sum(axis=1)
    size = float(np.abs(block_sums).max()) or 1.0
    highest = float(np.abs(waveform).max()) * 1.05 or 1.0
    seconds = np.arange(len(waveform)) / SAMPLING_RATE
    for number, component in enumerate(COMPONENTS):
        ax = axes[number]
        extent = (0, len(block_sums) * BLOCK_SAMPLES / SAMPLING_RATE, -highest, highest)
        image = draw_signed(ax, block_sums[np.newaxis, :, number], size, extent=extent)
        ax.plot(seconds, waveform[:, number], color=BLACK, linewidth=0.4)
        ax.set_ylabel(component)
        ax.set_yticks([])
    return image


def _occlusion(ax: Axes, occlusion: Occlusion) -> object:
    # Where nothing changes the scale must still have an extent.
    size = max(float(np.abs(occlusion.probability_drops).max()), 1e-12)
    middles = occlusion.seconds
    half = float(middles[1] - middles[0]) / 2 if len(middles) > 1 else occlusion.width / 2
    extent = (middles[0] - half, middles[-1] + half, len(COLUMNS) - 0.5, -0.5)
    image = draw_signed(ax, occlusion.probability_drops.T, size, extent=extent)
    ax.set_yticks(range(len(COLUMNS)), COLUMNS)
    ax.set_ylabel("silenced")
    return image


def _probability(ax: Axes, output: str, probabilities: np.ndarray, sample: int) -> None:
    seconds = np.arange(len(probabilities)) / SAMPLING_RATE
    ax.plot(seconds, probabilities, color=COLOURS[output], linewidth=1.0)
    ax.plot(sample / SAMPLING_RATE, probabilities[sample], "v", color=GREY, markersize=4)
    ax.set_ylim(0, 1.05)
    ax.set_ylabel("probability")
