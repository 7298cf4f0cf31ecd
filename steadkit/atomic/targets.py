"""Files that no command overwrites, even with --overwrite: inputs, data sets, other kinds."""

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatchcase
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple

from steadkit.atomic.kinds import file_kind, kind_to_write, may_replace
from steadkit.atomic.stage import COMMIT, MARK
from steadkit.errors import InputError

HDF5_SUFFIXES = (".hdf5", ".h5")


class Owner(NamedTuple):
    """A folder whose files belong together: its name, identifying files, member patterns."""

    name: str
    proof: Sequence[str]
    members: Sequence[str]


OWNERS = (
    Owner(
        "run",
        ("config.json", "split.manifest"),
        (
            *("README.txt", "config.json", "split.manifest", "history.csv", "state.npz"),
            *("best.weights.h5", "last.weights.h5", "nan_batch.npz", "curves.png"),
        ),
    ),
    Owner(
        "evaluation",
        ("metrics.json", "picks.csv"),
        (
            *("metrics.json", "picks.csv", "detections.csv", "traces.csv", "study.csv"),
            "X_test_results.csv",
            *("residuals.png", "examples.png", "worst.png", "report.html"),
            *("position_windows.csv", "position.csv", "position_second.csv"),
            *("position_summary.csv", "position_window.png", "position_second.png"),
        ),
    ),
    Owner("set of pictures", ("visualize.json",), ("*.png", "*.pdf", "*.svg", "*.npz", "*.json")),
    Owner(
        "experiment",
        ("experiment.json",),
        (
            *("experiment.json", "split.manifest"),
            *("networks.csv", "columns.csv", "comparison.csv", "seeds.csv", "claims.csv"),
            *("scores.png", "claims.png", "differences.png", "losses.png"),
            *("report.md", "report.html"),
        ),
    ),
    Owner("comparison", ("comparison.csv", "comparison.md", "comparison.html"), ("comparison.*",)),
    Owner(
        "prediction",
        ("run.json", "coverage.csv"),
        (
            *("run.json", "summary.html", "picks*", "stations_*.csv", "candidates.parquet"),
            *("detections.csv", "X_prediction_results.csv", "unused.csv", "coverage.csv"),
            *("units/*", "probabilities/*", "plots/*"),
        ),
    ),
    Owner("SavedModel", ("saved_model.pb",), ("*.pb", "variables/*", "assets/*")),
)
"""A file that matches a member pattern belongs to the parent folder that has the proof."""

MAX_PARENT_FOLDERS = 3
"""Number of parent folders that are searched for a proof."""


def refuse_harm(
    targets: Sequence[Path],
    overwrite: bool = False,
    kinds: Sequence[str] = (),
    staged_files: Sequence[Path] = (),
) -> None:
    """Refuse targets that would harm a file, whether or not existing files may be replaced.

    Parameters
    ----------
    targets
        All files that a command writes together.
    overwrite
        Whether existing files may be replaced at all; if not, only inputs are checked.
    kinds
        The kind of each target; by its ending where missing.
    staged_files
        The staged file of each target, where it is written already.

    Raises
    ------
    InputError
        A target is an input of the command, belongs to a folder or data set that it does not
        write, or is of another kind than the new file.
    """
    refuse_folders(targets)
    declared_kinds = chain(kinds, repeat(""))
    files = chain(staged_files, repeat(None))
    for target, kind, staged_file in zip(targets, declared_kinds, files, strict=False):
        # A target of that name would be taken for the mark or the record of its own staging folder.
        if target.name in (MARK, COMMIT, f"{COMMIT}.new"):
            raise InputError(f"{str(target)!r} is a name of steadkit's own: choose another name")
        if not os.path.lexists(target):
            continue
        if input_at(target):
            raise InputError(
                f"{str(target)!r} is a source of this command: choose another name for the output"
            )
        # A dangling link exists for `lexists` alone: there is nothing behind it to harm.
        if overwrite and os.path.exists(target):
            _refuse_owned(target, targets)
            present, new = file_kind(target), kind_to_write(target, kind, staged_file)
            if not may_replace(new, present):
                raise InputError(
                    f"{str(target)!r} is a {present}, and a {new} would be written: "
                    "choose another name, or move it away"
                )


def refuse_existing_files(
    targets: Sequence[Path], overwrite: bool = False, placed_targets: Collection[Path] = ()
) -> None:
    """Refuse folders, and files that exist and may not be replaced.

    Raises
    ------
    InputError
        A target is a folder, or exists, is not among `placed_targets`, and `overwrite` is false.
    """
    refuse_folders(targets)
    for target in reversed(targets):
        if os.path.lexists(target) and not overwrite and target not in placed_targets:
            raise target_exists(target)


