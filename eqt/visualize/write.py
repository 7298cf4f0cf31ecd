"""Output folder of figures: pictures, their arrays, a gallery page, and the record of the files."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave

from eqt.visualize.gallery import gallery
from steadkit.atomic import atomic_folder, file_digests, unchanged_files, write_text
from steadkit.console import progress
from steadkit.paths import is_file
from steadkit.plots.style import METADATA, drawable, styled
from steadkit.version import __version__

if TYPE_CHECKING:
    from eqt.visualize.context import ModelContext
    from eqt.visualize.traces import SelectedTraces

RECORD = "visualize.json"
"""Record of the source of the figures, and of their files: name and digest."""

FOLDER = "visualize"
"""Default folder, in a run or next to a file."""

PAGE = "index.html"

SEEN = "seen"
"""Key of the fact that is shown first on the page, without its key."""

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


def figures_folder(path: Path, command: str) -> Path:
    """Return the default folder of a command's figures.

    >>> figures_folder(Path("nets/a.keras"), "maps").as_posix()
    'nets/visualize/a/maps'
    """
    parent = path / FOLDER if path.is_dir() else path.parent / FOLDER / network_name(path)
    return parent / command


def network_name(path: Path) -> str:
    """Return the name of a network: its file without the suffix, or its run folder."""
    if path.is_dir():
        return path.resolve().name
    return path.name.removesuffix(".h5").removesuffix(".weights").removesuffix(".keras")


def recorded_files(folder: Path) -> list[str] | None:
    """Return the unchanged files of the record of a folder; None without a readable record."""
    try:
        if not is_file(folder / RECORD):
            return None
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return [RECORD, *unchanged_files(folder, dict(content["files"]))]
    # A record that cannot be read proves nothing: then no file of the folder is ours to replace.
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def facts_of(
    context: "ModelContext", shown: "SelectedTraces | None" = None, seen: str = ""
) -> dict[str, object]:
    """Return the source of pictures: network, data and traces.

    Parameters
    ----------
    context, shown
        The network, and the traces.
    seen
        A line on the traces that the network was trained on, empty where there are none.
    """
    facts: dict[str, object] = {SEEN: seen} if seen else {}
    facts |= {
        "network": str(context.path),
        "parameters": context.model.count_params(),
    }
    if shown is not None:
        facts |= {"data": str(context.data), "normalization": context.scale}
        facts["traces"] = shown.names
    return facts


def save_content(
    content: Content,
    folder: Path,
    file_format: str,
    facts: dict[str, object],
    overwrite: bool = False,
    with_page: bool = False,
) -> Path:
    """Write pictures and arrays into a folder atomically, with a page of all of them.

    Parameters
    ----------
    content, file_format
        Pictures and arrays, and the pictures' format: png, pdf or svg.
    folder
        The output folder.
    facts
        Source of the pictures, recorded in the folder.
    overwrite
        Whether an existing folder of pictures may be replaced.
    with_page
        Whether to write the page.

    Returns
    -------
    Path
        The page, or the folder.

    Raises
    ------
    InputError
        The folder exists or cannot be written.
    """
    with atomic_folder(folder, overwrite, recorded_files) as new_folder:
        copies = write_pictures(content, new_folder, file_format, with_page)
        if with_page:
            lines = [_line(name, value) for name, value in facts.items()]
            title = f"What the layers of {Path(str(facts['network'])).name} do"
            write_text(new_folder / PAGE, gallery(title, lines, copies))
        write_record(new_folder, facts)  # last, since it has the digests of all other files
    return folder / PAGE if with_page else folder


def write_pictures(
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
        One of png, pdf and svg.
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
    """Write a figure; return a WebP copy of it, empty where none is wanted."""
    metadata: Any = METADATA[file_format]
    with drawable(figure):
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


def _line(name: str, value: object) -> str:
    if name == SEEN:
        return str(value)
    if isinstance(value, list):
        return f"{name}: {', '.join(map(str, value))}"
    text = f"{value:,}" if isinstance(value, int) else json.dumps(value).strip('"')
    return f"{name}: {text}"


def write_record(folder: Path, facts: Mapping[str, object]) -> None:
    """Write the record of the source of the figures and of the files in the folder."""
    content = {"eqt": __version__, **facts, "files": file_digests(folder)}
    (folder / RECORD).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
