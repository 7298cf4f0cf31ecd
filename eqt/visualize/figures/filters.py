"""Figure of the kernels of a convolution, all on one scale."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from eqt.visualize.figures.panels import DIVERGING, colour_bar, heading, panel_grid
from eqt.visualize.kernels import response
from steadkit.plots.style import BLACK, BLUE, COMPONENT_COLOURS, GREY, styled
from steadkit.schema import COMPONENTS, SAMPLING_RATE

MAX_LINES = 256
"""Maximum number of kernels that are drawn as lines; more are drawn as colours."""

TAP_GAP = 1
"""Empty taps between kernels that are drawn as colours."""

SHEET_INCHES = 9.0
"""Inches of a figure of many kernels."""


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
    heading(figure, f"{name}: kernels", text)
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
    heading(
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
    strips[:, :, :taps] = kernel.transpose(1, 2, 0)
    size = float(np.abs(kernel).max()) or 1.0
    image = ax.imshow(
        strips.reshape(inputs, -1),
        aspect="auto",
        cmap=DIVERGING,
        vmin=-size,
        vmax=size,
        interpolation="nearest",
    )
    every = max(outputs // 16, 1)
    tick_channels = np.arange(0, outputs, every)
    ax.set_xticks(tick_channels * (taps + gap) + (taps - 1) / 2, [str(i) for i in tick_channels])
    colour_bar(ax, image, "weight")
