"""Figures of training and evaluation: they show what they are given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from eqt import plots
from eqt.metrics import precision_recall, reliability
from steadkit.plots import save


def test_every_residual_is_in_a_bar():
    values = np.array([-0.5, -0.005, 0.0, 0.004, 0.5])
    figure = plots.draw_residuals({"P": values, "S": np.array([])}, {"P": "five", "S": "none"})
    heights = [[bar.get_height() for bar in ax.patches] for ax in figure.axes]
    assert [sum(bar_heights) for bar_heights in heights] == [5, 0]
    assert figure.axes[0].get_title(loc="left") == "P: five"


def test_the_chosen_threshold_lies_on_the_curve():
    curve = precision_recall(np.array([0.9, 0.8]), np.array([True, False]), 2)
    figure = plots.draw_curves({"P": (curve, (0.5, 0.5))})
    line, dot = figure.axes[0].lines
    assert line.get_ydata().tolist() == [1.0, 0.5]
    assert (dot.get_xdata(), dot.get_ydata()) == ([0.5], [0.5])


def test_reliability_shows_the_bins_that_hold_anything():
    bins = reliability(np.array([0.15, 0.95, 0.95]), np.array([False, True, False]))
    table = {"ece": 0.35, "bins": bins.to_dict("records")}
    nothing = {"ece": None, "bins": bins.assign(count=0).to_dict("records")}
    figure = plots.draw_reliability({"P": table, "S": nothing})
    drawn = figure.axes[0].lines[1]
    assert drawn.get_ydata().tolist() == pytest.approx([0, 0.5])
    assert "0.350" in figure.axes[0].get_title(loc="left")
    assert "nothing" in figure.axes[1].get_title(loc="left")


def cell(recall, bounds):
    return {"recall": recall, "precision": None, "intervals": bounds}


def test_kinds_of_traces_stand_with_their_intervals():
    row = {"bin": "10 to 20", "traces": 1234}
    row |= {label: cell(0.5, {"recall": [0.25, None]}) for label in ("detection", "P")}
    row |= {"S": cell(None, {})}
    figure = plots.draw_breakdown("SNR (dB)", [row])
    recall = figure.axes[0]
    assert [text.get_text() for text in recall.get_xticklabels()] == ["10 to 20\n1,234"]
    assert recall.lines[0].get_ydata().tolist() == [0.5]
    assert np.isnan(recall.lines[2].get_ydata()).all()


def test_uncertainty_says_where_there_is_no_pick():
    none = np.array([])
    figure = plots.draw_uncertainty({"P": (np.array([0.1]), np.array([-0.2])), "S": (none, none)})
    assert figure.axes[0].lines[0].get_ydata().tolist() == [0.2]
    assert figure.axes[1].texts[0].get_text() == "no S pick of an earthquake"


def test_traces_show_every_arrival(tmp_path):
    waveforms, probabilities = np.zeros((1, 6000, 3)), np.zeros((1, 6000, 3))
    p, s = np.array([[600.0, 3000.0]]), np.array([[900.0, np.nan]])
    figure = plots.draw_examples(["a$b$"], waveforms, probabilities, p, s)
    dotted = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_linestyle() == ":"]
    assert sorted(dotted) == [6, 9, 30]
    save([figure], tmp_path / "a.png")
    save([figure], tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_losses_are_drawn_and_no_setting_of_matplotlib_is_changed():
    before = dict(matplotlib.rcParams)
    names = ["loss", "detector_loss", "picker_P_loss", "picker_S_loss"]
    columns = {prefix + name: [0.5, 0.25] for name in names for prefix in ("", "val_")}
    figure = plots.loss_curves(pd.DataFrame({"epoch": [1, 2], **columns}))
    assert len(figure.axes) == 4
    assert figure.axes[0].lines[0].get_ydata().tolist() == [0.5, 0.25]
    assert dict(matplotlib.rcParams) == before
