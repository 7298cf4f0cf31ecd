"""Figures of feature maps, under the waveforms and on their time axis."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from eqt.plots import COLOURS
from eqt.visualize.figures.panels import (
    colour_bar,
    draw_image,
    draw_waveform,
    heading,
    limits_of,
    mark_arrivals,
    panel_grid,
    rows_of_columns,
    time_axis,
)
from eqt.visualize.time_axis import Steps
from eqt.visualize.traces import SelectedTraces, caption
from steadkit.plots.style import styled

WAVEFORM, CURVE = 0.85, 0.55
"""Inches of a waveform, and of one channel."""


def _inches(channels: int) -> float:
    """Return the height in inches of an image of n channels.

    >>> _inches(1), _inches(8), _inches(88)
    (0.55, 1.0, 2.0)
    """
    return CURVE if channels == 1 else float(np.clip(0.9 + channels / 80, 0.6, 2.2))


@styled
def maps_figure(
    name: str,
    label: str,
    shown: SelectedTraces,
    values: np.ndarray,
    steps: Steps,
    limits: tuple[float, float],
) -> Figure:
    """Draw one layer's output for some traces side by side, each under its waveform.

    Parameters
    ----------
    name, label
        The layer, and its type.
    shown
        The traces.
    values
        Shape (traces, steps, channels).
    steps
        Time axis of its steps.
    limits
        Ends of the colour scale, or of the axis where there is one channel.
    """
    lines = rows_of_columns(len(shown.names))
    channels = values.shape[2]
    figure, axes = panel_grid(len(lines[0]), [WAVEFORM, _inches(channels)] * len(lines))
    plural = "channels" if channels > 1 else "channel"
    heading(figure, f"{name}: {label}", f"{values.shape[1]} steps x {channels} {plural}")
    for number, line in enumerate(lines):
        pair = axes[2 * number : 2 * number + 2]
        for column, index in enumerate(line):
            upper, lower = pair[:, column]
            if index is None:
                upper.set_axis_off()
                lower.set_axis_off()
                continue
            row = shown.rows[index]
            draw_waveform(upper, shown.waveforms[index], row)
            upper.set_title(caption(row), size=7, pad=2)
            image = _draw_layer(lower, values[index], steps, limits)
            mark_arrivals(lower, row, halo=True)
        if image is not None:
            last = sum(index is not None for index in line) - 1
            colour_bar(pair[1, last], image, "output")
        time_axis(pair)
        pair[1, 0].set_ylabel("channel" if channels > 1 else "output")
    return figure


def _draw_layer(
    ax: Axes, values: np.ndarray, steps: Steps, limits: tuple[float, float]
) -> AxesImage | None:
    """Draw and return an image of the channels; a single channel is a curve, returned as None."""
    if values.shape[1] > 1:
        return draw_image(ax, values, steps, limits)
    ax.plot(steps.seconds, values[:, 0], color="black", linewidth=0.8)
    ax.set_ylim(limits[0] - 0.03 * limits[1], limits[1] * 1.03)
    return None


@styled
def overview_figure(
    shown: SelectedTraces, index: int, values: Mapping[str, np.ndarray], steps: Mapping[str, Steps]
) -> Figure:
    """Draw the outputs of layers for one trace, a strip per layer, all on one time axis.

    Parameters
    ----------
    shown, index
        The traces, and the index of the one to draw.
    values
        By layer, from input to outputs, shape (traces, steps, channels).
    steps
        Time axis of the steps, by layer.
    """
    row = shown.rows[index]
    strips = [0.3] * len(values)
    figure, axes = panel_grid(
        1, [1.1, *strips], 6.5, margins=(1.75, 1.0, 0.5, 0.45), gaps=(0, 0.05)
    )
    text = "each strip on a scale of its own: dark blue to yellow from 0 up, blue to red about 0"
    heading(figure, f"{row.get('trace_name', '')}: its way through the network", text)
    draw_waveform(axes[0, 0], shown.waveforms[index], row)
    axes[0, 0].set_title(caption(row), size=7, loc="right", pad=2)
    for ax, (name, layer_values) in zip(axes[1:, 0], values.items(), strict=True):
        trace_values = layer_values[index]
        _strip(ax, name, trace_values, steps[name])
        mark_arrivals(ax, row, halo=trace_values.shape[1] > 1)
    time_axis(axes)
    return figure


def _strip(ax: Axes, name: str, values: np.ndarray, steps: Steps) -> None:
    ax.set_yticks([])
    ax.set_ylabel(name.replace("_", " "), rotation=0, ha="right", va="center", size=7)
    count, channels = values.shape
    ax.text(1.01, 0.5, f"{count} x {channels}", transform=ax.transAxes, va="center", size=6)
    if channels > 1:
        draw_image(ax, values, steps, limits_of(values))
        return
    ax.plot(steps.seconds, values[:, 0], color=COLOURS.get(name, "black"), linewidth=1.0)
    ax.set_ylim(-0.05, 1.05)


def strips_of(stages: Sequence[tuple[str, str, int]]) -> list[str]:
    """Return the layers of an overview: the last of consecutive stages of one type and length.

    Parameters
    ----------
    stages
        Type, name of the last layer and number of steps of each stage.

    >>> strips_of([("residual", "a", 47), ("residual", "b", 47), ("lstm", "c", 47)])
    ['b', 'c']
    """
    following = [*stages[1:], ("", "", 0)]
    return [
        name
        for (stage_type, name, steps), (next_type, _, next_steps) in zip(
            stages, following, strict=True
        )
        if (stage_type, steps) != (next_type, next_steps)
    ]