def target_exists(target: Path) -> InputError:
    """Return the error for a target that exists and may not be replaced."""
    return InputError(
        f"{str(target)!r} exists: choose another name, or replace it with --overwrite"
    )


def refuse_folders(targets: Sequence[Path]) -> None:
    """Refuse targets that are folders."""
    for target in targets:
        if target.is_dir():
            raise InputError(f"{str(target)!r} is a folder: choose another name")


def _refuse_owned(target: Path, targets: Sequence[Path]) -> None:
    for owner, name in chain(_folders_with(target, targets), _data_sets_with(target, targets)):
        raise InputError(
            f"{str(target)!r} belongs to the {owner} {str(name)!r}: "
            "choose another name for the output"
        )


def _folders_with(target: Path, targets: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    # Not `resolve`: the folder that counts is that of the name which is replaced, link or not.
    path = Path(os.path.abspath(target))
    names = {written.name for written in targets}
    for folder in path.parents[:MAX_PARENT_FOLDERS]:
        name = path.relative_to(folder).as_posix()
        for owner in OWNERS:
            is_member = any(fnmatchcase(name, pattern) for pattern in owner.members)
            if (
                is_member
                # A command that writes the proof itself replaces the complete folder.
                and not names.issuperset(owner.proof)
                and all((folder / proof).is_file() for proof in owner.proof)
                and not is_writable_folder(folder)
            ):
                yield owner.name, folder


def _data_sets_with(target: Path, targets: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Find the data sets, in STEAD's or SeisBench's layout, that a target belongs to."""
    name, folder = target.name, target.parent
    member_names: list[str] = []
    if target.suffix in (".csv", ".manifest"):
        member_names += [target.stem + suffix for suffix in HDF5_SUFFIXES]
        if name.startswith("metadata"):
            member_names.append(f"waveforms{target.stem.removeprefix('metadata')}.hdf5")
    elif target.suffix in HDF5_SUFFIXES:
        member_names.append(f"{target.stem}.csv")
        if name.startswith("waveforms"):
            member_names.append(f"metadata{target.stem.removeprefix('waveforms')}.csv")
    written_names = {path.name for path in targets}
    for member in member_names:
        if member not in written_names and (folder / member).is_file():
            yield "data set", folder / member


_Inode = tuple[int, int]

_INPUTS: ContextVar[dict[_Inode, Path] | None] = ContextVar("inputs", default=None)
_OUTPUT_FOLDERS: ContextVar[frozenset[_Inode]] = ContextVar("folders made", default=frozenset())


@contextmanager
def input_scope(is_separate: bool = False) -> Iterator[None]:
    """Register the files read within; a nested scope joins the outer one.

    Parameters
    ----------
    is_separate
        Whether files read within are not registered outside: for a command that another one runs,
        or one that looks at its own earlier output.
    """
    if _INPUTS.get() is not None and not is_separate:
        yield
        return
    # A context variable, so that threads of a program that run two commands do not see each other's
    # inputs.
    token = _INPUTS.set({})
    try:
        yield
    finally:
        _INPUTS.reset(token)


def note_input(*paths: Path) -> None:
    """Register files that are read, except those in output folders."""
    inputs = _INPUTS.get()
    if inputs is not None:
        for path in paths:
            # By inode and not by name: hard links, symbolic links and `..` name one file in many
            # ways.
            if (inode := file_inode(path)) and not (
                _OUTPUT_FOLDERS.get() and is_writable_folder(path.parent)
            ):
                inputs.setdefault(inode, path)


def release_input(path: Path) -> None:
    """Allow writing a registered file: the command made it, or writes its content again."""
    inputs, inode = _INPUTS.get(), file_inode(path)
    if inputs is not None and inode:
        inputs.pop(inode, None)


def input_at(path: Path) -> Path | None:
    """Return the input that has this name, or that this links to; None if it is no input."""
    inputs, inode = _INPUTS.get(), file_inode(path)
    return inputs.get(inode) if inputs and inode else None


@contextmanager
def writable_folder(folder: Path) -> Iterator[None]:
    """Allow writing files that belong to a folder, such as a run, while the command makes it."""
    inode = file_inode(folder)
    token = _OUTPUT_FOLDERS.set(_OUTPUT_FOLDERS.get() | {inode} if inode else _OUTPUT_FOLDERS.get())
    try:
        yield
    finally:
        _OUTPUT_FOLDERS.reset(token)


def is_writable_folder(folder: Path) -> bool:
    """Return whether the command is making a folder."""
    return file_inode(folder) in _OUTPUT_FOLDERS.get()


def file_inode(path: Path) -> _Inode | None:
    """Return device and inode of a file; links are followed. None if it does not exist."""
    try:
        # ValueError: a name with a zero byte, which no file has.
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
