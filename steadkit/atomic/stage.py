"""Locked staging folders of atomic writes, and the record of a commit.

A staging folder is a hidden folder next to the target. It is the lock of its target: advisory, and
released by the kernel with the process.

Nothing in such a folder is trusted, moved or removed unless steadkit made it: the folder has the
mark, and the entry is a plain file with a single link, named like a file of this command. Links
are never followed. The record of a commit lists inode, size and modification time of each staged
file and of the file it replaces. After a kill between two renames this distinguishes a staged file
from one that the user has made meanwhile.
"""

import errno
import fcntl
import json
import os
import shutil
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from steadkit.errors import BusyError, InputError

MARK = ".steadkit"
"""Empty file that marks a staging folder made by steadkit."""

COMMIT = ".complete"
"""Record of a commit: exists from when all files are complete until all are in place."""

REPLACED = ".replaced"
"""Ending of a replaced folder until the new one is in place."""

FORMAT = "steadkit commit 1"
MAX_ENTRY_BYTES = 3000
"""Bytes of one file in the record: a name of 255 escaped bytes, and six numbers."""


class Identity(NamedTuple):
    """Identity of a file: file systems reuse inode numbers, so size and time are compared too."""

    inode: int
    size: int
    mtime_ns: int


class Move(NamedTuple):
    """One rename of a commit: the staged file, and the file that it replaces."""

    staged: Identity
    replaced: Identity | None


def file_identity(path: Path) -> Identity | None:
    """Return the identity of a path without following links; None if it does not exist."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return Identity(status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class StagingFolder:
    """A staging folder, and the names of the files or of the folder that its command writes.

    A name with a further ending, ``a.csv.spool``, is a work file of the same command.
    """

    folder: Path
    names: Collection[str]
    is_for_folder: bool = False

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Create, lock and check the folder: it may hold only files of this command.

        Raises
        ------
        InputError
            Another process holds the lock, or a file is of another origin; nothing is removed then.
        """
        descriptor = _lock(self.folder)
        try:
            self._claim()
            try:
                yield
            finally:
                with suppress(FileNotFoundError):  # somebody has removed the folder
                    # The mark goes last: every later run refuses a folder with files and no mark.
                    if os.listdir(self.folder) == [MARK]:
                        os.unlink(self.folder / MARK)
        finally:
            # Removed while the lock is held, so that another command finds the locked folder or
            # none. It stays where a kill has left files in it or a refusal must not touch them.
            with suppress(OSError):
                self.folder.rmdir()
            os.close(descriptor)

    def _claim(self) -> None:
        entries = list(os.scandir(self.folder))
        if not entries:
            # Exclusive, without following links: somebody may create the mark in the same moment.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            os.close(os.open(self.folder / MARK, flags, 0o666))
        # Without the mark no name proves that steadkit made the file: the folder may be the user's.
        is_marked = not entries or any(entry.name == MARK for entry in entries)
        for entry in entries:
            if not (is_marked and self._is_ours(entry)):
                raise InputError(
                    f"{str(self.folder)!r} holds {entry.name!r}, which this command has not put "
                    "there: repeat the command that was interrupted, or move that folder away"
                )

    def _is_ours(self, entry: os.DirEntry[str]) -> bool:
        status = entry.stat(follow_symlinks=False)
        if self.is_for_folder and entry.name != MARK:
            allowed = [name + ending for name in self.names for ending in ("", REPLACED)]
            return stat.S_ISDIR(status.st_mode) and entry.name in allowed
        if not stat.S_ISREG(status.st_mode):
            return False
        if entry.name in (MARK, COMMIT, COMMIT + ".new"):
            # A second link would give the name of a file elsewhere, which a write here would
            # change.
            return status.st_nlink == 1
        # Between the two halves of a move a file has both names.
        is_moving = entry.name in self.names and _is_at(self.folder.parent / entry.name, status)
        return self._is_named(entry.name) and (status.st_nlink == 1 or is_moving)

    def _is_named(self, name: str) -> bool:
        # The target `a.csv` has work files such as `a.csv.spool`: any prefix that ends before a dot
        # counts.
        ends = [number for number, character in enumerate(name) if character == "."]
        return name in self.names or any(name[:end] in self.names for end in ends)

    def clear(self, keep: Sequence[str] = ()) -> None:
        """Remove the command's files except those named in `keep`; the mark stays."""
        for entry in list(os.scandir(self.folder)):
            if entry.name in (MARK, *keep):
                continue
            if self.is_for_folder:
                if entry.name in self.names:
                    shutil.rmtree(entry.path)
            elif self._is_named(entry.name) or entry.name.startswith(COMMIT):
                os.unlink(entry.path)

    def is_committing(self) -> bool:
        """Return whether a commit has begun: all files are complete and being moved."""
        return os.path.lexists(self.folder / COMMIT)

    def is_from_this_user(self) -> bool:
        """Return whether the user of this process owns the record of the commit."""
        return os.lstat(self.folder / COMMIT).st_uid == os.geteuid()

    def write_commit(self, moves: Mapping[str, Move]) -> None:
        """Write the record of a commit: the files are complete from now on."""
        content = {"format": FORMAT, "files": [[name, *move] for name, move in moves.items()]}
        new = self.folder / f"{COMMIT}.new"
        # Exclusive, and renamed when it is on the disk: a record is complete or absent.
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
            It does not list exactly the files of this command.
        """
        try:
            content = _read_small_file(
                self.folder / COMMIT, MAX_ENTRY_BYTES * (1 + len(self.names))
            )
            files = json.loads(content)["files"]
            moves = {name: Move(_identity(new), old and _identity(old)) for name, new, old in files}
            # The record came from a folder that others may write to: its names decide what is
            # moved.
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
        """Remove the record of the commit: all files are in place."""
        # The names of the targets must be on the disk before the record that would complete them is
        # gone.
        sync(self.folder.parent)
        os.unlink(self.folder / COMMIT)

    def move(self, name: str, may_replace: bool) -> None:
        """Rename a staged file to its target; never replace a file that the user has made there.

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
    # `bool` is an `int` in Python, and JSON has true and false.
    if not all(type(value) is int for value in identity):
        raise TypeError("an identity is three integers")
    return identity


