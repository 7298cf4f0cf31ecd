"""Figures of a data set: traces, spectrograms, sections, maps, distributions, a one-page sheet.

Each function takes arrays or a tidy table and returns a `matplotlib.figure.Figure`; `save` writes
it. No window is opened and no setting of matplotlib's is changed.

>>> import numpy as np
>>> figure = trace_figure(np.zeros((6000, 3)), {"trace_name": "X", "p_arrival_sample": 700.0})
>>> figure.axes[0].lines[1].get_xdata()
[7.0, 7.0]
"""

from steadkit.plots.maps import map_figure
from steadkit.plots.overview import distributions_figure, overview_figure
from steadkit.plots.preview import contact_sheet
from steadkit.plots.section import section_figure
from steadkit.plots.style import figure_format, save
from steadkit.plots.tables import (
    clear_event,
    read_clear_event,
    read_event_rows,
    read_trace_names,
    read_trace_rows,
    read_trace_waveforms,
)
from steadkit.plots.trace import spectrogram_figure, trace_figure

__all__ = [
    "clear_event",
    "contact_sheet",
    "distributions_figure",
    "figure_format",
    "map_figure",
    "overview_figure",
    "read_clear_event",
    "read_event_rows",
    "read_trace_names",
    "read_trace_rows",
    "read_trace_waveforms",
    "save",
    "section_figure",
    "spectrogram_figure",
    "trace_figure",
]
