"""Figures of training and evaluation; no window is ever opened."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eqt.metrics import TOLERANCE
from steadkit.files import write_with
from steadkit.labels import TARGETS
from steadkit.schema import COMPONENTS, N_SAMPLES, SAMPLING_RATE

# Okabe and Ito's palette: told apart by colour-blind eyes and in print.
COLOURS = {"detector": "#009E73", "picker_P": "#0072B2", "picker_S": "#D55E00", "loss": "#000000"}
TITLES = {"detector": "detection", "picker_P": "P", "picker_S": "S", "loss": "total"}

matplotlib.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})


def save(figure: Figure, path: Path, overwrite: bool = False) -> None:
    """Write a figure, whole or not at all."""
    write_with(path, lambda staged: figure.savefig(staged, dpi=150), overwrite)


def loss_curves(history: pd.DataFrame) -> Figure:
    """Draw training and validation losses, total and by output, over the epochs."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True).ravel()
    for ax, (name, title) in zip(axes, TITLES.items(), strict=True):
        column = name if name == "loss" else f"{name}_loss"
        for prefix, style, label in (("", "-", "training"), ("val_", "--", "validation")):
            losses = history[prefix + column]
            ax.semilogy(history["epoch"], losses, style, color=COLOURS[name], label=label)
            ax.plot(history["epoch"], losses, ".", color=COLOURS[name])
        ax.set_title(title)
        ax.set_ylabel("loss")
        ax.legend(frameon=False)
    for ax in axes[-2:]:
        ax.set_xlabel("epoch")
        ax.xaxis.get_major_locator().set_params(integer=True)
    return figure


def residuals(of_phase: Mapping[str, np.ndarray], counts: Mapping[str, str]) -> Figure:
    """Draw how far right picks are from their arrivals, P and S side by side.

    Parameters
    ----------
    of_phase
        Pick minus arrival, seconds, for ``P`` and ``S``.
    counts
        What to write above each panel.
    """
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    bins = np.linspace(-TOLERANCE, TOLERANCE, 51)
    for ax, (phase, values) in zip(figure.subplots(1, 2), of_phase.items(), strict=True):
        ax.hist(values, bins, color=COLOURS[f"picker_{phase}"])
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set_title(f"{phase}: {counts[phase]}", fontsize=8)
        ax.set_xlabel("pick minus arrival (s)")
        ax.set_ylabel("picks")
    return figure


def examples(
    names: Sequence[str],
    waveforms: np.ndarray,
    probabilities: np.ndarray,
    p: np.ndarray,
    s: np.ndarray,
) -> Figure:
    """Draw traces with their arrivals, above what the network makes of them.

    Parameters
    ----------
    names
        Titles of the traces.
    waveforms
        Shape (traces, 6000, 3), normalised.
    probabilities
        Shape (traces, 6000, 3): detection, P and S.
    p, s
        Arrivals in samples, NaN where there is none.
    """
    figure = Figure(figsize=(11, 2.6 * len(names)), layout="constrained")
    grid = figure.subplots(len(names), 2, squeeze=False, sharex=True)
    seconds = np.arange(N_SAMPLES) / SAMPLING_RATE
    for row, (left, right) in enumerate(grid):
        _three_components(left, seconds, waveforms[row])
        left.set_title(names[row], loc="left", parse_math=False)
        for column, name in enumerate(TARGETS):
            right.plot(
                seconds, probabilities[row, :, column], color=COLOURS[name], label=TITLES[name]
            )
        right.set_ylim(-0.02, 1.05)
        right.set_ylabel("probability")
        for ax in (left, right):
            for arrival, name in ((p[row], "picker_P"), (s[row], "picker_S")):
                if not np.isnan(arrival):
                    ax.axvline(arrival / SAMPLING_RATE, color=COLOURS[name], linestyle=":")
    grid[0, 1].legend(frameon=False, ncols=3, loc="upper right")
    for ax in grid[-1]:
        ax.set_xlabel("time (s); dotted: P and S as catalogued")
    return figure


def _three_components(ax: Axes, seconds: np.ndarray, waveform: np.ndarray) -> None:
    scale = 2 * max(float(np.abs(waveform).max()), 1e-9)
    for row, component in enumerate(reversed(range(len(COMPONENTS)))):
        ax.plot(seconds, waveform[:, component] / scale + row, color="black", linewidth=0.4)
    ax.set_yticks(range(len(COMPONENTS)), reversed(COMPONENTS))
    ax.set_xlim(seconds[0], seconds[-1])
