"""Cases of places to write to: outputs that are inputs or somebody's, and places that cannot be."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from campaigns.abuse.cases import Case, Command, Prepare, with_overwrite
from campaigns.abuse.sandbox import remove

VICTIMS = (
    "in/notes{}",
    "in/thesis",
    "in/run/curves.png",
    "in/run/best.weights.h5",
    "in/run/config.json",
    "in/run/o{}",
    "in/run",
    "in/train.csv",
    "in/train.manifest",
    "in/seisbench/metadata.csv",
    "in/seisbench",
    "in/records",
    "in",
)
"""What is somebody's, though this command may not read it; ``{}`` is the output's own ending."""

MADE_BY = (
    ("steadkit convert to-seisbench", "in/seisbench"),
    ("steadkit convert to-seisbench", "in/seisbench/metadata.csv"),
)
"""What a command itself makes, so that ``--overwrite`` replaces it."""


def cases(command: Command) -> Iterator[Case]:
    """List the cases of one command."""
    for output, example in command.call.outputs.items():
        yield from _inputs(command, output, example)
        yield from _existing(command, output, example)
    yield from _the_same(command)


def _suffix(example: str) -> str:
    return "".join(Path(example).suffixes)


def _inputs(command: Command, output: str, example: str) -> Iterator[Case]:
    """Let an output be an input, or what is somebody's, by each of its names."""
    for victim in dict.fromkeys((*_read_by(command), *VICTIMS)):
        path = victim.format(_suffix(example))
        if (command.name, path) in MADE_BY:
            continue
        for way, (text, prepare) in _ways(path, example).items():
            values = command.values_for(output, text)
            for variant in with_overwrite(command, values):
                what = f"{output} is {path}, {way}" + ", overwrite" * ("overwrite" in variant)
                yield command.case("an output that is an input", what, variant, prepare=prepare)


def _read_by(command: Command) -> Iterator[str]:
    """Name what a command reads, and what belongs to it."""
    for path in command.call.inputs.values():
        yield path
        if path.endswith(".hdf5"):
            yield from (path.replace(".hdf5", suffix) for suffix in (".csv", ".manifest"))
        if path == "in/run":
            yield from ("in/run/split.manifest", "in/run/history.csv", "in/run/evaluation")


def _ways(path: str, example: str) -> dict[str, tuple[str, Prepare]]:
    """Name a file in several ways; the links have the name that the output should have."""
    return {
        "by name": (path, _make_victims),
        "by a detour": (path.replace("in/", "in/../out/../in/"), _make_victims),
        "by a symbolic link": (example, partial(_link, path=path, name=example)),
        "by a hard link": (example, partial(_hard_link, path=path, name=example)),
        "in a linked folder": (
            path.replace("in", "linked", 1),
            partial(_link, path="in", name="linked"),
        ),
    }


def _make_victims(case: Path) -> None:
    for suffix in ("", ".hdf5", ".csv", ".png", ".manifest", ".keras"):
        (case / f"in/notes{suffix}").write_text("years of work\n")
    (case / "in/thesis").mkdir(exist_ok=True)
    (case / "in/thesis/chapter1.txt").write_text("years of work\n")
    (case / "in/thesis/saved_model.pb").write_text("looks like one\n")


def _put(case: Path, make: Callable[[Path, str], None], name: str) -> None:
    remove(case / name)
    make(case, name)


def _link(case: Path, path: str, name: str) -> None:
    _make_victims(case)
    remove(case / name)
    (case / name).symlink_to(os.path.relpath(case / path, (case / name).parent))


def _hard_link(case: Path, path: str, name: str) -> None:
    _make_victims(case)
    if (case / path).is_file():
        remove(case / name)
        os.link(case / path, case / name)


def _file(case: Path, name: str) -> None:
    (case / name).write_text("years of work\n")


def _empty_file(case: Path, name: str) -> None:
    (case / name).touch()


def _folder(case: Path, name: str) -> None:
    (case / name).mkdir()


def _full_folder(case: Path, name: str) -> None:
    _folder(case, name)
    _file(case, f"{name}/notes.txt")


def _fifo(case: Path, name: str) -> None:
    os.mkfifo(case / name)


def _dangling(case: Path, name: str) -> None:
    (case / name).symlink_to("../nowhere")


def _loop(case: Path, name: str) -> None:
    (case / name).symlink_to(Path(name).name)


def _linked_to_victim(case: Path, name: str) -> None:
    (case / name).symlink_to("../../victim/thesis.txt")


def _device(case: Path, name: str) -> None:
    (case / name).symlink_to("/dev/null")


EXISTING = {
    "a file": _file,
    "an empty file": _empty_file,
    "a folder": _folder,
    "a folder with notes": _full_folder,
    "a FIFO": _fifo,
    "a dangling link": _dangling,
    "a link to itself": _loop,
    "a link to a file outside": _linked_to_victim,
    "a link to a device": _device,
}
"""What may stand where an output shall."""

PLACES = (
    "nowhere/o{}",
    "in/a.csv/o{}",
    "/dev/null",
    "/dev/null/o{}",
    "/dev/full",
    "/proc/o{}",
    "out/o",
    "out/o.PNG",
    "out/o.hdf5.csv",
    "out/.o{}",
    "out/.",
    "out/..",
    "out/",
    "out//o{}",
    "out/o{}/",
    "./out/./o{}",
    "out/o.tar.gz",
    "out/.hdf5",
    "out/.png",
)
"""Where an output can be told to go; ``{}`` is its own ending."""


def _existing(command: Command, output: str, example: str) -> Iterator[Case]:
    for kind, make in EXISTING.items():
        values = command.values_for(output, example)
        for variant in with_overwrite(command, values):
            what = f"{output} is {kind}" + ", overwrite" * ("overwrite" in variant)
            prepare = partial(_put, make=make, name=example)
            yield command.case("an existing target", what, variant, prepare=prepare)
    for template in PLACES:
        place = template.format(_suffix(example))
        for variant in with_overwrite(command, command.values_for(output, place)):
            what = f"{output} is {place}" + ", overwrite" * ("overwrite" in variant)
            yield command.case("a place", what, variant)


def _the_same(command: Command) -> Iterator[Case]:
    """Give two outputs the same place."""
    names = list(command.call.outputs)
    for number, first in enumerate(names):
        for second in names[number + 1 :]:
            for place in ("out/o", "out/o.hdf5", "out/o.csv", "out/o.manifest"):
                values = {**command.call.values(), first: place, second: place}
                for variant in with_overwrite(command, values):
                    what = f"{first} and {second} are {place}"
                    yield command.case("two outputs the same", what, variant)
