"""Advisory locks on folders: one writer at a time; a lock ends with its process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from steadkit.errors import BusyError, InputError

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


@contextmanager
def locked(staging: Path) -> Iterator[None]:
    """Create and lock a staging folder; remove it at the end if it is empty.

    Raises
    ------
    InputError
        Another process holds the lock, or the path is no folder.
    """
    descriptor = _lock(staging)
    try:
        yield
    finally:
        # Removed already, or what a kill has left and a refusal must not touch.
        with suppress(OSError):
            # While the lock is held: another command finds the locked folder or none.
            staging.rmdir()
        os.close(descriptor)


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
        if _is_present(staging, descriptor):
            return descriptor
        os.close(descriptor)  # its owner finished and removed it: take a new one
    raise InputError(f"cannot write into {str(staging.parent)!r}: is the folder still there?")


def _is_present(staging: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(staging), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
