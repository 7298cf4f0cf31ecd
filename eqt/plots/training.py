"""Loss curves of a training."""

import pandas as pd
from matplotlib.figure import Figure

from eqt.plots.style import COLOURS, TITLES
from steadkit.plots.style import styled


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
