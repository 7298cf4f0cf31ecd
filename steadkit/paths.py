"""Paths and JSON files of a user, checked before use: reading a pipe may block for ever.

JSON is untrusted: read with a size limit, its values checked by type.
"""

import json
import math
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from steadkit.atomic import note_input
from steadkit.errors import InputError, printable

MAX_JSON_BYTES: Final = 1 << 24
MAX_INTEGER: Final = (1 << 63) - 1
"""Largest 64-bit integer; JSON may have integers of any length."""

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


class JsonType(NamedTuple):
    """A type of JSON values: its name in messages, and a predicate."""

    name: str
    fits: Callable[[Any], bool]


def _is_number(value: object) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def _is_integer(value: object) -> bool:
    return type(value) is int and -MAX_INTEGER <= value <= MAX_INTEGER


TEXT: Final = JsonType("a text", lambda value: isinstance(value, str))
INTEGER: Final = JsonType("a whole number", _is_integer)
NUMBER: Final = JsonType("a number", _is_number)
OBJECT: Final = JsonType("an object", lambda value: isinstance(value, dict))


def list_type(item_type: JsonType, length: int | None = None) -> JsonType:
    """Return the type of lists with items of a type.

    >>> list_type(TEXT).name, list_type(NUMBER, 4).name, list_type(TEXT).fits("earthquake")
    ('a list, each a text', 'a list of 4, each a number', False)
    """

    def fits(value: Any) -> bool:
        is_list = isinstance(value, list) and length in (None, len(value))
        return is_list and all(map(item_type.fits, value))

    return JsonType(
        f"a list{'' if length is None else f' of {length}'}, each {item_type.name}", fits
    )


def value_at(document: Mapping[str, Any], key: str, json_type: JsonType, label: str) -> Any:
    """Return the value of a key.

    Parameters
    ----------
    document
        The JSON object.
    key, json_type
        Key and type of the value.
    label
        Name of the document in messages.

    Raises
    ------
    InputError
        It is missing, or of another type.

    >>> value_at({"by": ["station"]}, "by", list_type(TEXT), "the recipe")
    ['station']
    >>> value_at({"seed": "first"}, "seed", INTEGER, "the recipe")
    Traceback (most recent call last):
    steadkit.errors.InputError: the recipe has 'seed' = 'first': a whole number is needed
    """
    if key not in document:
        raise InputError(f"{label} has no {key!r}: take the original")
    value = document[key]
    if not json_type.fits(value):
        value_text = printable(repr(value))
        raise InputError(f"{label} has {key!r} = {value_text}: {json_type.name} is needed")
    return value


def read_json(path: Path, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """Read a file with one JSON object.

    Raises
    ------
    InputError
        It is missing, larger than `max_bytes`, or not a JSON object.
    """
    require_file(path)
    with path.open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise InputError(f"{str(path)!r} has more than {max_bytes:,} bytes: take the original")
    return parse_json(content, repr(str(path)))


def parse_json(content: str | bytes, label: str) -> dict[str, Any]:
    """Parse a text with one JSON object.

    Raises
    ------
    InputError
        It is not a JSON object.

    >>> parse_json("[1, 2", "'a.json'")
    Traceback (most recent call last):
    steadkit.errors.InputError: 'a.json' is not JSON from line 1, column 6 on: take the original
    """
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        document = json.loads(text)
    except json.JSONDecodeError as error:
        position = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{label} is not JSON from {position} on: take the original") from error
    except (ValueError, RecursionError) as error:  # not UTF-8; a number of 5000 digits
        raise InputError(f"{label} is not JSON that can be read: take the original") from error
    if not isinstance(document, dict):
        raise InputError(f"{label} is {printable(repr(document), 60)}: a JSON object is needed")
    return document
