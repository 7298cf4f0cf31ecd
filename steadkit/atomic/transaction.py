"""Atomic writes of files and folders: staged next to the target, renamed when complete.

A kill at any moment leaves the old files or folder or the new ones, and perhaps a hidden folder
``.<name>.partial`` next to the target. The next run on that target continues with the staged files
that it can use and removes the others; where the kill fell between two renames, it first moves the
remaining complete files into place, or restores the old folder.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from steadkit.atomic.stage import REPLACED, Move, StagingFolder, file_identity, staging_folder, sync
from steadkit.atomic.targets import input_at, refuse_existing_files, refuse_harm, target_exists
from steadkit.errors import InputError


def check_targets(
    targets: Sequence[Path], overwrite: bool = False, kinds: Sequence[str] = ()
) -> None:
    """Refuse targets that `atomic_write` would refuse, before any work.

    Parameters
    ----------
    targets, overwrite, kinds
        As for `atomic_write`.

    Raises
    ------
    InputError
        One of them may not be written.
    """
    stage = _staging(targets)
    refuse_harm(targets, overwrite, kinds)
    refuse_existing_files(
        targets, overwrite, _placed_targets(stage, targets) if stage.folder.is_dir() else ()
    )


@contextmanager
def atomic_write(
    targets: Sequence[Path],
    overwrite: bool = False,
    keep: Sequence[str] = (),
    kinds: Sequence[str] = (),
) -> Iterator[list[Path]]:
    """Write several files atomically: either all of them appear, complete, or none.

    Parameters
    ----------
    targets
        Final paths, all in one folder. They are staged under the name of the first, so two
        commands that share it exclude each other. The last one is moved last, so where it exists
        the others do too.
    overwrite
        Whether targets that exist may be replaced: by files of the same kind, never where the
        command reads them or they belong to a run or a data set that it does not make.
    keep
        Names of staged files that a later run can continue with. They stay in the staging folder
        when a run is killed or the disk is full.
    kinds
        The kind of each target, see `steadkit.atomic.kinds`; by its ending by default.

    Yields
    ------
    list of Path
        Staging path of each file, in the order of `targets`.

    Raises
    ------
    InputError
        A target or its folder cannot be written, another process is writing the same target, or
        the staging folder holds files of another origin.
    """
    stage = _staging(targets)
    refuse_harm(targets, overwrite, kinds)
    with stage.hold():
        # Under the lock: two commands that found the same interrupted commit must not both complete
        # it.
        placed_targets = _finish_commit(stage, targets, overwrite)
        refuse_existing_files(targets, overwrite, placed_targets)
        stage.clear(keep)
        paths = [stage.folder / target.name for target in targets]
        is_written = False
        try:
            yield paths
            is_written = True
            # The command may have read more since, and the user may have made a file.
            refuse_harm(targets, overwrite, kinds, paths)
            refuse_existing_files(targets, overwrite, placed_targets)
            _commit(stage, targets, overwrite, placed_targets)
        except BaseException as error:
            # After an error of the disk or Ctrl-C the staged part of the work is sound; after any
            # other error it may be the cause.
            is_usable = is_written or isinstance(error, OSError | KeyboardInterrupt)
            if not stage.is_committing():  # else the next run moves the rest
                stage.clear(keep if is_usable else ())
            raise
        stage.clear()


def write_text(target: Path, text: str, overwrite: bool = False, kind: str = "") -> None:
    """Write a small UTF-8 text file atomically."""
    write_one(
        target, lambda path: path.write_text(text, encoding="utf-8", newline="\n"), overwrite, kind
    )


def write_one(
    target: Path, write: Callable[[Path], object], overwrite: bool = False, kind: str = ""
) -> None:
    """Call `write` with a staging path, and move the file that it makes into place."""
    with atomic_write([target], overwrite, kinds=[kind] if kind else ()) as (path,):
        write(path)


def _staging(targets: Sequence[Path]) -> StagingFolder:
    folders = {target.parent for target in targets}
    if len(folders) != 1:
        raise ValueError(f"targets must share one folder, got {sorted(map(str, folders))}")
    folder = folders.pop()
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r} to write into: make it first")
    return StagingFolder(staging_folder(targets[0]), frozenset(target.name for target in targets))


def _placed_targets(stage: StagingFolder, targets: Sequence[Path]) -> set[Path]:
    """Return the targets that an interrupted commit has moved, unchanged since."""
    moves = stage.read_commit()
    return {t for t in targets if moves and file_identity(t) == moves[t.name].staged}


def _finish_commit(stage: StagingFolder, targets: Sequence[Path], overwrite: bool) -> set[Path]:
    """Complete the commit of a killed run; return the targets that it wrote.

    Raises
    ------
    InputError
        The user has made a file at a target since; nothing is moved then.
    """
    moves, placed_targets = stage.read_commit(), _placed_targets(stage, targets)
    if not moves:
        return set()
    staged_targets = [
        target
        for target in targets
        if file_identity(stage.folder / target.name) == moves[target.name].staged
    ]
    if placed_targets.union(staged_targets) != set(targets):
        # The user has removed or changed a file that was in place: the rest is of no use.
        return placed_targets
    for target in staged_targets:
        move = moves[target.name]
        # A record that another user has put into a shared folder is no leave to replace anything.
        replaceable = (move.staged, move.replaced if stage.is_from_this_user() else None)
        if not overwrite and file_identity(target) not in replaceable:
            refuse_existing_files([target], overwrite)
    for target in staged_targets:
        stage.move(target.name, may_replace=True)
    stage.end_commit()
    return set(targets)


def _commit(
    stage: StagingFolder, targets: Sequence[Path], overwrite: bool, placed_targets: Collection[Path]
) -> None:
    moves = {}
    for target in targets:
        staged_file = stage.folder / target.name
        # Bytes before the record, the record before the first rename, the renames before the record
        # goes: a power failure at any moment leaves files that are complete.
        sync(staged_file)
        identity = file_identity(staged_file)
        assert identity is not None
        # What is replaced is recorded too, so that a later run tells it from a file that the user
        # made since.
        moves[target.name] = Move(identity, file_identity(target))
    stage.write_commit(moves)
    for target in targets:
        try:
            stage.move(target.name, may_replace=overwrite or target in placed_targets)
        except FileExistsError:
            refuse_existing_files([target])
            raise
    stage.end_commit()


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
        raise target_exists(target)
    for name in written:
        if input_at(target / name):
            raise InputError(
                f"{str(target / name)!r} is a source of this command: choose another folder"
            )


def file_digests(folder: Path) -> dict[str, str]:
    """Return the digest of every plain file in a folder, by its relative name."""
    digests = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            digests[path.relative_to(folder).as_posix()] = digest
    return digests


def unchanged_files(folder: Path, digests: Mapping[str, str]) -> list[str]:
    """List the files of a folder whose content is that of `file_digests` was asked.

    A list of names alone would let anybody, an unpacked archive for example, call files of the
    user's ours.
    """
    return [name for name, digest in file_digests(folder).items() if digests.get(name) == digest]


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
    stage = StagingFolder(staging_folder(target), (target.name,), is_for_folder=True)
    # Both are in the staging folder, so on the file system of the target: a rename never copies.
    new, old = stage.folder / target.name, stage.folder / f"{target.name}{REPLACED}"
    with _parent_folders(target), stage.hold():
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
            moved = target / name
            moved.parent.mkdir(parents=True, exist_ok=True)
            while os.path.lexists(moved):
                moved = moved.with_name(f"{moved.name}.old")
            os.replace(path, moved)
    shutil.rmtree(old)
