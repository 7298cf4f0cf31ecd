"""A folder of pictures that appears whole or not at all, and replaces only its own like."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from steadkit.errors import InputError
from steadkit.files import sync
from steadkit.version import __version__

MARK = "visualize.json"
"""This file says what the pictures are of, and which files belong to them."""

FOLDER = "visualize"
"""Where pictures go that are given no folder: in a run, or beside a file."""


def default_folder(path: Path, what: str) -> Path:
    """Choose where the pictures of a network go.

    >>> default_folder(Path("nets/a.keras"), "maps").as_posix()
    'nets/visualize/a/maps'
    """
    home = path / FOLDER if path.is_dir() else path.parent / FOLDER / name_of(path)
    return home / what


def name_of(path: Path) -> str:
    """Name a network by its file, without the ending, or by its run folder."""
    if path.is_dir():
        return path.resolve().name
    return path.name.removesuffix(".h5").removesuffix(".weights").removesuffix(".keras")


def check_target(target: Path, overwrite: bool) -> None:
    """Refuse a folder that may not be written, before any work.

    Raises
    ------
    InputError
        It exists (and `overwrite` is false), or it holds what this package did not write.
    """
    if not os.path.lexists(target):
        return
    if target.is_symlink() or not target.is_dir():
        raise InputError(f"{str(target)!r} is no folder: choose another with --out")
    if not overwrite:
        raise InputError(
            f"{str(target)!r} exists: choose another folder with --out, or use --overwrite"
        )
    known = {MARK, *_listed(target)}
    for path in sorted(target.rglob("*")):
        inside = path.relative_to(target).as_posix()
        # A link is never of ours, even one to a folder.
        if path.is_symlink() or (not path.is_dir() and inside not in known):
            raise InputError(
                f"{str(target)!r} holds {inside!r}, which eqt visualize did not write: "
                "move it away, or choose another folder with --out"
            )


@contextmanager
def new_folder(target: Path, facts: Mapping[str, object], overwrite: bool) -> Iterator[Path]:
    """Write a folder beside its place, and move it there when it is whole.

    An old one is moved aside and removed after that. A kill between the two moves, an instant,
    leaves both, whole, in the hidden folder beside.

    Parameters
    ----------
    target
        Where it shall stand; folders above it are made.
    facts
        What to write into `MARK` besides the list of files.
    overwrite
        Whether one that is there may be replaced.

    Yields
    ------
    Path
        Where to write meanwhile.
    """
    check_target(target, overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = tempfile.TemporaryDirectory(
            dir=target.parent, prefix=f".{target.name}.", suffix=".partial"
        )
    except OSError as error:
        where = str(target.parent)
        raise InputError(f"cannot write into {where!r}: {error.strerror}; see --out") from error
    with beside as folder:
        new = Path(folder) / "new"
        new.mkdir()
        yield new
        _mark(new, facts)
        for path in (*new.rglob("*"), new):
            sync(path)
        check_target(target, overwrite)  # the user may have made one meanwhile
        if target.exists():
            target.rename(Path(folder) / "old")
        new.rename(target)
        sync(target.parent)


def _mark(folder: Path, facts: Mapping[str, object]) -> None:
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    content = {"eqt": __version__, **facts, "files": files}
    (folder / MARK).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _listed(folder: Path) -> list[str]:
    """Read which files belong to a folder; none where it has no list that can be read."""
    try:
        content = json.loads((folder / MARK).read_text(encoding="utf-8"))
        return [str(name) for name in content["files"]]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return []
