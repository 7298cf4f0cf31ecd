"""Self-contained HTML gallery of all pictures: thumbnails, enlarged by a click."""

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from eqt.plots import html

if TYPE_CHECKING:
    from eqt.visualize.write import Picture

STYLE = """
body { max-width: 105rem; }
nav a { margin-right: 1.2rem; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
.pair { display: grid; grid-template-columns: 4fr 3fr; gap: 1rem; align-items: start;
  margin: .8rem 0; }
.thumb { display: block; cursor: zoom-in; }
.thumb img { width: 100%; display: block; border: 1px solid #ddd; }
.grid img { height: 11rem; object-fit: contain; object-position: top; background: #fff; }
.thumb span { color: #555; font-size: .8rem; }
.thumb input { position: absolute; opacity: 0; }
.thumb input:focus-visible + img { outline: 3px solid #0072B2; }
.thumb input:checked + img { position: fixed; inset: 0; z-index: 9; width: 100vw; height: 100vh;
  object-fit: contain; background: #fff; cursor: zoom-out; border: 0; }
@media print { .pair { break-inside: avoid; } }
@media (max-width: 50rem) { .pair { grid-template-columns: 1fr; } }
"""

ESCAPE = """<script>addEventListener("keydown", e => { if (e.key === "Escape")
document.querySelectorAll(".thumb input:checked").forEach(i => { i.checked = false; }); });
</script>"""
"""Script that closes an enlarged picture with the Escape key; the page works without it."""

SECTION_TEXTS = {
    "Architecture": "Each box is a stage: what it does, the shape it leaves, its parameters.",
    "Filters": "The kernels of every convolution, each layer on one scale.",
    "Through the network": "One trace through all stages, on its own time axis.",
    "Feature maps": "What each layer makes of the traces: events on the left, noise on the right, "
    "in the same colours.",
    "Attention": "What each step attends to: events on the left, noise on the right, in the same "
    "colours.",
    "Attention's parameters": "The weights of the attention layers.",
    "Why": "What of the waveform the highest probability hangs on.",
}


def gallery(title: str, facts: Sequence[str], pictures: "Sequence[tuple[Picture, bytes]]") -> str:
    """Return the page.

    Parameters
    ----------
    title
        Title of the page.
    facts
        Source of the pictures, a line each.
    pictures
        Each with its WebP copy, sorted by section and group.
    """
    # The groups are consumed at once: `groupby` shares its iterator with them.
    sections = [
        (name, list(section_pictures))
        for name, section_pictures in groupby(pictures, lambda item: item[0].section)
    ]
    links = [f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name, _ in sections]
    blocks = [_section(name, section_pictures) for name, section_pictures in sections]
    nav = f"<nav>{''.join(links)}</nav>"
    hint = "A click enlarges a picture; another one, or Escape, puts it back."
    return html.page(
        title, html.bullets(facts), nav, html.paragraph(hint), *blocks, ESCAPE, style=STYLE
    )


def _section(name: str, pictures: "list[tuple[Picture, bytes]]") -> str:
    anchor = f'<a id="{_anchor(name)}"></a>'
    blocks = []
    for group, group_pictures in groupby(pictures, lambda item: item[0].group):
        thumbs = "\n".join(_thumb(picture, copy) for picture, copy in group_pictures)
        blocks.append(f'<div class="{"pair" if group else "grid"}">\n{thumbs}\n</div>')
    return anchor + html.section(name, html.paragraph(SECTION_TEXTS.get(name, "")), *blocks)


def _thumb(picture: "Picture", copy: bytes) -> str:
    """Return a thumbnail; a hidden checkbox, toggled by a click, enlarges it through CSS."""
    text = escape(picture.caption)
    return (
        f'<label class="thumb"><input type="checkbox" aria-label="enlarge {text}">'
        f"{html.image(copy, picture.caption, 'webp')}<span>{text}</span></label>"
    )


def _anchor(name: str) -> str:
    """Return the anchor of a section.

    >>> _anchor("Attention's parameters")
    'attentions-parameters'
    """
    return name.lower().replace("'", "").replace(" ", "-")
