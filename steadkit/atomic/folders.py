"""Put a folder in place whole or not at all: made beside its place, renamed when complete.

A kill at any moment leaves the old folder or the new one. What it may leave besides is a hidden
folder beside, ``.<name>.partial`` or ``.<name>.replaced``; the next run on that folder clears it
up, or puts the old one back where the kill fell between two renames.
"""

import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from steadkit.atomic.lock import locked, sync
from steadkit.errors import InputError

Ours = Callable[[Path], Collection[str] | None]
"""Lists the files of a folder that may be replaced, as relative names; None if it is not of ours.
"""


def nobody_s(folder: Path) -> None:
    """Say of any folder that it may not be replaced."""


def check_folder(target: Path, overwrite: bool = False, ours: Ours = nobody_s) -> None:
    """Refuse a place where a folder may not be put, before any work.

    Raises
    ------
    InputError
        Something is there that is not of ours, or may not be replaced.
    """
    target = target.absolute()
    if not os.path.lexists(target):
        return
    if target.is_symlink() or not target.is_dir():
        raise InputError(f"{str(target)!r} is no folder: choose another name with --out")
    if ours(target) is None:
        raise InputError(
            f"{str(target)!r} exists and is something else than what would be written: "
            "choose another name, or move it away"
        )
    if not overwrite:
        raise InputError(
            f"{str(target)!r} exists: choose another name, or replace it with --overwrite"
        )


@contextmanager
def staged_folder(target: Path, overwrite: bool = False, ours: Ours = nobody_s) -> Iterator[Path]:
    """Make a folder beside its place, and move it there when it is complete.

    Parameters
    ----------
    target
        Where the folder shall stand; folders above it are made.
    overwrite
        Whether one that is there may be replaced. Files in it that `ours` does not list are moved
        into the new one.
    ours
        Knows a folder that may be replaced.

    Yields
    ------
    Path
        Where to write meanwhile: an empty folder.

    Raises
    ------
    InputError
        As `check_folder`, or another process writes the same, or the folder above cannot be
        written.
    """
    target = target.absolute()
    _make_parents(target)
    staging = target.with_name(f".{target.name}.partial")
    with locked(staging):
        _finish_killed(target, ours)
        check_folder(target, overwrite, ours)
        try:
            _empty(staging)
            yield staging
            for path in (*staging.rglob("*"), staging):
                sync(path)
            check_folder(target, overwrite, ours)  # the user may have made one meanwhile
            _exchange(staging, target)
        except BaseException:
            if staging.exists():
                _empty(staging)
            raise
        _finish_killed(target, ours)


def _make_parents(target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the folder {str(target.parent)!r}: {error.strerror}; choose another name"
        ) from error


def _set_aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.replaced")


def _exchange(staging: Path, target: Path) -> None:
    if target.exists():
        os.replace(target, _set_aside(target))
    os.replace(staging, target)
    sync(target.parent)


def _finish_killed(target: Path, ours: Ours) -> None:
    """Clear an old folder away once the new one stands; put it back where there is none."""
    aside = _set_aside(target)
    if not aside.exists():
        return
    if not target.exists():
        os.replace(aside, target)
        return
    written = ours(aside) or ()
    for path in sorted(aside.rglob("*")):
        name = path.relative_to(aside).as_posix()
        if (path.is_file() or path.is_symlink()) and name not in written:
            _keep(path, target / name)
    shutil.rmtree(aside)


def _keep(path: Path, place: Path) -> None:
    """Move somebody else's file to a place, or beside it if there is one now."""
    place.parent.mkdir(parents=True, exist_ok=True)
    while os.path.lexists(place):
        place = place.with_name(f"{place.name}.old")
    os.replace(path, place)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
