"""Files that no command overwrites, even with --overwrite: inputs, data sets, other kinds."""

import os
from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple

from steadkit.atomic.inputs import input_at, is_output_folder
from steadkit.atomic.kinds import kind_of_file, kind_to_write, may_replace
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
            _refuse_other_kind(target, kind_to_write(target, kind, staged_file))


def refuse_existing(
    targets: Sequence[Path], overwrite: bool = False, placed: Collection[Path] = ()
) -> None:
    """Refuse folders, and files that exist and may not be replaced.

    Raises
    ------
    InputError
        A target is a folder, or exists, is not among `placed`, and `overwrite` is false.
    """
    refuse_folders(targets)
    for target in reversed(targets):
        if os.path.lexists(target) and not overwrite and target not in placed:
            raise InputError(
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
                and not is_output_folder(folder)
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


def _refuse_other_kind(target: Path, kind: str) -> None:
    present_kind = kind_of_file(target)
    if not may_replace(kind, present_kind):
        raise InputError(
            f"{str(target)!r} is a {present_kind}, and a {kind} would be written: "
            "choose another name, or move it away"
        )
