"""Figures of training and evaluation: losses, traces, residuals, curves, calibration, scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eqt.metrics import TOLERANCE, Curve
from eqt.plots.style import COLOURS, DASHES, LABEL_COLOURS, TITLES
from steadkit.labels import TARGETS
from steadkit.plots.style import BLACK, GREY, show_message, styled
from steadkit.plots.trace import draw_components
from steadkit.schema import N_SAMPLES, SAMPLING_RATE


@styled
def draw_residuals(
    residuals_by_phase: Mapping[str, np.ndarray],
    counts: Mapping[str, str],
    tolerance: float = TOLERANCE,
) -> Figure:
    """Draw histograms of the residuals of right picks, P and S side by side.

    Parameters
    ----------
    residuals_by_phase
        Pick minus arrival, seconds, for ``P`` and ``S``.
    counts
        Text above each panel.
    tolerance
        Range of the histogram to each side, seconds.
    """
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    # Bins are one sample wide and centred on samples: edges on samples would, by rounding, put
    # two samples into some bins and none into others.
    steps = max(round(tolerance * 100), 1)
    bins = (np.arange(-steps, steps + 2) - 0.5) / 100
    for ax, (phase, values) in zip(figure.subplots(1, 2), residuals_by_phase.items(), strict=True):
        ax.hist(values, bins, color=LABEL_COLOURS[phase])
        ax.axvline(0, color=BLACK, linewidth=0.8)
        ax.set_title(f"{phase}: {counts[phase]}")
        ax.set_xlabel("pick minus arrival (s)")
        ax.set_ylabel("picks")
    return figure


@styled
def draw_curves(curves_by_label: Mapping[str, tuple[Curve, tuple[float, float]]]) -> Figure:
    """Draw precision against recall, with a dot at the chosen threshold of each curve.

    Parameters
    ----------
    curves_by_label
        For ``detection``, ``P`` and ``S`` the curve, and the recall and precision reached.
    """
    figure = Figure(figsize=(5, 4), layout="constrained")
    ax = figure.subplots()
    for label, (curve, (recall, precision)) in curves_by_label.items():
        line = ax.step(curve.recall, curve.precision, where="post", label=label, linewidth=1.2)[0]
        line.set(color=LABEL_COLOURS[label], linestyle=DASHES[label])
        ax.plot([recall], [precision], "o", color=LABEL_COLOURS[label], markersize=5)
    ax.set_xlim(0, 1.02)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("recall; a dot: at the threshold")
    ax.set_ylabel("precision")
    ax.legend(loc="lower left")
    return figure


@styled
def draw_reliability(tables_by_label: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw reliability diagrams: fraction right against predicted probability, and histograms.

    Parameters
    ----------
    tables_by_label
        For ``detection``, ``P`` and ``S``: ``ece`` and ``bins``, as
        `eqt.evaluation.breakdown.calibration` returns them.
    """
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    grid = figure.subplots(
        2, len(tables_by_label), sharex=True, height_ratios=(3, 1), squeeze=False
    )
    for column, (label, calibration) in enumerate(tables_by_label.items()):
        upper, lower = grid[:, column]
        filled_bins = [row for row in calibration["bins"] if row["count"]]
        upper.plot([0, 1], [0, 1], color=GREY, linestyle=":")
        predicted, fraction_right = [
            [row[key] for row in filled_bins] for key in ("stated", "right")
        ]
        upper.plot(
            predicted, fraction_right, "o-", color=LABEL_COLOURS[label], markersize=4, linewidth=1.2
        )
        error = (
            "nothing to judge" if not filled_bins else f"calibration error {calibration['ece']:.3f}"
        )
        upper.set_title(f"{label}: {error}")
        upper.set_ylim(-0.02, 1.02)
        edges = [row["low"] for row in calibration["bins"]] + [1.0]
        lower.stairs(
            [row["count"] for row in calibration["bins"]],
            edges,
            fill=True,
            color=LABEL_COLOURS[label],
        )
        lower.set_xlabel("stated probability")
    grid[0, 0].set_ylabel("share that is right")
    grid[1, 0].set_ylabel("number")
    return figure


@styled
def draw_breakdown(title: str, rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw recall and precision by category of trace, with 95 % intervals.

    Parameters
    ----------
    title
        Name of the trace attribute.
    rows
        Rows of `eqt.evaluation.breakdown.breakdown` for this attribute.
    """
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    labels = [f"{row['bin']}\n{row['traces']:,}" for row in rows]
    for ax, figure_name in zip(axes, ("recall", "precision"), strict=True):
        for shift, label in enumerate(LABEL_COLOURS):
            _dots(ax, [row[label] for row in rows], figure_name, label, 0.2 * (shift - 1))
        ax.set_xticks(range(len(rows)), labels, rotation=45 if len(rows) > 7 else 0)
        ax.set_xlim(-0.5, len(rows) - 0.5)
        ax.set_title(figure_name)
        ax.set_ylim(-0.02, 1.04)
        ax.set_xlabel(f"{title}; below: traces")
    axes[0].legend(loc="lower left")
    return figure


def _dots(
    ax: Axes, cells: Sequence[Mapping[str, Any]], name: str, label: str, shift: float
) -> None:
    values = np.array([cell[name] for cell in cells], float)
    # Without resamples there are no intervals, and vlines draws nothing between NaN.
    no_bounds = (np.nan, np.nan)
    bounds = np.array([cell["intervals"].get(name, no_bounds) for cell in cells], float).T
    positions = np.arange(len(values)) + shift
    ax.vlines(positions, bounds[0], bounds[1], color=LABEL_COLOURS[label], linewidth=1.2)
    marker = {"detection": "s", "P": "o", "S": "^"}[label]
    ax.plot(positions, values, marker, color=LABEL_COLOURS[label], markersize=4, label=label)


@styled
def draw_uncertainty(pairs_by_phase: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Draw the absolute residual of each pick against its Monte Carlo uncertainty.

    Parameters
    ----------
    pairs_by_phase
        For ``P`` and ``S`` the uncertainties, and the residuals in seconds.
    """
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for ax, (phase, (std, residuals)) in zip(
        figure.subplots(1, len(pairs_by_phase)), pairs_by_phase.items(), strict=True
    ):
        if not len(std):
            show_message(ax, f"no {phase} pick of an earthquake")
            continue
        # A residual of 0 has no place on a logarithmic axis: it is drawn at half a sample.
        ax.semilogy(
            std, np.maximum(np.abs(residuals), 0.005), ".", color=LABEL_COLOURS[phase], markersize=3
        )
        ax.set_title(phase)
        ax.set_xlabel("standard deviation of its probability")
        ax.set_ylabel("distance from the arrival (s)")
    return figure


@styled
def draw_examples(
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


@styled
def loss_curves(history: pd.DataFrame) -> Figure:
    """Draw training and validation losses, total and by output, over the epochs."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True).ravel()
    for ax, (name, title) in zip(axes, TITLES.items(), strict=True):
        column = name if name == "loss" else f"{name}_loss"
        for prefix, line, label in (("", "-", "training"), ("val_", "--", "validation")):
            losses = history[prefix + column]
            ax.semilogy(history["epoch"], losses, line, color=COLOURS[name], label=label)
            ax.plot(history["epoch"], losses, ".", color=COLOURS[name])
        ax.set_title(title)
        ax.set_ylabel("loss")
        ax.legend()
    for ax in axes[-2:]:
        ax.set_xlabel("epoch")
        ax.xaxis.get_major_locator().set_params(integer=True)
    return figure
