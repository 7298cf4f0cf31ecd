"""Font fallback for names in any script, among the installed fonts."""

from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Final

import click
from matplotlib.font_manager import FontEntry, findfont, findSystemFonts, fontManager, get_font
from matplotlib.text import Text

from steadkit.console import echo

PREFERRED: Final = "Noto Sans"
"""Families that are tried first: they match one another, and cover most scripts."""

PLACEHOLDERS: Final = ("Last Resort", ".Last", "Adobe Blank")
"""Families that list every character, but draw placeholders."""

NORMAL_WEIGHT: Final = 400

MAX_NAMED: Final = 5
"""Characters that the message lists."""


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
