"""Output folder of figures: its default path, and the record of its files."""

import json
from collections.abc import Mapping
from pathlib import Path

from steadkit.atomic import file_digests, unchanged_files
from steadkit.paths import is_file
from steadkit.version import __version__

MARK = "visualize.json"
"""Record of the source of the figures, and of their files: name and digest."""

FOLDER = "visualize"
"""Default folder, in a run or next to a file."""


def default_folder(path: Path, command: str) -> Path:
    """Return the default folder of a command's figures.

    >>> default_folder(Path("nets/a.keras"), "maps").as_posix()
    'nets/visualize/a/maps'
    """
    parent = path / FOLDER if path.is_dir() else path.parent / FOLDER / name_of(path)
    return parent / command


def name_of(path: Path) -> str:
    """Return the name of a network: its file without the suffix, or its run folder."""
    if path.is_dir():
        return path.resolve().name
    return path.name.removesuffix(".h5").removesuffix(".weights").removesuffix(".keras")


def mark(folder: Path, facts: Mapping[str, object]) -> None:
    """Write the record of the source of the figures and of the files in the folder."""
    content = {"eqt": __version__, **facts, "files": file_digests(folder)}
    (folder / MARK).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def files_of(folder: Path) -> list[str] | None:
    """Return the unchanged files of the record of a folder; None without a readable record."""
    try:
        if not is_file(folder / MARK):
            return None
        content = json.loads((folder / MARK).read_text(encoding="utf-8"))
        return [MARK, *unchanged_files(folder, dict(content["files"]))]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
