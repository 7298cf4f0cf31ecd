"""Checks that a user's paths are plain files: reading a pipe or device may block for ever."""

import os
import stat
from pathlib import Path
from typing import Final

from steadkit.atomic import note_input
from steadkit.errors import InputError

_FILE_TYPES: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def is_file(path: Path) -> bool:
    """Return whether a path is a plain file; False if it does not exist.

    Raises
    ------
    InputError
        It is a folder, a named pipe, a socket or a device, or its status cannot be read.

    Examples
    --------
    >>> is_file(Path("no such file"))
    False
    >>> is_file(Path("/dev/null"))
    Traceback (most recent call last):
    steadkit.errors.InputError: '/dev/null' is a device, not a file: name a file
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot look at {str(path)!r}: {reason}; check the name") from error
    if not stat.S_ISREG(mode):
        file_type = _FILE_TYPES.get(stat.S_IFMT(mode), "something else")
        raise InputError(f"{str(path)!r} is {file_type}, not a file: name a file")
    return True


def refuse_name(path: Path) -> None:
    """Refuse a path that cannot be the name, or the stem, of new files.

    Raises
    ------
    InputError
        It is a folder, ``..`` or a device, for example.

    Examples
    --------
    >>> refuse_name(Path("new"))
    >>> refuse_name(Path("missing/.."))
    Traceback (most recent call last):
    steadkit.errors.InputError: 'missing/..' is a folder, not a file: name a file
    """
    if path.name in ("", ".."):
        raise InputError(f"{str(path)!r} is a folder, not a file: name a file")
    is_file(path)


def require_file(path: Path, missing: str = "") -> None:
    """Refuse a path that is no plain file; register the file as an input of the command.

    Parameters
    ----------
    path
        The file.
    missing
        Message for a missing file.

    Raises
    ------
    InputError
        It does not exist, or is no plain file.

    Examples
    --------
    >>> require_file(Path("no such file"))
    Traceback (most recent call last):
    steadkit.errors.InputError: no file 'no such file': check the name and the folder
    """
    if not is_file(path):
        raise InputError(missing or f"no file {str(path)!r}: check the name and the folder")
    note_input(path)
