"""Lock on a staging folder: one writer at a time, in any process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from steadkit.errors import InputError

LOCK_TRIES = 100


@contextmanager
def locked(staging: Path) -> Iterator[None]:
    """Hold the staging folder for this process; the lock goes with the process, however it ends."""
    descriptor = _lock(staging)
    try:
        yield
    finally:
        # Gone already, or what a kill has left and a refusal must not touch.
        with suppress(OSError):
            staging.rmdir()
        os.close(descriptor)


def _lock(staging: Path) -> int:
    for _ in range(LOCK_TRIES):
        try:
            staging.mkdir(exist_ok=True)
            descriptor = os.open(staging, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue  # removed by its owner between the two calls
        except OSError as error:
            folder = str(staging.parent)
            raise InputError(f"cannot write into {folder!r}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            target = staging.name[1:].removesuffix(".partial")
            raise InputError(
                f"another process is writing {target!r}: wait for it or choose another name"
            ) from error
        if _still_there(staging, descriptor):
            return descriptor
        os.close(descriptor)  # its owner finished and removed it: take a new one
    raise InputError(f"cannot write into {str(staging.parent)!r}: is the folder still there?")


def _still_there(staging: Path, descriptor: int) -> bool:
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
