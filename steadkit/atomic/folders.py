"""Atomic replacement of a folder: made next to its target, renamed when complete.

A kill at any moment leaves the old folder or the new one, and perhaps a hidden folder
``.<name>.partial`` next to it. The next run on that target removes it, or restores the old folder
where the kill fell between two renames.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from steadkit.atomic.inputs import input_at
from steadkit.atomic.lock import staging_folder, sync
from steadkit.atomic.stage import REPLACED, Stage
from steadkit.errors import InputError

OwnedFiles = Callable[[Path], Collection[str] | None]
"""Lists the files of a folder that may be replaced, as relative names; None forbids it."""


def forbid(folder: Path) -> None:
    """Forbid the replacement of any folder."""


def check_folder(target: Path, overwrite: bool = False, owned_files: OwnedFiles = forbid) -> None:
    """Refuse a target that `atomic_folder` would refuse, before any work.

    Raises
    ------
    InputError
        The target exists and is of another kind, may not be replaced, or is read by the command.
    """
    target = target.absolute()
    if not os.path.lexists(target):
        return
    if target.is_symlink() or not target.is_dir():
        raise InputError(f"{str(target)!r} is no folder: choose another name with --output")
    written = owned_files(target)
    if written is None:
        raise InputError(
            f"{str(target)!r} exists and is something else than what would be written: "
            "choose another name, or move it away"
        )
    if not overwrite:
        raise InputError(
            f"{str(target)!r} exists: choose another name, or replace it with --overwrite"
        )
    for name in written:
        if input_at(target / name):
            raise InputError(
                f"{str(target / name)!r} is a source of this command: choose another folder"
            )


def file_digests(folder: Path) -> dict[str, str]:
    """Return the digest of every plain file in a folder, by its relative name."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): _digest(path) for path in paths}


def unchanged_files(folder: Path, digests: Mapping[str, str]) -> list[str]:
    """List the files of a folder whose content is that of `file_digests` was asked.

    A list of names alone would let anybody, an unpacked archive for example, call files of the
    user's ours.
    """
    return [name for name, digest in file_digests(folder).items() if digests.get(name) == digest]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_folder(
    target: Path, overwrite: bool = False, owned_files: OwnedFiles = forbid
) -> Iterator[Path]:
    """Make a folder in staging, and rename it to its target when it is complete.

    Parameters
    ----------
    target
        Final path; missing parent folders are made, and removed again on failure.
    overwrite
        Whether an existing folder may be replaced. Files in it that `owned_files` does not list
        are moved into the new one.
    owned_files
        Lists the replaceable files of an existing folder.

    Yields
    ------
    Path
        An empty staging folder.

    Raises
    ------
    InputError
        As `check_folder`, or another process writes the same, or the folder above cannot be
        written.
    """
    target = target.absolute()
    stage = Stage(staging_folder(target), (target.name,), is_for_folder=True)
    # Both are in the staging folder, so on the file system of the target: a rename never copies.
    new, old = stage.folder / target.name, stage.folder / f"{target.name}{REPLACED}"
    with _parent_folders(target), stage.held():
        _finish_exchange(target, new, old, owned_files)
        check_folder(target, overwrite, owned_files)
        try:
            stage.clear()
            new.mkdir()
            yield new
            # All bytes before the rename: without it a power failure might leave a complete name
            # with empty files.
            for path in (*new.rglob("*"), new):
                sync(path)
            check_folder(target, overwrite, owned_files)  # the user may have made one meanwhile
            _exchange(target, new, old)
        except BaseException:
            stage.clear()
            raise
        _finish_exchange(target, new, old, owned_files)


@contextmanager
def _parent_folders(target: Path) -> Iterator[None]:
    """Make the parent folders of a target; remove those made on failure."""
    missing = [folder for folder in target.parents if not os.path.lexists(folder)]
    try:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"cannot make the folder {str(target.parent)!r}: {error.strerror}; "
                "choose another name"
            ) from error
        yield
    except BaseException:
        for folder in missing:  # the deepest first
            with suppress(OSError):
                folder.rmdir()
        raise


def _exchange(target: Path, new: Path, old: Path) -> None:
    if os.path.lexists(target):
        os.rename(target, old)
    try:
        os.rename(new, target)
    except BaseException:
        if old.exists() and not os.path.lexists(target):
            os.rename(old, target)
        raise
    # The rename itself is durable only when the folder that holds the name is.
    sync(target.parent)


def _finish_exchange(target: Path, new: Path, old: Path, owned_files: OwnedFiles) -> None:
    """Remove the old folder if the new one is in place, else restore it.

    Raises
    ------
    InputError
        The user has made another folder at the target; nothing is moved then.
    """
    if not old.exists():
        return
    if not os.path.lexists(target):
        os.rename(old, target)
        return
    # With both halves present the exchange never took place, so what is at the target is the
    # user's.
    if new.exists() or target.is_symlink() or owned_files(target) is None:
        raise InputError(
            f"{str(target)!r} was made while it was being replaced, and what was there before is "
            f"{str(old)!r}: move one of them away"
        )
    written = owned_files(old) or ()
    for path in sorted(old.rglob("*")):
        # Files that the user put into the old folder move to the new one; only the command's own
        # are dropped.
        name = path.relative_to(old).as_posix()
        if (path.is_symlink() or not path.is_dir()) and name not in written:
            _move_aside(path, target / name)
    shutil.rmtree(old)


def _move_aside(path: Path, target: Path) -> None:
    """Move a file of the user's to a path, with the ending ``.old`` if that exists."""
    target.parent.mkdir(parents=True, exist_ok=True)
    while os.path.lexists(target):
        target = target.with_name(f"{target.name}.old")
    os.replace(path, target)
