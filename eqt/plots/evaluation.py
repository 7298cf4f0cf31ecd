"""How right a network is: residuals, curves, calibration, and figures by kind of trace."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eqt.metrics import TOLERANCE, Curve
from eqt.plots.style import DASHES, LABEL_COLOURS
from steadkit.plots.style import BLACK, GREY, show_message, styled


@styled
def residuals(
    of_phase: Mapping[str, np.ndarray], counts: Mapping[str, str], tolerance: float = TOLERANCE
) -> Figure:
    """Draw how far right picks are from their arrivals, P and S side by side.

    Parameters
    ----------
    of_phase
        Pick minus arrival, seconds, for ``P`` and ``S``.
    counts
        What to write above each panel.
    tolerance
        Seconds to each side that are shown.
    """
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    # A sample to a bin, centred, so that no bin has more of them than its neighbour.
    steps = max(round(tolerance * 100), 1)
    bins = (np.arange(-steps, steps + 2) - 0.5) / 100
    for ax, (phase, values) in zip(figure.subplots(1, 2), of_phase.items(), strict=True):
        ax.hist(values, bins, color=LABEL_COLOURS[phase])
        ax.axvline(0, color=BLACK, linewidth=0.8)
        ax.set_title(f"{phase}: {counts[phase]}")
        ax.set_xlabel("pick minus arrival (s)")
        ax.set_ylabel("picks")
    return figure


@styled
def curves(of_kind: Mapping[str, tuple[Curve, tuple[float, float]]]) -> Figure:
    """Draw precision against recall, and where on each curve the chosen threshold is.

    Parameters
    ----------
    of_kind
        For ``detection``, ``P`` and ``S`` the curve, and the recall and precision reached.
    """
    figure = Figure(figsize=(5, 4), layout="constrained")
    ax = figure.subplots()
    for kind, (curve, (recall, precision)) in of_kind.items():
        line = ax.step(curve.recall, curve.precision, where="post", label=kind, linewidth=1.2)[0]
        line.set(color=LABEL_COLOURS[kind], linestyle=DASHES[kind])
        ax.plot([recall], [precision], "o", color=LABEL_COLOURS[kind], markersize=5)
    ax.set_xlim(0, 1.02)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("recall; a dot: at the threshold")
    ax.set_ylabel("precision")
    ax.legend(loc="lower left")
    return figure


@styled
def reliability(of_kind: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw the share that is right against the stated probability; the diagonal is the aim.

    Parameters
    ----------
    of_kind
        For ``detection``, ``P`` and ``S``: ``ece`` and ``bins``, as
        `eqt.evaluation.calibration.calibration` gives them.
    """
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    grid = figure.subplots(2, len(of_kind), sharex=True, height_ratios=(3, 1), squeeze=False)
    for column, (kind, told) in enumerate(of_kind.items()):
        upper, lower = grid[:, column]
        some = [row for row in told["bins"] if row["count"]]
        upper.plot([0, 1], [0, 1], color=GREY, linestyle=":")
        stated, right = [[row[key] for row in some] for key in ("stated", "right")]
        upper.plot(stated, right, "o-", color=LABEL_COLOURS[kind], markersize=4, linewidth=1.2)
        error = "nothing to judge" if not some else f"calibration error {told['ece']:.3f}"
        upper.set_title(f"{kind}: {error}")
        upper.set_ylim(-0.02, 1.02)
        edges = [row["low"] for row in told["bins"]] + [1.0]
        lower.stairs([row["count"] for row in told["bins"]], edges, fill=True, color=LABEL_COLOURS[kind])
        lower.set_xlabel("stated probability")
    grid[0, 0].set_ylabel("share that is right")
    grid[1, 0].set_ylabel("number")
    return figure


@styled
def breakdown(title: str, rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw recall and precision by kind of trace, with 95 % intervals.

    Parameters
    ----------
    title
        What the traces are told apart by.
    rows
        As `eqt.evaluation.breakdown.breakdown` gives them for it.
    """
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    labels = [f"{row['bin']}\n{row['traces']:,}" for row in rows]
    for ax, figure_name in zip(axes, ("recall", "precision"), strict=True):
        for shift, kind in enumerate(LABEL_COLOURS):
            _dots(ax, [row[kind] for row in rows], figure_name, kind, 0.2 * (shift - 1))
        ax.set_xticks(range(len(rows)), labels, rotation=45 if len(rows) > 7 else 0)
        ax.set_xlim(-0.5, len(rows) - 0.5)
        ax.set_title(figure_name)
        ax.set_ylim(-0.02, 1.04)
        ax.set_xlabel(f"{title}; below: traces")
    axes[0].legend(loc="lower left")
    return figure


def _dots(ax: Axes, cells: Sequence[Mapping[str, Any]], name: str, kind: str, shift: float) -> None:
    values = np.array([cell[name] for cell in cells], float)
    none = (np.nan, np.nan)
    bounds = np.array([cell["intervals"].get(name, none) for cell in cells], float).T
    places = np.arange(len(values)) + shift
    ax.vlines(places, bounds[0], bounds[1], color=LABEL_COLOURS[kind], linewidth=1.2)
    marker = {"detection": "s", "P": "o", "S": "^"}[kind]
    ax.plot(places, values, marker, color=LABEL_COLOURS[kind], markersize=4, label=kind)


@styled
def uncertainty(of_phase: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Draw how far each pick is off against its Monte Carlo uncertainty.

    Parameters
    ----------
    of_phase
        For ``P`` and ``S`` the uncertainties, and the residuals in seconds.
    """
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for ax, (phase, (strays, sizes)) in zip(
        figure.subplots(1, len(of_phase)), of_phase.items(), strict=True
    ):
        if not len(strays):
            show_message(ax, f"no {phase} pick of an earthquake")
            continue
        # A pick that is exactly right has no place on a logarithmic axis: half a sample.
        ax.semilogy(strays, np.maximum(np.abs(sizes), 0.005), ".", color=LABEL_COLOURS[phase], markersize=3)
        ax.set_title(phase)
        ax.set_xlabel("standard deviation of its probability")
        ax.set_ylabel("distance from the arrival (s)")
    return figure
