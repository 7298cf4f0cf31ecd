"""Cases of staging folders that somebody else has made: unpacked, shared, or hostile."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from campaigns.abuse.cases import Case, Command, with_overwrite

from steadkit.atomic.stage import COMMIT
from steadkit.atomic.stage import MARK as OURS

MARK = COMMIT


def _marked(listing: bytes) -> Callable[[Path], None]:
    def plant(staging: Path) -> None:
        staging.mkdir()
        (staging / OURS).touch()
        (staging / MARK).write_bytes(listing)
        for name in ("victim", "thesis.txt", "o.csv", "o"):
            (staging / name).write_text("hostile\n")

    return plant


def _with(make: Callable[[Path], object], name: str) -> Callable[[Path], None]:
    def plant(staging: Path) -> None:
        staging.mkdir()
        (staging / OURS).touch()
        make(staging / name)

    return plant


def _link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def _notes(path: Path) -> None:
    path.write_text("years of work\n")


def _folder(path: Path) -> None:
    path.mkdir()
    _notes(path / "notes.txt")


def _folder_of_the_user(path: Path) -> None:
    path.mkdir()
    for name in ("o.csv", "o.hdf5", "o", "thesis.txt"):
        _notes(path / name)


NAMES = ("{stem}", "{name}", "{stem}.csv")
ENDINGS = (".partial", ".replaced")

FOLDERS: dict[str, Callable[[Path], object]] = {
    "a mark of a folder above": _marked(b"../victim"),
    "a mark of a path": _marked(b"in/notes.txt\n../victim/thesis.txt"),
    "a mark of an absolute path": _marked(b"/nowhere/o.csv"),
    "a mark of another file": _marked(b"thesis.txt"),
    "a mark not in UTF-8": _marked(b"\xff\xfe\x00"),
    "an empty mark": _marked(b""),
    "a long mark": _marked(b"o\n" * 100_000),
    "a folder as mark": _with(_folder, MARK),
    "a FIFO as mark": _with(os.mkfifo, MARK),
    "a link as mark": _with(_link_to("../../../victim/thesis.txt"), MARK),
    "a FIFO in it": _with(os.mkfifo, "pipe"),
    "a folder in it": _with(_folder, "notes"),
    "notes in it": _with(_notes, "notes.txt"),
    "a journal that is a link": _with(_link_to("../../../victim/thesis.txt"), "o.hdf5.journal"),
    "a target that is a link": _with(_link_to("../../../victim/thesis.txt"), "{name}"),
    "a mark being written that is a link": _with(
        _link_to("../../../victim/thesis.txt"), f"{COMMIT}.new"
    ),
    "a folder of the user": _folder_of_the_user,
    "a file": _notes,
    "a FIFO": os.mkfifo,
    "a link to a folder": _link_to("../../victim"),
    "a link to nowhere": _link_to("../../victim/new"),
}
"""What may stand where a command would stage its files."""


def cases(command: Command) -> Iterator[Case]:
    """List the cases of one command."""
    for output, example in command.call.outputs.items():
        for pattern in NAMES:
            name = pattern.format(stem=Path(example).stem, name=Path(example).name)
            for ending in ENDINGS if pattern == "{name}" else ENDINGS[:1]:
                staging = f"{Path(example).parent}/.{name}{ending}"
                for kind, plant in FOLDERS.items():
                    prepare = partial(_plant, staging=staging, plant=plant)
                    values = command.values_for(output, example)
                    for variant in with_overwrite(command, values)[:1]:
                        what = f"{staging} is {kind}"
                        yield command.case("a planted folder", what, variant, prepare=prepare)


def _plant(case: Path, staging: str, plant: Callable[[Path], object]) -> None:
    plant(case / staging)
    (case / "out" / "thesis.txt").write_text("years of work\n")
