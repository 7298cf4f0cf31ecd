"""Cases of surroundings: environment, standard streams, full disks, interruptions."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from campaigns.abuse.cases import Case, Command, Surroundings

WRONG_EPOCHS = ("", "x", "-1", "1e9", "9" * 400, "99999999999999", "0", "1\n", "½")

FORKED = {
    **{f"SOURCE_DATE_EPOCH {v[:20]!r}": {"SOURCE_DATE_EPOCH": v} for v in WRONG_EPOCHS},
    "STEAD_DIR empty": {"STEAD_DIR": ""},
    "STEAD_DIR nowhere": {"STEAD_DIR": "/nowhere"},
    "EQT_CACHE a file": {"EQT_CACHE": "/dev/null"},
    "TMPDIR nowhere": {"TMPDIR": "/nowhere"},
    "COLUMNS 1": {"COLUMNS": "1"},
    "COLUMNS x": {"COLUMNS": "x"},
    "HOME a file": {"HOME": "/dev/null", "XDG_CACHE_HOME": None},
    "the cache a file": {"XDG_CACHE_HOME": "/dev/null"},
}
"""Variables of the environment that are read while a command runs."""

FRESH = {
    "an ASCII terminal": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "Latin-1": {"PYTHONIOENCODING": "latin-1", "LC_ALL": "C.UTF-8"},
    "no HOME": {"HOME": None, "XDG_CACHE_HOME": None, "MPLCONFIGDIR": None},
    "HOME nowhere": {"HOME": "/dev/null/home", "XDG_CACHE_HOME": None, "MPLCONFIGDIR": None},
    "a wrong backend of Matplotlib": {"MPLBACKEND": "nonsense"},
    "a wrong backend of Keras": {"KERAS_BACKEND": "nonsense"},
    "a terminal that does nothing": {"TERM": "dumb", "FORCE_COLOR": "1"},
    "no PATH": {"PATH": None},
}
"""Variables that are read when a program starts."""

LIMITS = (0, 100, 4096, 50_000, 300_000)
"""Bytes after which the disk is full."""

INTERRUPTS_S = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)


def cases(command: Command) -> Iterator[Case]:
    """List the cases of one command."""
    values = command.call.values()
    usual = command.case("surroundings", "", values)
    for what, variables in FORKED.items():
        yield replace(usual, what=what, surroundings=Surroundings(environment=variables))
    for limit in LIMITS:
        what, full = f"{limit} bytes of disk", Surroundings(limit=limit)
        yield replace(usual, what=what, surroundings=full, may_be_cut_off=True)
    for what, variables in FRESH.items():
        there = Surroundings(environment=variables)
        yield replace(usual, what=what, surroundings=there, is_fresh=True)
    streams = {
        "standard output closed": Surroundings(closed=(1,)),
        "standard error closed": Surroundings(closed=(2,)),
        "all closed": Surroundings(closed=(0, 1, 2)),
        "standard output full": Surroundings(stdout="/dev/full"),
        "the current folder removed": Surroundings(is_cwd_removed=True),
    }
    for what, there in streams.items():
        yield replace(
            usual,
            what=what,
            surroundings=there,
            is_fresh=not there.is_cwd_removed,  # an interpreter does not start there
            may_be_cut_off=bool(there.stdout),
        )
    for delay in INTERRUPTS_S:
        there = Surroundings(interrupt_s=delay)
        yield replace(
            usual,
            what=f"Ctrl-C after {delay} s",
            surroundings=there,
            is_fresh=True,
            may_be_cut_off=True,
        )
    names = {"café": "names", "zürich-地震": "Unicode", "n\x1b[31m": "escape sequences"}
    for name, what in names.items():
        yield replace(
            usual,
            what=f"a folder of {what}, an ASCII terminal",
            words=tuple(word.replace("in/", f"{name}/", 1) for word in usual.words),
            prepare=lambda case, name=name: (case / name).symlink_to("in"),
            surroundings=Surroundings(environment=FRESH["an ASCII terminal"]),
            is_fresh=True,
        )


def in_absolute(words: tuple[str, ...], case: Path) -> list[str]:
    """Name the files of a case in full, for a command whose current folder is gone."""
    return [str(case / word) if word.startswith(("in/", "out/")) else word for word in words]
