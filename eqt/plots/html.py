"""Self-contained HTML pages, which open offline and can be mailed."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

import pandas as pd
from matplotlib.figure import Figure

from steadkit.errors import printable
from steadkit.plots.style import write_figure

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #111; max-width: 70rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
caption { text-align: left; color: #555; padding-bottom: .3rem; }
figure { margin: 1rem 0; } figcaption { color: #555; } img { max-width: 100%; }
"""


def page(title: str, *blocks: str, style: str = "") -> str:
    """Return a page of HTML blocks under a title.

    >>> "<h1>P &lt; S</h1>" in page("P < S", paragraph("as it should be"))
    True
    """
    text = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(blocks) + "\n</body>\n</html>\n"
    )
    # File names may contain undecodable bytes and control characters, which a page may not.
    return "\n".join(printable(line, None) for line in text.split("\n"))


def section(title: str, *blocks: str) -> str:
    """Return a section of HTML blocks under a heading."""
    return f"<section>\n<h2>{escape(title)}</h2>\n" + "\n".join(blocks) + "\n</section>"


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def table(frame: pd.DataFrame, caption: str = "") -> str:
    """Return a table; numbers with four digits, a dash for missing values.

    >>> "<td>0.9877</td><td>&mdash;</td>" in table(pd.DataFrame({"F1": [0.98765], "S": [None]}))
    True
    """
    head = _row("th", frame.columns)
    body = "\n".join(_row("td", row) for row in frame.astype(object).to_numpy().tolist())
    caption_html = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{caption_html}\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _row(cell: str, values: Iterable[object]) -> str:
    return "<tr>" + "".join(f"<{cell}>{_text(value)}</{cell}>" for value in values) + "</tr>"


def _text(value: object) -> str:
    if value is None or value != value:
        return "&mdash;"
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value))


def picture(figure: Figure, caption: str = "", dpi: int = 110) -> str:
    """Return a figure as an embedded PNG."""
    content = io.BytesIO()
    write_figure(figure, content, "png", dpi=dpi)
    return png(content.getvalue(), caption)


def png(content: bytes, caption: str = "") -> str:
    """Return the bytes of a PNG file as an embedded figure."""
    caption_html = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{image(content, caption)}{caption_html}</figure>"


def image(content: bytes, description: str, kind: str = "png") -> str:
    """Return the bytes of an image file as an embedded image without a caption."""
    # Inside the page, so that it can be mailed and opened offline.
    data = base64.b64encode(content).decode("ascii")
    return f'<img alt="{escape(description)}" src="data:image/{kind};base64,{data}">'


def bullets(lines: Sequence[str]) -> str:
    """Return lines of plain text as a list."""
    return "<ul>\n" + "\n".join(f"<li>{escape(line)}</li>" for line in lines) + "\n</ul>"
