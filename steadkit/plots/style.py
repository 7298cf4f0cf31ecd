"""Style of all figures, and reproducible output: the same file for the same data."""

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter

from steadkit.atomic import write_one
from steadkit.errors import InputError, printable
from steadkit.plots.fonts import choose_fonts

# Palette of Okabe and Ito: distinguishable with colour blindness and in print.
BLACK, GREY = "#000000", "#666666"
BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"

COMPONENT_COLOURS = {"E": ORANGE, "N": BLUE, "Z": BLACK}

STYLE = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
    "figure.titlesize": 9,
    "hatch.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 0.6,
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    "svg.hashsalt": "steadkit",
    "text.parse_math": False,
    "xtick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.labelsize": 7,
    "ytick.major.width": 0.6,
}
"""Legible at the width of a journal's page; a name with a dollar sign stays a name."""

METADATA = {
    "pdf": {"Creator": "steadkit", "Producer": None, "CreationDate": None},
    "svg": {"Creator": "steadkit", "Date": None},
    "png": {"Software": "steadkit"},
}
"""Metadata of each format: without a date, so that the same figure is the same bytes."""

UNDRAWABLE = ("Glyph .* missing from font", "Matplotlib currently does not support .* natively")
"""Warnings of Matplotlib that `choose_fonts` has already reported in one line."""

styled = matplotlib.style.context(["default", STYLE])
"""Decorator of a drawing function: this style inside, the caller's settings unchanged."""

THOUSANDS = FuncFormatter(lambda value, _: format_tick(value))


def format_tick(value: float) -> str:
    """Return the label of a tick.

    >>> format_tick(1500000.0), format_tick(0.25), format_tick(-300.0), format_tick(0.0)
    ('1,500,000', '0.25', '\N{MINUS SIGN}300', '0')
    """
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"
    return text.replace("-", "\N{MINUS SIGN}")


def save(figures: Sequence[Figure], path: Path, overwrite: bool = False) -> None:
    """Write figures as PNG, PDF or SVG, by the name's ending; several are the pages of a PDF.

    Raises
    ------
    InputError
        The ending is none of these, the file exists, or several figures are to be no PDF.
    """
    file_format = figure_format(path, len(figures))

    @styled
    def write(staged: Path) -> None:
        if len(figures) == 1:
            write_figure(figures[0], staged, file_format)
            return
        with drawable(*figures), PdfPages(staged, metadata=METADATA["pdf"]) as pages:
            for figure in figures:
                pages.savefig(figure)

    write_one(path, write, overwrite)


def write_figure(figure: Figure, target: Any, file_format: str, **options: Any) -> None:
    """Write one figure to a path or an open file, whatever names are in it."""
    with drawable(figure):
        figure.savefig(target, format=file_format, metadata=METADATA[file_format], **options)


@contextmanager
def drawable(*figures: Figure) -> Iterator[None]:
    """Choose fonts that have all characters; escape characters that an SVG must not contain."""
    texts = [text for figure in figures for text in figure.findobj(Text)]
    for text in texts:
        lines = text.get_text().split("\n")
        if not all(map(str.isprintable, lines)):
            text.set_text("\n".join(printable(line, None) for line in lines))
    choose_fonts(texts)
    with warnings.catch_warnings():
        for message in UNDRAWABLE:
            warnings.filterwarnings("ignore", message)
        yield


def figure_format(path: Path, count: int = 1) -> str:
    """Return the format of a figure by the ending of its name.

    >>> figure_format(Path("map.PDF"))
    'pdf'
    """
    file_format = path.suffix.lower().removeprefix(".")
    if file_format not in METADATA:
        raise InputError(f"figure {str(path)!r} has no known ending: use .png, .pdf or .svg")
    if count > 1 and file_format != "pdf":
        raise InputError(f"{count} figures do not fit into {str(path)!r}: use .pdf, a page each")
    return file_format


def show_message(ax: Axes, text: str) -> None:
    """Write into an empty panel why it is empty."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=GREY)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def nice_step(span: float, parts: int) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that divides a span into about `parts`.

    >>> nice_step(400.0, 40), nice_step(6.3, 30)
    (10.0, 0.2)
    """
    rough = max(span, 1e-9) / parts
    power = 10.0 ** math.floor(math.log10(rough))
    # Nearest on a logarithmic scale.
    factor = min((1, 2, 5, 10), key=lambda factor: abs(math.log(factor * power / rough)))
    return round(factor * power, 12)
