"""Writing of figures and arrays to files, one figure at a time."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave

from steadkit.console import progress
from steadkit.plots.style import METADATA, drawable, styled

FORMATS: Final = ("png", "pdf", "svg")

DPI = 120
"""Legible in print at the width of a page, and small enough to mail."""

WEBP_OPTIONS: Final = {"quality": 72, "method": 3}
"""Options of Pillow for the WebP copy of a page."""


@dataclass(frozen=True)
class Picture:
    """A figure to draw, with its file name and its place on the page."""

    stem: str
    """File name without suffix, folders separated by slashes."""
    section: str
    group: str
    """Pictures of one group are shown side by side."""
    caption: str
    draw: Callable[[], Figure]


@dataclass(frozen=True)
class Content:
    """Output of a command: pictures, and the arrays that they show, by file name."""

    pictures: Sequence[Picture]
    arrays: Mapping[str, Mapping[str, np.ndarray]]


def write(
    content: Content, folder: Path, file_format: str, with_copies: bool = False
) -> list[tuple[Picture, bytes]]:
    """Write pictures and arrays into a folder.

    Parameters
    ----------
    content
        Pictures and arrays.
    folder
        An existing folder.
    file_format
        One of `FORMATS`.
    with_copies
        Whether to return a small copy of each picture too, WebP, for a page.
    """
    copies = []
    for picture in progress(content.pictures, "drawing", len(content.pictures)):
        path = folder / f"{picture.stem}.{file_format}"
        path.parent.mkdir(parents=True, exist_ok=True)
        copy = _write_picture(picture.draw(), path, file_format, with_copies)
        copies.append((picture, copy))
    for name, arrays in content.arrays.items():
        with (folder / f"{name}.npz").open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return copies


@styled
def _write_picture(figure: Figure, path: Path, file_format: str, with_copy: bool) -> bytes:
    with drawable(figure):
        return _write_drawable(figure, path, file_format, with_copy)


def _write_drawable(figure: Figure, path: Path, file_format: str, with_copy: bool) -> bytes:
    metadata: Any = METADATA[file_format]
    if file_format != "png":
        figure.savefig(path, format=file_format, metadata=metadata)
        if not with_copy:
            return b""
    # Drawing is the expensive step, so PNG and WebP are encoded from the same pixels.
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    if file_format == "png":
        imsave(path, pixels, format="png", dpi=DPI, metadata=metadata)
    if not with_copy:
        return b""
    buffer = io.BytesIO()
    imsave(buffer, pixels, format="webp", dpi=DPI, pil_kwargs=dict(WEBP_OPTIONS))
    return buffer.getvalue()
