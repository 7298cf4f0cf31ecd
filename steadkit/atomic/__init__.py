"""Atomic files and folders: staged next to the target, renamed when complete, one at a time."""

from steadkit.atomic.files import staged, write_text, write_with
from steadkit.atomic.folders import check_folder, nobody_s, staged_folder
from steadkit.atomic.lock import sync

__all__ = [
    "check_folder",
    "nobody_s",
    "staged",
    "staged_folder",
    "sync",
    "write_text",
    "write_with",
]
