"""Atomic writes of files: staged next to the target, renamed when complete.

A kill at any moment leaves the old files or the new ones, and perhaps a hidden folder
``.<name>.partial`` next to the target. The next run on that target continues with the staged files
that it can use and removes the others; where the kill fell between two renames, it first moves the
remaining complete files into place.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from steadkit.atomic.lock import staging_folder, sync
from steadkit.atomic.stage import Move, Stage, identity_of
from steadkit.atomic.targets import refuse_existing, refuse_harm
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
    stage = _stage_of(targets)
    refuse_harm(targets, overwrite, kinds)
    refuse_existing(
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
    stage = _stage_of(targets)
    refuse_harm(targets, overwrite, kinds)
    with stage.held():
        # Under the lock: two commands that found the same interrupted commit must not both complete
        # it.
        placed = _finish_commit(stage, targets, overwrite)
        refuse_existing(targets, overwrite, placed)
        stage.clear(keep)
        paths = [stage.folder / target.name for target in targets]
        is_written = False
        try:
            yield paths
            is_written = True
            # The command may have read more since, and the user may have made a file.
            refuse_harm(targets, overwrite, kinds, paths)
            refuse_existing(targets, overwrite, placed)
            _commit(stage, targets, overwrite, placed)
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
    with atomic_write([target], overwrite, kinds=[kind] if kind else ()) as (path,):
        path.write_text(text, encoding="utf-8", newline="\n")


def write_one(
    target: Path, write: Callable[[Path], object], overwrite: bool = False, kind: str = ""
) -> None:
    """Call `write` with a staging path, and move the file that it makes into place."""
    with atomic_write([target], overwrite, kinds=[kind] if kind else ()) as (path,):
        write(path)


def _stage_of(targets: Sequence[Path]) -> Stage:
    folders = {target.parent for target in targets}
    if len(folders) != 1:
        raise ValueError(f"targets must share one folder, got {sorted(map(str, folders))}")
    folder = folders.pop()
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r} to write into: make it first")
    return Stage(staging_folder(targets[0]), frozenset(target.name for target in targets))


def _placed_targets(stage: Stage, targets: Sequence[Path]) -> set[Path]:
    """Return the targets that an interrupted commit has moved, unchanged since."""
    moves = stage.read_commit()
    return {t for t in targets if moves and identity_of(t) == moves[t.name].staged}


def _finish_commit(stage: Stage, targets: Sequence[Path], overwrite: bool) -> set[Path]:
    """Complete the commit of a killed run; return the targets that it wrote.

    Raises
    ------
    InputError
        The user has made a file at a target since; nothing is moved then.
    """
    moves, placed = stage.read_commit(), _placed_targets(stage, targets)
    if not moves:
        return set()
    waiting = [t for t in targets if identity_of(stage.folder / t.name) == moves[t.name].staged]
    if placed.union(waiting) != set(targets):
        # The user has removed or changed a file that was in place: the rest is of no use.
        return placed
    for target in waiting:
        move = moves[target.name]
        # A record that another user has put into a shared folder is no leave to replace anything.
        replaceable = (move.staged, move.replaced if stage.is_of_this_user() else None)
        if not overwrite and identity_of(target) not in replaceable:
            refuse_existing([target], overwrite)
    for target in waiting:
        stage.move(target.name, may_replace=True)
    stage.end_commit()
    return set(targets)


def _commit(
    stage: Stage, targets: Sequence[Path], overwrite: bool, placed: Collection[Path]
) -> None:
    moves = {}
    for target in targets:
        staged_file = stage.folder / target.name
        # Bytes before the record, the record before the first rename, the renames before the record
        # goes: a power failure at any moment leaves files that are complete.
        sync(staged_file)
        identity = identity_of(staged_file)
        assert identity is not None
        # What is replaced is recorded too, so that a later run tells it from a file that the user
        # made since.
        moves[target.name] = Move(identity, identity_of(target))
    stage.write_commit(moves)
    for target in targets:
        try:
            stage.move(target.name, may_replace=overwrite or target in placed)
        except FileExistsError:
            refuse_existing([target])
            raise
    stage.end_commit()
