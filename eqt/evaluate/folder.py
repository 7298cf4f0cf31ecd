"""The folder of an evaluation: it appears whole or not at all, and only an evaluation gives way."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steadkit.errors import InputError
from steadkit.files import locked, sync

PROOF = "metrics.json"
"""A folder with this file is an evaluation."""

FILES = (
    "picks.csv",
    "detections.csv",
    "traces.csv",
    "study.csv",
    "residuals.png",
    "examples.png",
    "worst.png",
    "report.html",
    PROOF,
)
"""What an evaluation writes; other files in its folder are somebody else's."""


def refuse_existing(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that exists, unless it is an evaluation and may be replaced.

    Raises
    ------
    InputError
        It exists and is not to be replaced, or is something else.
    """
    folder = folder.resolve()
    if _set_aside(folder).exists() and not folder.exists():
        return  # a kill between two renames has left the old one aside: it is put back
    if not folder.exists():
        return
    if not overwrite:
        raise InputError(
            f"{str(folder)!r} exists: choose another folder with --out, or use --overwrite"
        )
    if not (folder / PROOF).is_file():
        raise InputError(
            f"{str(folder)!r} is no evaluation, it has no {PROOF}: "
            "choose another folder with --out, or move it away"
        )


@contextmanager
def staged_folder(folder: Path, overwrite: bool = False) -> Iterator[Path]:
    """Make a folder beside its place, and move it there when it is complete.

    An older evaluation is replaced, and files in there that no evaluation writes are moved into the
    new one. A kill leaves the old or the new, and the next run clears up what else it left.

    Yields
    ------
    Path
        Where to write meanwhile.

    Raises
    ------
    InputError
        As `refuse_existing`, or another process writes the same.
    """
    folder = folder.resolve()
    _make_parents(folder)
    staging, aside = folder.with_name(f".{folder.name}.partial"), _set_aside(folder)
    with locked(staging):
        _finish_killed(folder, aside)
        refuse_existing(folder, overwrite)
        try:
            _empty(staging)
            yield staging
            for path in (*staging.iterdir(), staging):
                sync(path)
            refuse_existing(folder, overwrite)  # somebody may have made one meanwhile
            if folder.exists():
                os.replace(folder, aside)
            os.replace(staging, folder)
            sync(folder.parent)
        except BaseException:
            if staging.exists():
                _empty(staging)
            raise
        _finish_killed(folder, aside)


def _make_parents(folder: Path) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"{str(folder.parent)!r} is no folder: choose another --out") from error


def _set_aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.replaced")


def _finish_killed(folder: Path, aside: Path) -> None:
    """Clear an old evaluation away once the new one stands; put it back where there is none."""
    if not aside.exists():
        return
    if not folder.exists():
        os.replace(aside, folder)
        return
    for entry in aside.iterdir():
        if entry.name not in FILES and not os.path.lexists(folder / entry.name):
            os.replace(entry, folder / entry.name)
    shutil.rmtree(aside)


def _empty(staging: Path) -> None:
    for entry in staging.iterdir():
        entry.unlink()