LOCK_TRIES = 100
PARTIAL = ".partial"


def staging_folder(target: Path) -> Path:
    """Name the hidden folder in which a target is staged.

    >>> staging_folder(Path("a/p.png")).as_posix()
    'a/.p.png.partial'

    Raises
    ------
    InputError
        The target is ``/`` or ``.``, which has no sibling.
    """
    if not target.name:
        raise InputError(f"{str(target)!r} is a folder: choose another name")
    return target.with_name(f".{target.name}{PARTIAL}")


def lock_folder(folder: Path, busy: str, flags: int = 0) -> int:
    """Lock a folder; return the descriptor, which holds the lock until it is closed.

    Raises
    ------
    BusyError
        Another process holds it; `busy` is the message.
    InputError
        The file system knows no locks; the message is the same.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | flags)
    try:
        # `flock` and not `lockf`: a POSIX lock ends when the process closes any descriptor of the
        # file, a library's for example.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        error_class = BusyError if isinstance(error, BlockingIOError) else InputError
        raise error_class(busy) from error
    return descriptor


def _lock(staging: Path) -> int:
    target = staging.name[1:].removesuffix(PARTIAL)
    busy = f"another process is writing {target!r}: wait for it or choose another name"
    for _ in range(LOCK_TRIES):
        try:
            # The folder is the lock: the kernel releases it with the process, so that a kill leaves
            # none behind.
            staging.mkdir(exist_ok=True)
            descriptor = lock_folder(staging, busy, os.O_NOFOLLOW)
        except FileNotFoundError:
            continue  # removed by its owner between the two calls
        except OSError as error:
            if os.path.lexists(staging) and (staging.is_symlink() or not staging.is_dir()):
                raise InputError(
                    f"{str(staging)!r} is no folder, and {target!r} is staged there: move it away"
                ) from error
            folder = str(staging.parent)
            raise InputError(f"cannot write into {folder!r}: {error.strerror}") from error
        # The lock may be on a folder that its owner has removed meanwhile, which excludes nobody.
        if _is_at(staging, os.fstat(descriptor)):
            return descriptor
        os.close(descriptor)  # its owner finished and removed it: take a new one
    raise InputError(f"cannot write into {str(staging.parent)!r}: is the folder still there?")


def _is_at(path: Path, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.lstat(path), status)
    except FileNotFoundError:
        return False


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
