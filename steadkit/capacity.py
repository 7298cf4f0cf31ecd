"""Checks of free disk and memory before a task begins."""

import math
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from steadkit.errors import InputError

TRACE_DISK_BYTES: Final = 75_000
"""Minimum bytes of a trace on disk: 72,000 of samples, its header and the rows of two tables."""

_PREFIXES: Final = ("", "k", "M", "G", "T", "P", "E")
_CGROUPS: Final = Path("/sys/fs/cgroup")


class NoRoomError(InputError, OSError):
    """The disk is too small; staged files stay, as when a disk fills up during the task."""


def count_text(count: int) -> str:
    """Return a count in full, or as a power of ten where nobody would read it.

    Examples
    --------
    >>> count_text(378_311), count_text(10**400)
    ('378,311', 'about 1e400')
    """
    # By its logarithm: Python refuses to format an integer of thousands of digits.
    return f"{count:,}" if count < 10**12 else f"about 1e{math.log10(count):.0f}"


def duration_text(seconds: float) -> str:
    """Return a duration in a readable unit.

    Examples
    --------
    >>> duration_text(360), duration_text(14_400), duration_text(1e6)
    ('6 min', '4.0 h', '11.6 days')
    """
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def size_text(n_bytes: int) -> str:
    """Return a number of bytes with a decimal prefix.

    Examples
    --------
    >>> size_text(72_000), size_text(91_400_000_000), size_text(10**400)
    ('72.0 kB', '91.4 GB', 'more than 1000 EB')
    """
    for power, prefix in enumerate(_PREFIXES):
        unit = 1000**power
        if n_bytes < 1000 * unit:
            return f"{n_bytes / unit:.1f} {prefix}B"
    return "more than 1000 EB"


def require_disk(folder: Path, n_bytes: int, work: str) -> None:
    """Refuse a task that needs more disk than is free.

    Parameters
    ----------
    folder
        Output folder; it may not exist yet.
    n_bytes
        Minimum bytes that it needs.
    work
        Name of the task, as the subject of a sentence.

    Raises
    ------
    NoRoomError
        The disk has less room.

    Examples
    --------
    >>> require_disk(Path("/tmp"), 10**20, "a copy of all traces")
    Traceback (most recent call last):
    steadkit.capacity.NoRoomError: a copy of all traces takes about 100.0 EB, the disk of '/tmp' ...
    """
    existing_folder = folder.absolute()
    while not existing_folder.exists() and existing_folder != existing_folder.parent:
        existing_folder = existing_folder.parent
    try:
        usage = shutil.disk_usage(existing_folder)
    except OSError:
        return  # the write itself reports the error
    # Some file systems do not know their size, and report 0.
    if usage.total and n_bytes > usage.free:
        raise NoRoomError(
            f"{work} takes about {size_text(n_bytes)}, the disk of {str(folder)!r} has room for "
            f"{size_text(usage.free)}: take fewer traces, make room, or write elsewhere"
        )


def require_memory(n_bytes: int, work: str, remedy: str, available: int | None = None) -> None:
    """Refuse a task that needs more memory than is free.

    Parameters
    ----------
    n_bytes
        Minimum bytes that it needs.
    work
        Name of the task, as the subject of a sentence.
    remedy
        What to do instead.
    available
        Free bytes; by default `available_memory`.

    Raises
    ------
    InputError
        There is less memory.
    """
    available = available_memory() if available is None else available
    if n_bytes > available:
        raise InputError(
            f"{work} takes at least {size_text(n_bytes)} of memory, {size_text(available)} are "
            f"free: {remedy}"
        )


def available_memory() -> int:
    """Return the bytes of memory and swap that this process may still fill."""
    return min((_system_memory(), *_cgroup_limits()))


def _system_memory() -> int:
    with suppress(OSError, ValueError):
        lines = (line.split() for line in Path("/proc/meminfo").read_text("ascii").splitlines())
        kilobytes = {name: int(number) for name, number, *_ in lines}
        return 1024 * (kilobytes["MemAvailable:"] + kilobytes["SwapFree:"])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cgroup_limits() -> Iterator[int]:
    """Yield the free bytes within each cgroup limit of a container or batch job."""
    with suppress(OSError, ValueError):
        group = _CGROUPS / _cgroup_path()
        for folder in (group, *group.parents):
            limit = folder / "memory.max"
            if limit.is_file() and (text := limit.read_text("ascii").strip()) != "max":
                used = int((folder / "memory.current").read_text("ascii"))
                yield max(int(text) - used, 0)


def _cgroup_path() -> str:
    return Path("/proc/self/cgroup").read_text("utf-8").partition("0::/")[2].strip()
