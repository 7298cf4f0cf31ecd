"""The folder of pictures: where it goes, and which of its files are ours."""

import json
from collections.abc import Mapping
from pathlib import Path

from steadkit.atomic import digests_of, unchanged_files
from steadkit.paths import is_file
from steadkit.version import __version__

MARK = "visualize.json"
"""This file says what the pictures are of, and which files belong to them: name and digest."""

FOLDER = "visualize"
"""Where pictures go that are given no folder: in a run, or beside a file."""


def default_folder(path: Path, command: str) -> Path:
    """Choose where the pictures of a network go.

    >>> default_folder(Path("nets/a.keras"), "maps").as_posix()
    'nets/visualize/a/maps'
    """
    parent = path / FOLDER if path.is_dir() else path.parent / FOLDER / name_of(path)
    return parent / command


def name_of(path: Path) -> str:
    """Name a network by its file, without the ending, or by its run folder."""
    if path.is_dir():
        return path.resolve().name
    return path.name.removesuffix(".h5").removesuffix(".weights").removesuffix(".keras")


def mark(folder: Path, facts: Mapping[str, object]) -> None:
    """Write down of what the pictures are, and which files belong to them."""
    content = {"eqt": __version__, **facts, "files": digests_of(folder)}
    (folder / MARK).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def files_of(folder: Path) -> list[str] | None:
    """List the files of ours in a folder; None where it has no list that can be read."""
    try:
        if not is_file(folder / MARK):
            return None
        content = json.loads((folder / MARK).read_text(encoding="utf-8"))
        return [MARK, *unchanged_files(folder, dict(content["files"]))]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
