"""Atomic writes of files and folders: staged, locked, renamed when complete.

==============  ==========================================================================
`transaction`   several files, or a folder, staged next to the target and renamed
`stage`         the locked staging folder and the record of a commit
`targets`       what no command overwrites: its inputs, data sets, files of another kind
`kinds`         kinds of files, recognised by their content
==============  ==========================================================================
"""

from steadkit.atomic.stage import lock_folder, staging_folder, sync
from steadkit.atomic.targets import input_scope, note_input, release_input, writable_folder
from steadkit.atomic.transaction import (
    atomic_folder,
    atomic_write,
    check_folder,
    check_targets,
    file_digests,
    forbid,
    unchanged_files,
    write_one,
    write_text,
)

__all__ = [
    "atomic_folder",
    "atomic_write",
    "check_folder",
    "check_targets",
    "file_digests",
    "forbid",
    "input_scope",
    "lock_folder",
    "note_input",
    "release_input",
    "staging_folder",
    "sync",
    "unchanged_files",
    "writable_folder",
    "write_one",
    "write_text",
]
