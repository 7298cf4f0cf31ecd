"""Put files in place whole or not at all: staged beside the target, renamed when complete.

A kill at any moment leaves the old files or the new ones. What a kill may leave besides is a
hidden folder ``.<name>.partial`` next to the target. The next run on that target goes on with what
it can use of it and removes the rest; or, where the kill fell between two renames, first moves the
rest of the complete files into place.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from steadkit.atomic.lock import locked, sync
from steadkit.errors import InputError

COMMIT_MARK = ".complete"
"""This file in a staging folder lists the targets that are staged whole and being moved."""


@contextmanager
def staged(
    targets: Sequence[Path], overwrite: bool = False, keep: Sequence[str] = ()
) -> Iterator[list[Path]]:
    """Write several files as one: all of them appear, complete, or none.

    Parameters
    ----------
    targets
        Where the files shall stand, all in one folder. The last one is moved last, so where it
        exists the others do too.
    overwrite
        Whether targets that exist may be replaced.
    keep
        Names of staged files that a later run can go on with. They stay where they are when a
        run is killed or the disk is full, and are there again when it is repeated.

    Yields
    ------
    list of Path
        Where to write each file meanwhile, in the order of `targets`.

    Raises
    ------
    InputError
        A target exists (and `overwrite` is false), its folder cannot be written, or another
        process is writing the same target.
    """
    folder = _common_folder(targets)
    # By the stem: a.hdf5 and a.h5 share a.csv, so they must share the lock too.
    staging = folder / f".{targets[-1].stem}.partial"
    with locked(staging):
        # What a killed run had complete is moved on, and may be replaced by its rerun.
        ours = _finish_killed(staging)
        _refuse_existing(targets, overwrite, ours)
        _empty(staging, keep)
        try:
            paths = [staging / target.name for target in targets]
            yield paths
            _refuse_existing(targets, overwrite, ours)  # the user may have made one meanwhile
            _move_into_place(paths, targets, staging)
        except (OSError, KeyboardInterrupt):
            _empty(staging, (*keep, COMMIT_MARK))  # a full disk, say: what is done is done
            raise
        except BaseException:
            _empty(staging, (COMMIT_MARK,))
            raise
        _empty(staging)


def write_text(target: Path, text: str, overwrite: bool = False) -> None:
    """Write a small text file, UTF-8, whole or not at all."""
    with staged([target], overwrite) as (path,):
        path.write_text(text, encoding="utf-8", newline="\n")


def write_with(target: Path, write: Callable[[Path], object], overwrite: bool = False) -> None:
    """Let `write` make one file, a figure say, whole or not at all."""
    with staged([target], overwrite) as (path,):
        write(path)


def _common_folder(targets: Sequence[Path]) -> Path:
    folders = {target.parent for target in targets}
    if len(folders) != 1:
        raise ValueError(f"targets must share one folder, got {sorted(map(str, folders))}")
    folder = folders.pop()
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r} to write into: make it first")
    return folder


def _finish_killed(staging: Path) -> set[Path]:
    """Move on what a run had complete when it was killed; returns where that stands now."""
    if not (staging / COMMIT_MARK).exists():
        return set()
    names = (staging / COMMIT_MARK).read_text(encoding="utf-8").split("\n")
    targets = [staging.parent / name for name in names]
    for target in targets:
        if (staging / target.name).exists():
            os.replace(staging / target.name, target)
    sync(staging.parent)
    (staging / COMMIT_MARK).unlink()
    return set(targets)


def _refuse_existing(targets: Sequence[Path], overwrite: bool, ours: set[Path]) -> None:
    for target in reversed(targets):
        if target.is_dir():
            raise InputError(f"{str(target)!r} is a folder: choose another name")
        if os.path.lexists(target) and not overwrite and target not in ours:
            raise InputError(
                f"{str(target)!r} exists: choose another name, or replace it with --overwrite"
            )


def _empty(staging: Path, keep: Sequence[str] = ()) -> None:
    if COMMIT_MARK in keep and (staging / COMMIT_MARK).exists():
        return  # the files beside it are whole: the next run moves them on
    for entry in staging.iterdir():
        if entry.name not in keep:
            entry.unlink()


def _move_into_place(paths: Sequence[Path], targets: Sequence[Path], staging: Path) -> None:
    for path in paths:
        sync(path)
    mark = staging / "mark"
    mark.write_text("\n".join(target.name for target in targets), encoding="utf-8")
    sync(mark)
    os.replace(mark, staging / COMMIT_MARK)
    sync(staging)
    for path, target in zip(paths, targets, strict=True):
        os.replace(path, target)
    sync(staging.parent)
    (staging / COMMIT_MARK).unlink()
