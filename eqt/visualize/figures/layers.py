"""Figures of layers: feature maps under the waveforms, on their time axis, and kernels."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from eqt.plots import COLOURS
from eqt.visualize.figures.panels import (
    colour_bar,
    draw_arrivals,
    draw_image,
    draw_signed,
    draw_waveform,
    figure_heading,
    limits_of,
    panel_grid,
    rows_of_columns,
    time_axis,
)
from eqt.visualize.layers import response
from eqt.visualize.time_axis import LayerSteps
from eqt.visualize.traces import SelectedTraces, caption
from steadkit.plots.style import BLACK, BLUE, COMPONENT_COLOURS, GREY, styled
from steadkit.schema import COMPONENTS, SAMPLING_RATE

WAVEFORM, CURVE = 0.85, 0.55
"""Inches of a waveform, and of one channel."""

MAX_LINES = 256
"""Maximum number of kernels that are drawn as lines; more are drawn as colours."""

TAP_GAP = 1
"""Empty taps between kernels that are drawn as colours."""

SHEET_INCHES = 9.0
"""Inches of a figure of many kernels."""


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
    steps: LayerSteps,
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
    figure_heading(figure, f"{name}: {label}", f"{values.shape[1]} steps x {channels} {plural}")
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
            draw_arrivals(lower, row, halo=True)
        if image is not None:
            last = sum(index is not None for index in line) - 1
            colour_bar(pair[1, last], image, "output")
        time_axis(pair)
        pair[1, 0].set_ylabel("channel" if channels > 1 else "output")
    return figure


def _draw_layer(
    ax: Axes, values: np.ndarray, steps: LayerSteps, limits: tuple[float, float]
) -> AxesImage | None:
    """Draw and return an image of the channels; a single channel is a curve, returned as None."""
    if values.shape[1] > 1:
        return draw_image(ax, values, steps, limits)
    ax.plot(steps.seconds, values[:, 0], color="black", linewidth=0.8)
    ax.set_ylim(limits[0] - 0.03 * limits[1], limits[1] * 1.03)
    return None


@styled
def strips_figure(
    shown: SelectedTraces,
    index: int,
    values: Mapping[str, np.ndarray],
    steps: Mapping[str, LayerSteps],
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
    figure_heading(figure, f"{row.get('trace_name', '')}: its way through the network", text)
    draw_waveform(axes[0, 0], shown.waveforms[index], row)
    axes[0, 0].set_title(caption(row), size=7, loc="right", pad=2)
    for ax, (name, layer_values) in zip(axes[1:, 0], values.items(), strict=True):
        trace_values = layer_values[index]
        _strip(ax, name, trace_values, steps[name])
        draw_arrivals(ax, row, halo=trace_values.shape[1] > 1)
    time_axis(axes)
    return figure


def _strip(ax: Axes, name: str, values: np.ndarray, steps: LayerSteps) -> None:
    ax.set_yticks([])
    ax.set_ylabel(name.replace("_", " "), rotation=0, ha="right", va="center", size=7)
    count, channels = values.shape
    ax.text(1.01, 0.5, f"{count} x {channels}", transform=ax.transAxes, va="center", size=6)
    if channels > 1:
        draw_image(ax, values, steps, limits_of(values))
        return
    # The outputs are probabilities: all on the scale from 0 to 1.
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


@styled
def filters_figure(name: str, kernel: np.ndarray, of_waveform: bool = False) -> Figure:
    """Draw every kernel of a layer: a row per input, a column per output.

    Parameters
    ----------
    name
        Name of the layer.
    kernel
        Shape (taps, inputs, outputs).
    of_waveform
        Whether the inputs are the components of the waveform. Then each filter has a row, its
        kernels on the left, by component, and their frequency response in Hz on the right.
    """
    taps, inputs, outputs = kernel.shape
    if of_waveform and inputs == len(COMPONENTS):
        return _of_waveform(name, kernel)
    height = float(np.clip(SHEET_INCHES * inputs / max(outputs, 1), 1.2, SHEET_INCHES))
    figure, axes = panel_grid(1, [height], SHEET_INCHES)
    ax = axes[0, 0]
    text = f"{inputs} inputs x {outputs} outputs, {taps} taps each, on one scale"
    figure_heading(figure, f"{name}: kernels", text)
    # Thousands of lines would be a grey area, and slow to draw; strips of colours are neither.
    if inputs * outputs <= MAX_LINES:
        _lines(ax, kernel)
    else:
        _colours(ax, kernel)
    ax.set_xlabel("output channel")
    ax.set_ylabel("input channel")
    return figure


def _of_waveform(name: str, kernel: np.ndarray) -> Figure:
    taps, _, outputs = kernel.shape
    n_columns = 2 if outputs > 4 else 1
    rows = -(-outputs // n_columns)
    figure, axes = panel_grid(2 * n_columns, [0.85] * rows, 2.2, gaps=(0.62, 0.14))
    figure_heading(
        figure,
        f"{name}: kernels and what they let through",
        "left: the taps, later samples to the right; right: amplification of each frequency",
    )
    milliseconds = (np.arange(taps) - (taps - 1) // 2) * 1000 / SAMPLING_RATE
    hertz, amplitude = response(kernel)
    size = float(np.abs(kernel).max()) * 1.08 or 1.0
    for number in range(rows * n_columns):
        row, column = number % rows, number // rows
        left, right = axes[row, 2 * column : 2 * column + 2]
        if number >= outputs:
            left.set_axis_off()
            right.set_axis_off()
            continue
        left.axhline(0, color=GREY, linewidth=0.4)
        for component_index, component in enumerate(COMPONENTS):
            colour = COMPONENT_COLOURS[component]
            curve = {"color": colour, "linewidth": 1.1, "label": component}
            left.plot(milliseconds, kernel[:, component_index, number], ".-", markersize=3, **curve)
            right.plot(hertz, amplitude[:, component_index, number], **curve)
        left.set_ylim(-size, size)
        left.set_ylabel(f"filter {number}")
        right.set(xlim=(0, hertz[-1]), ylim=(0, float(amplitude.max()) * 1.05 or 1.0))
    _finish_waveform(axes, outputs, rows)
    return figure


def _finish_waveform(axes: np.ndarray, outputs: int, rows: int) -> None:
    axes[0, 1].legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 0.96), fontsize=7)
    for column in range(axes.shape[1]):
        in_column = min(rows, outputs - rows * (column // 2))
        for ax in axes[: in_column - 1, column]:
            ax.tick_params(axis="x", labelbottom=False)
        label = "frequency (Hz)" if column % 2 else "time (ms)"
        axes[in_column - 1, column].set_xlabel(label)


def _lines(ax: Axes, kernel: np.ndarray) -> None:
    """Draw each kernel as a line in its cell."""
    taps, inputs, outputs = kernel.shape
    size = 2.2 * float(np.abs(kernel).max()) or 1.0
    across = np.linspace(-0.38, 0.38, taps) if taps > 1 else np.array([0.0])
    x = np.broadcast_to(across + np.arange(outputs)[:, None, None], (outputs, inputs, taps))
    y = np.arange(inputs)[:, None] - kernel.transpose(2, 1, 0) / size
    lines = np.stack([x, y], axis=-1).reshape(-1, taps, 2)
    zeros = np.stack([x, np.broadcast_to(np.arange(inputs)[:, None], x.shape)], axis=-1)
    ax.add_collection(LineCollection(list(zeros.reshape(-1, taps, 2)), colors=GREY, linewidths=0.3))
    ax.add_collection(LineCollection(list(lines), colors=BLUE, linewidths=1.0))
    if taps < 8:
        points = lines.reshape(-1, 2)
        ax.plot(points[:, 0], points[:, 1], ".", color=BLACK, markersize=2)
    ax.set(xlim=(-0.6, outputs - 0.4), ylim=(inputs - 0.4, -0.6))
    ax.set_xticks(range(0, outputs, max(outputs // 16, 1)))
    ax.set_yticks(range(0, inputs, max(inputs // 16, 1)))


def _colours(ax: Axes, kernel: np.ndarray) -> None:
    """Draw each kernel as a strip of colours, its taps side by side."""
    taps, inputs, outputs = kernel.shape
    gap = TAP_GAP if taps > 1 else 0
    strips = np.full((inputs, outputs, taps + gap), np.nan)
    # NaN between the kernels is drawn as nothing.
    strips[:, :, :taps] = kernel.transpose(1, 2, 0)
    size = float(np.abs(kernel).max()) or 1.0
    image = draw_signed(ax, strips.reshape(inputs, -1), size)
    tick_channels = np.arange(0, outputs, max(outputs // 16, 1))
    ax.set_xticks(tick_channels * (taps + gap) + (taps - 1) / 2, [str(i) for i in tick_channels])
    colour_bar(ax, image, "weight")
