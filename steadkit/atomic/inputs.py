"""Registry of the files that a command reads, so that it overwrites none of them.

A command line opens a scope for each command (`steadkit.console.ErrorGroup`); a function of the
library that reads and writes opens one for its call, unless it runs within one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

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
            if (inode := inode_of(path)) and not (
                _OUTPUT_FOLDERS.get() and is_output_folder(path.parent)
            ):
                inputs.setdefault(inode, path)


def release_input(path: Path) -> None:
    """Allow writing a registered file: the command made it, or writes its content again."""
    inputs, inode = _INPUTS.get(), inode_of(path)
    if inputs is not None and inode:
        inputs.pop(inode, None)


def input_at(path: Path) -> Path | None:
    """Return the input that has this name, or that this links to; None if it is no input."""
    inputs, inode = _INPUTS.get(), inode_of(path)
    return inputs.get(inode) if inputs and inode else None


@contextmanager
def output_folder(folder: Path) -> Iterator[None]:
    """Allow writing files that belong to a folder, such as a run, while the command makes it."""
    inode = inode_of(folder)
    token = _OUTPUT_FOLDERS.set(_OUTPUT_FOLDERS.get() | {inode} if inode else _OUTPUT_FOLDERS.get())
    try:
        yield
    finally:
        _OUTPUT_FOLDERS.reset(token)


def is_output_folder(folder: Path) -> bool:
    """Return whether the command is making a folder."""
    return inode_of(folder) in _OUTPUT_FOLDERS.get()


def inode_of(path: Path) -> _Inode | None:
    """Return device and inode of a file; links are followed. None if it does not exist."""
    try:
        # ValueError: a name with a zero byte, which no file has.
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
