"""Figures of attention: matrices under the waveforms, means, and parameters."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from eqt.visualize.activations import SECONDS_FROM_P, MeanAttention, mean_received
from eqt.visualize.figures.panels import (
    DIVERGING,
    INCHES_A_TRACE,
    PHASES,
    TICKS,
    colour_bar,
    draw_arrivals,
    draw_signed,
    draw_waveform,
    figure_heading,
    panel_grid,
    rows_of_columns,
)
from eqt.visualize.time_axis import LayerSteps
from eqt.visualize.traces import SelectedTraces, arrivals, caption
from steadkit.plots.style import BLACK, BLUE, GREY, ORANGE, show_message, styled
from steadkit.plots.trace import Row
from steadkit.schema import N_SAMPLES, SAMPLING_RATE

MATRIX = "viridis"

END = N_SAMPLES / SAMPLING_RATE


@styled
def attention_figure(
    name: str,
    label: str,
    shown: SelectedTraces,
    weights: np.ndarray,
    steps: LayerSteps,
    top: float,
) -> Figure:
    """Draw a layer's attention for some traces side by side.

    Under each waveform are the weights of the steps of P and S over time, and the mean over all
    steps; below, the matrix a(t, t') of each head, with the attending time t downwards and the
    attended time t' to the right.

    Parameters
    ----------
    name, label
        The layer, and its type.
    shown
        The traces.
    weights
        Shape (traces, heads, steps, steps).
    steps
        Time axis of the steps.
    top
        End of the colour scale.
    """
    lines = rows_of_columns(len(shown.names))
    heads = weights.shape[1]
    heights = [0.85, 0.7, *[INCHES_A_TRACE] * heads]
    figure, axes = panel_grid(len(lines[0]), heights * len(lines), margins=(0.75, 0.75, 0.62, 0.45))
    text = "each row of a matrix is a step that attends; lines: what single steps attend to, and"
    figure_heading(figure, f"{name}: {label}", f"{text} the mean over all steps")
    # One scale for the curves of all traces.
    highest = max(
        float(curve.max())
        for trace_weights, row in zip(weights, shown.rows, strict=True)
        for *_, curve in _curves(trace_weights, row, steps)
    )
    for number, line in enumerate(lines):
        block = axes[number * len(heights) : (number + 1) * len(heights)]
        for column, index in enumerate(line):
            if index is None:
                for ax in block[:, column]:
                    ax.set_axis_off()
                continue
            image = _column(block[:, column], shown, index, weights[index], steps, top)
            block[1, column].set_ylim(0, highest * 1.1)
        last = sum(index is not None for index in line) - 1
        colour_bar(block[2, last], image, "weight", 0.6)
        _finish(block)
    return figure


def _column(
    axes: np.ndarray,
    shown: SelectedTraces,
    index: int,
    weights: np.ndarray,
    steps: LayerSteps,
    top: float,
) -> AxesImage:
    """Draw one trace: waveform, weights over time, and the matrices."""
    row = shown.rows[index]
    draw_waveform(axes[0], shown.waveforms[index], row)
    axes[0].set_title(caption(row), size=7, pad=2)
    for label, colour, line, curve in _curves(weights, row, steps):
        axes[1].step(steps.seconds, curve, where="mid", color=colour, ls=line, lw=1, label=label)
    for ax, head_weights in zip(axes[2:], weights, strict=True):
        image = matrix(ax, head_weights, steps, top, row)
    return image


def _curves(
    weights: np.ndarray, row: Row, steps: LayerSteps
) -> list[tuple[str, str, str, np.ndarray]]:
    """Return the curves above the matrices: label, colour, line style, and weights of each step."""
    over_heads = weights.mean(axis=0)
    curves = [("mean", BLACK, "-", mean_received(weights))]
    if not arrivals(row):
        # Noise has no arrivals: the step in the middle stands for any.
        middle = over_heads[steps.nearest(N_SAMPLES / 2)]
        curves.append((f"of {END / 2:g} s", GREY, "--", middle))
    for phase, sample in arrivals(row).items():
        curves.append((f"of {phase}", *PHASES[phase], over_heads[steps.nearest(sample)]))
    return curves


def matrix(
    ax: Axes, weights: np.ndarray, steps: LayerSteps, top: float, row: Row | None = None
) -> AxesImage:
    """Draw a matrix a(t, t'), both axes in seconds; time runs down and to the right."""
    begin, end = steps.span
    # Begin and end of the steps, not their middles: imshow's extent is that of the pixels' edges.
    image = ax.imshow(
        weights,
        aspect="auto",
        interpolation="nearest",
        cmap=MATRIX,
        vmin=0,
        vmax=top,
        extent=(begin, end, end, begin),
    )
    if row is not None:
        draw_arrivals(ax, row, halo=True)
        draw_arrivals(ax, row, halo=True, upright=False)
    ax.set(xlim=(0, END), ylim=(END, 0))
    ax.set_xticks(TICKS)
    ax.set_yticks(TICKS)
    return image


def _finish(block: np.ndarray) -> None:
    """Name the axes of a block of panels, shape (rows, columns)."""
    for ax in block[:2].ravel():
        ax.set_xlim(0, END)
        ax.set_xticks(TICKS)
    for ax in block[:-1].ravel():
        ax.tick_params(axis="x", labelbottom=False)
    for ax in block[:, 1:].ravel():
        ax.tick_params(axis="y", labelleft=False)
    for ax in block[-1]:
        ax.set_xlabel("attended to (s)")
    block[1, 0].set_ylabel("weight")
    block[1, 0].legend(fontsize=6, loc="upper right", handlelength=1.2, labelspacing=0.2)
    for number, ax in enumerate(block[2:, 0]):
        head_label = f", head {number}" if len(block) > 3 else ""
        ax.set_ylabel(f"attends (s){head_label}")


@styled
def average_figure(means_by_layer: Mapping[str, MeanAttention], steps: LayerSteps) -> Figure:
    """Draw the mean attention of each layer: events, noise, difference, and relative to P.

    Parameters
    ----------
    means_by_layer
        Mean attention by layer name.
    steps
        Time axis of the steps of all layers.
    """
    size = 2.3
    figure, axes = panel_grid(
        4, [size] * len(means_by_layer), size, (1.1, 0.35, 0.75, 0.45), gaps=(0.95, 0.3)
    )
    events, noise = next(iter(means_by_layer.values())).counts
    text = f"the mean over {events} events and {noise} noise traces, and over the heads"
    figure_heading(figure, "Mean attention", f"{text}; rows: seconds that attend")
    titles = ("events", "noise", "events less noise", "received, by seconds after P")
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, size=8)
    for line, (name, average) in zip(axes, means_by_layer.items(), strict=True):
        _average(line, name, average, steps)
    for ax in axes[-1, :3]:
        ax.set_xlabel("attended to (s)")
    axes[-1, 3].set_xlabel("seconds after P")
    return figure


def _average(line: np.ndarray, name: str, average: MeanAttention, steps: LayerSteps) -> None:
    means = [average.events.mean(axis=0), average.noise.mean(axis=0)]
    # One of the two means is NaN where the data have no events, or no noise.
    known_means = [mean for mean in means if np.isfinite(mean).all()]
    top = max(float(mean.max()) for mean in known_means) if known_means else 1.0
    for ax, mean in zip(line, means, strict=False):
        if np.isfinite(mean).all():
            colour_bar(ax, matrix(ax, mean, steps, top), "", 0.8)
        else:
            show_message(ax, "none in this set")
    if len(known_means) == 2:
        difference = means[0] - means[1]
        size = float(np.abs(difference).max()) or 1.0
        image = matrix(line[2], difference, steps, size)
        image.set(cmap=DIVERGING, clim=(-size, size))
        colour_bar(line[2], image, "", 0.8)
    else:
        show_message(line[2], "needs both")
    _draw_around_p(line[3], average, steps.count)
    line[0].set_ylabel(f"{name}\nattends (s)")


def _draw_around_p(ax: Axes, average: MeanAttention, count: int) -> None:
    """Draw the attention received around P: median and interquartile range of the events."""
    ax.axhline(1 / count, color=GREY, linestyle=":", linewidth=0.9, label="evenly")
    ax.axvline(0, color=BLUE, linewidth=0.8)
    if len(average.about_p):
        # At the edges no event may reach so far from its P.
        known = np.isfinite(average.about_p).any(axis=0)
        lower, middle, upper = np.nanpercentile(average.about_p[:, known], (25, 50, 75), axis=0)
        ax.fill_between(SECONDS_FROM_P[known], lower, upper, color=ORANGE, alpha=0.35, linewidth=0)
        ax.plot(SECONDS_FROM_P[known], middle, color=BLACK, linewidth=1.1, label="median event")
    ax.set(xlim=(SECONDS_FROM_P[0], SECONDS_FROM_P[-1]), ylim=(0, None))
    ax.legend(fontsize=6)


@styled
def parameters_figure(name: str, weights: Mapping[str, np.ndarray]) -> Figure:
    """Draw the parameters of an attention layer: matrices as images, vectors as bars.

    Parameters
    ----------
    name
        Name of the layer.
    weights
        Parameters by name, ``Wt`` for example; empty for dot-product attention.
    """
    panels = {key: value for key, value in weights.items() if value.size > 1}
    figure, axes = panel_grid(
        max(len(panels), 1), [2.2], 2.2, margins=(0.6, 0.6, 0.75, 0.5), gaps=(0.75, 0)
    )
    single = [f"{key} = {value.item():.4g}" for key, value in weights.items() if value.size == 1]
    figure_heading(figure, f"{name}: parameters", ", ".join(single))
    if not panels:
        show_message(axes[0, 0], "this attention has no parameters")
    for ax, (key, value) in zip(axes[0], panels.items(), strict=False):
        _parameter(ax, key, np.squeeze(value))
    return figure


def _parameter(ax: Axes, key: str, value: np.ndarray) -> None:
    ax.set_title(f"{key}, {' x '.join(map(str, value.shape))}", size=8)
    if value.ndim == 1:
        ax.bar(np.arange(len(value)), value, color=BLUE, width=0.8)
        ax.axhline(0, color=GREY, linewidth=0.5)
        ax.set_xlabel("hidden unit")
        return
    size = float(np.abs(value).max()) or 1.0
    colour_bar(ax, draw_signed(ax, value, size), "", 0.8)
    ax.set(xlabel="hidden unit", ylabel="channel")
