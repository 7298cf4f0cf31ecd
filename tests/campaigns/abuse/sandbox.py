"""The folder of a case: inputs, an empty `out`, and around it a victim, a home and a cache."""

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from blake3 import blake3

VICTIM = "the thesis of somebody else\n" * 3
TOGETHER = {"run": ("train",), "train": ("run",), "k": ("train",)}
"""What an input reads besides itself."""

Listing = dict[str, tuple[object, ...]]
"""Every path with what changes when it is altered."""


def build(box: Path, inputs: Path, words: Sequence[str], prepare: object) -> Path:
    """Make the folder of a case afresh, with the inputs that its words name; returns it."""
    remove(box)
    case = box / "case"
    for folder in (case / "in", case / "out", box / "victim", box / "home", box / "tmp"):
        folder.mkdir(parents=True)
    for name in ("thesis.txt", "w.h5"):
        (box / "victim" / name).write_text(VICTIM)
    for entry in sorted(inputs.iterdir()):
        if entry.name.partition(".")[0] in _named(words):
            copy = shutil.copytree if entry.is_dir() else shutil.copy2
            copy(entry, case / "in" / entry.name)
    prepare(case)  # type: ignore[operator]
    return case


def _named(words: Sequence[str]) -> set[str]:
    """Name the inputs that words name, without their endings."""
    parts = (word.split("/")[1] for word in words if word.startswith("in/") and len(word) > 3)
    stems = {part.partition(".")[0] for part in parts}
    return stems | {more for stem in stems for more in TOGETHER.get(stem, ())}


def places_of(case: Path, targets: Sequence[str]) -> list[str]:
    """Name what a command was told to write relative to the box, links in folders followed."""
    places = []
    for target in targets:
        path = os.path.normpath(case / target)
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        folder = [os.path.realpath(path)] if os.path.isdir(path) else []
        places += [os.path.relpath(place, case.parent) for place in (path, real, *folder)]
    return places


def remove(path: Path) -> None:
    """Remove what is at a path, whatever it is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def listing(folder: Path) -> Listing:
    """List all below a folder: kind, inode, size, time of change, and a digest of what it holds."""
    listed: Listing = {}
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(parent, name)
            status = os.lstat(path)
            kind = stat.S_IFMT(status.st_mode)
            facts: tuple[object, ...] = (kind, status.st_ino)
            if stat.S_ISLNK(kind):
                facts += (os.readlink(path),)
            elif stat.S_ISREG(kind):
                facts += (status.st_size, status.st_mtime_ns, _digest(path, status.st_blocks))
            listed[os.path.relpath(path, folder)] = facts
    return listed


def _digest(path: str, blocks: int) -> str:
    """Digest a file; one of holes alone is known by its size."""
    if not blocks:
        return ""
    with open(path, "rb") as file:
        return blake3(file.read()).hexdigest()
