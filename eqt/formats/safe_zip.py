"""Reader of untrusted zip files, validated before use; nothing is ever unpacked to disk."""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from steadkit.errors import InputError, printable

MAX_MEMBERS: Final = 4096
MAX_BYTES: Final = 1 << 28
"""Size of an archive, unpacked; a published network is 1.5 MB."""

_ENCRYPTED: Final = 0x1
_PLAIN: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextmanager
def archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file without unusual features, such as Keras and PyTorch write it.

    Raises
    ------
    InputError
        It is no zip file, is damaged, or has members that are encrypted, duplicate, links, outside
        of it, or too large.
    """
    try:
        with zipfile.ZipFile(path) as zip_file:
            _check(zip_file.infolist(), path)
            yield zip_file
    except InputError:
        raise
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise _refusal(path, f"is not a whole zip file ({printable(error)})") from error
    except zlib.error as error:
        raise _refusal(path, f"is damaged ({printable(error)})") from error


def member(zip_file: zipfile.ZipFile, name: str, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a member of an open archive; refuse one of more than `max_bytes` bytes."""
    info = zip_file.getinfo(name)
    if info.file_size > max_bytes:
        raise InputError(
            f"{name!r} in it has {info.file_size:,} bytes, at most {max_bytes:,} are read"
        )
    # The header may be forged: zipfile reads no more than it states, but may read less.
    content = zip_file.read(info)
    if len(content) != info.file_size:
        raise zipfile.BadZipFile(f"{name!r} is {len(content):,} bytes long, not {info.file_size:,}")
    return content


def _refusal(path: Path, problem: str) -> InputError:
    return InputError(f"{str(path)!r} {problem}: use a file as its program wrote it")


def _check(members: list[zipfile.ZipInfo], path: Path) -> None:
    names = [info.filename for info in members]
    if len(names) > MAX_MEMBERS:
        raise _refusal(path, f"has {len(names):,} members")
    if len(set(names)) < len(names):
        raise _refusal(path, "has two members of one name")
    total = sum(info.file_size for info in members)
    if total > MAX_BYTES:
        raise _refusal(path, f"has {total:,} bytes unpacked, more than {MAX_BYTES:,}")
    for info in members:
        _check_member(info, path)


def _check_member(info: zipfile.ZipInfo, path: Path) -> None:
    parts = PurePosixPath(info.filename.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in info.filename:
        raise _refusal(path, f"has a member outside of it, {printable(info.filename)!r}")
    if info.flag_bits & _ENCRYPTED:
        raise _refusal(path, f"has an encrypted member, {printable(info.filename)!r}")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise _refusal(path, f"has a member that is a link, {printable(info.filename)!r}")
    if info.compress_type not in _PLAIN:
        raise _refusal(path, f"has a member in unknown compression, {printable(info.filename)!r}")
