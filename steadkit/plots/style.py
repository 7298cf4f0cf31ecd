"""Style of all figures, font fallback, and reproducible output: the same file for the same data."""

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import click
import matplotlib
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.font_manager import FontEntry, findfont, findSystemFonts, fontManager, get_font
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter

from steadkit.atomic import write_one
from steadkit.console import echo
from steadkit.errors import InputError, printable

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

PREFERRED: Final = "Noto Sans"
"""Families that are tried first: they match one another, and cover most scripts."""

PLACEHOLDERS: Final = ("Last Resort", ".Last", "Adobe Blank")
"""Families that list every character, but draw placeholders."""

NORMAL_WEIGHT: Final = 400

MAX_NAMED: Final = 5
"""Characters that the message lists."""


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


def choose_fonts(texts: Iterable[Text]) -> None:
    """Add fallback fonts to texts with characters that their own font lacks.

    Characters that no font has are drawn as boxes and reported once a command, on standard error.
    """
    lacking = {text: missing for text in texts if (missing := _missing_characters(text))}
    if not lacking:
        return
    needed: frozenset[str] = frozenset().union(*lacking.values())
    families, boxed = _fallback(needed, len(fontManager.ttflist))
    for text in lacking:
        text.set_fontfamily([*text.get_fontfamily(), *families])
    _report(boxed)


def _missing_characters(text: Text) -> set[str]:
    """Return the characters of a text that none of its fonts has."""
    needed = set(text.get_text()) - {"\n"}
    if all(map(str.isascii, needed)):
        return set()
    properties = text.get_fontproperties().copy()
    for family in text.get_fontfamily():
        properties.set_family(family)
        with suppress(ValueError):  # it is not installed
            needed -= _characters(findfont(properties, fallback_to_default=False))
    return needed


@lru_cache(maxsize=8)  # a font of Chinese has 40,000, which take 5 MB
def _characters(path: str) -> frozenset[str]:
    """Return all characters that a font has; none where it cannot be read."""
    try:
        return frozenset(map(chr, get_font(path).get_charmap()))
    except (OSError, RuntimeError):
        return frozenset()


@lru_cache
def _fallback(needed: frozenset[str], n_fonts: int) -> tuple[tuple[str, ...], frozenset[str]]:
    """Find a family with all of some characters, else families that have most between them.

    Parameters
    ----------
    needed
        The characters.
    n_fonts
        Number of fonts that Matplotlib knows; part of the cache key, as new fonts change the
        result.

    Returns
    -------
    families
        Their names; the first that has a character draws it.
    uncovered
        The characters that no family has.
    """
    covered: dict[str, frozenset[str]] = {}
    for family, path in _families():
        covered[family] = needed & _characters(path)
        if covered[family] == needed:
            return (family,), frozenset()
    families: list[str] = []
    uncovered = needed
    while best := max(covered, key=lambda family: len(covered[family] & uncovered), default=None):
        if not covered[best] & uncovered:
            break
        families.append(best)
        uncovered -= covered[best]
    return tuple(families), uncovered


def _families() -> list[tuple[str, str]]:
    """List families with the file of their plainest font, also those installed just now."""
    known = {entry.fname for entry in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - known):
        # Matplotlib keeps its list from one process to the next; a broken font is none.
        with suppress(OSError, RuntimeError, ValueError):
            fontManager.addfont(path)
    plainest: dict[str, FontEntry] = {}
    for entry in sorted(fontManager.ttflist, key=_oddness):
        if not entry.name.startswith(PLACEHOLDERS):
            plainest.setdefault(entry.name, entry)
    return [
        (name, plainest[name].fname)
        for name in sorted(plainest, key=lambda name: (not name.startswith(PREFERRED), name))
    ]


def _oddness(font: FontEntry) -> tuple[bool, int, str]:
    """Return a sort key: upright fonts first, then by distance from the normal weight."""
    weight = font.weight if isinstance(font.weight, int) else NORMAL_WEIGHT
    return font.style != "normal", abs(weight - NORMAL_WEIGHT), font.fname


def _report(boxed: Iterable[str]) -> None:
    """Print the characters that are drawn as boxes, without those already reported."""
    context = click.get_current_context(silent=True)
    meta = {} if context is None else context.find_root().meta
    reported: set[str] = meta.setdefault(__name__, set())
    new = sorted(set(boxed) - reported)
    reported.update(new)
    if new:
        more = f" and {len(new) - MAX_NAMED} more" if len(new) > MAX_NAMED else ""
        echo(
            f"no installed font has {' '.join(new[:MAX_NAMED])}{more}: drawn as boxes; install "
            "one that has them, of the Noto fonts for example",
            err=True,
        )
