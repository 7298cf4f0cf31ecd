"""Plain files among the paths that a user names: of anything else a read may wait for ever."""

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
    """Return whether a path leads to a plain file; False means that nothing is there.

    Raises
    ------
    InputError
        A folder, a named pipe, a socket or a device is there, or it cannot be looked at.

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
    """Refuse what cannot be the name of files to come, with or without an ending of theirs.

    Raises
    ------
    InputError
        It is a folder, ``..`` or a device, say.

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
    """Refuse a path that does not lead to a plain file; note the file as an input of the command.

    Parameters
    ----------
    path
        What a user named, or what has to be next to it.
    missing
        What to say where nothing is there.

    Raises
    ------
    InputError
        Nothing is there, or something else than a file.

    Examples
    --------
    >>> require_file(Path("no such file"))
    Traceback (most recent call last):
    steadkit.errors.InputError: no file 'no such file': check the name and the folder
    """
    if not is_file(path):
        raise InputError(missing or f"no file {str(path)!r}: check the name and the folder")
    note_input(path)
