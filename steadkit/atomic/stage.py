"""Staging folders: what a command may find in its own, and the record of a commit.

Nothing in such a folder is believed, moved or removed unless it is ours: the folder has our mark,
and the entry is a plain file with no other name, called as a file of this very command. Links are
never followed. The record of a commit lists for each file its inode, size and time, and the same of
what it replaces, so that after a kill between two renames a file of ours is told from a file that
the user has made meanwhile.
"""

import errno
import json
import os
import shutil
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from steadkit.atomic.lock import locked, sync
from steadkit.errors import InputError

MARK = ".steadkit"
"""An empty file that says that a folder is a staging folder of ours."""

COMMIT = ".complete"
"""The record of a commit: there from when all files are complete until all are in place."""

REPLACED = ".replaced"
"""Ending of the folder that a new one replaces, until that is in place."""

FORMAT = "steadkit commit 1"
MAX_ENTRY_BYTES = 3000
"""Of one file in the record: a name of 255 bytes, each escaped, and six numbers."""


class Identity(NamedTuple):
    """Which file it is: an inode's number alone is soon given to another file."""

    inode: int
    size: int
    mtime_ns: int


class Move(NamedTuple):
    """A file on its way: the staged file, and the file that had its name before."""

    staged: Identity
    replaced: Identity | None


def identity_of(path: Path) -> Identity | None:
    """Identify what has a name; links are not followed. None if there is nothing."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return Identity(status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class Stage:
    """A staging folder and the names of the files, or of the folder, that its command writes.

    A name of theirs with an ending, ``a.csv.spool``, is a work file of the same command.
    """

    folder: Path
    names: Collection[str]
    is_for_folder: bool = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder, made if need be, checked to hold nothing but what is ours.

        Raises
        ------
        InputError
            Another process holds it, or something in it is not ours; nothing is removed then.
        """
        with locked(self.folder):
            self._claim()
            try:
                yield
            finally:
                with suppress(FileNotFoundError):  # somebody has removed the folder
                    if os.listdir(self.folder) == [MARK]:
                        os.unlink(self.folder / MARK)

    def _claim(self) -> None:
        entries = list(os.scandir(self.folder))
        if not entries:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            os.close(os.open(self.folder / MARK, flags, 0o666))
            return
        if not any(entry.name == MARK for entry in entries):
            raise self._foreign(entries[0].name)
        for entry in entries:
            if not self._is_ours(entry):
                raise self._foreign(entry.name)

    def _is_ours(self, entry: os.DirEntry[str]) -> bool:
        status = entry.stat(follow_symlinks=False)
        if self.is_for_folder and entry.name != MARK:
            allowed = [name + ending for name in self.names for ending in ("", REPLACED)]
            return stat.S_ISDIR(status.st_mode) and entry.name in allowed
        if not stat.S_ISREG(status.st_mode):
            return False
        if entry.name in (MARK, COMMIT, COMMIT + ".new"):
            return status.st_nlink == 1
        # Between the two halves of a move a file has both names.
        is_moving = entry.name in self.names and self._is_in_place(entry.name, status)
        return self._is_named(entry.name) and (status.st_nlink == 1 or is_moving)

    def _is_named(self, name: str) -> bool:
        ends = [number for number, character in enumerate(name) if character == "."]
        return name in self.names or any(name[:end] in self.names for end in ends)

    def _is_in_place(self, name: str, status: os.stat_result) -> bool:
        try:
            return os.path.samestat(os.lstat(self.folder.parent / name), status)
        except FileNotFoundError:
            return False

    def _foreign(self, name: str) -> InputError:
        return InputError(
            f"{str(self.folder)!r} holds {name!r}, which this command has not put there: repeat "
            "the command that was interrupted, or move that folder away"
        )

    def clear(self, keep: Sequence[str] = ()) -> None:
        """Remove the files of ours but those of these names; the folder's mark stays."""
        for entry in list(os.scandir(self.folder)):
            if entry.name in (MARK, *keep):
                continue
            if self.is_for_folder:
                if entry.name in self.names:
                    shutil.rmtree(entry.path)
            elif self._is_named(entry.name) or entry.name.startswith(COMMIT):
                os.unlink(entry.path)

    def is_committing(self) -> bool:
        """Return whether the files are complete and being moved."""
        return os.path.lexists(self.folder / COMMIT)

    def is_of_this_user(self) -> bool:
        """Return whether the record of a commit is a file of whoever runs this process."""
        return os.lstat(self.folder / COMMIT).st_uid == os.geteuid()

    def write_commit(self, moves: Mapping[str, Move]) -> None:
        """Record that the files are complete, and which they are."""
        content = {"format": FORMAT, "files": [[name, *move] for name, move in moves.items()]}
        new = self.folder / f"{COMMIT}.new"
        with open(new, "x", encoding="ascii") as file:
            json.dump(content, file)
        sync(new)
        os.replace(new, self.folder / COMMIT)
        sync(self.folder)

    def read_commit(self) -> dict[str, Move]:
        """Read the record of a commit that was interrupted; empty if there is none.

        Raises
        ------
        InputError
            It is not a record of a commit of just the files of this command.
        """
        try:
            content = _read_small_file(
                self.folder / COMMIT, MAX_ENTRY_BYTES * (1 + len(self.names))
            )
            files = json.loads(content)["files"]
            moves = {name: Move(_identity(new), old and _identity(old)) for name, new, old in files}
            if len(files) != len(self.names) or moves.keys() != set(self.names):
                raise ValueError("it lists other files")
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise InputError(
                f"{str(self.folder / COMMIT)!r} is no record of an interrupted move of the files "
                "of this command: repeat the command that was interrupted, or move that folder away"
            ) from error
        return moves

    def end_commit(self) -> None:
        """Record that all files are in place."""
        sync(self.folder.parent)
        os.unlink(self.folder / COMMIT)

    def move(self, name: str, may_replace: bool) -> None:
        """Give a staged file its place; a file that the user has made there is not replaced.

        Raises
        ------
        FileExistsError
            There is such a file, and `may_replace` is false.
        """
        staged, target = self.folder / name, self.folder.parent / name
        if may_replace:
            os.replace(staged, target)
            return
        try:
            # Unlike a rename this fails where there is a file, however late it was made.
            os.link(staged, target)
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
                raise
            if os.path.lexists(target):  # a file system without hard links
                raise FileExistsError(errno.EEXIST, "exists", str(target)) from error
            os.rename(staged, target)
        else:
            os.unlink(staged)


def _read_small_file(path: Path, limit: int) -> bytes:
    """Read a small plain file, never through a link, and without waiting for a pipe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            raise ValueError("it is no small plain file")
        return file.read(limit)


def _identity(values: Sequence[int]) -> Identity:
    identity = Identity(*values)
    if not all(type(value) is int for value in identity):
        raise TypeError("an identity is three integers")
    return identity
