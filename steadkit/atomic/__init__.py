"""Atomic writes of files and folders: staged, locked, renamed when complete.

=============  ======================================================================
`files`        several files as one transaction, staged next to the targets
`folders`      a folder in the same way
`stage`        the staging folder and the record of a commit
`lock`         locks on folders
`inputs`       the files that a command reads, which it may not overwrite
`targets`      files that no command overwrites
`kinds`        kinds of files, recognised by their content
=============  ======================================================================
"""

from steadkit.atomic.files import atomic_write, check_targets, write_one, write_text
from steadkit.atomic.folders import (
    atomic_folder,
    check_folder,
    file_digests,
    forbid,
    unchanged_files,
)
from steadkit.atomic.inputs import input_scope, note_input, output_folder, release_input
from steadkit.atomic.lock import lock_folder, staging_folder, sync

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
    "output_folder",
    "release_input",
    "staging_folder",
    "sync",
    "unchanged_files",
    "write_one",
    "write_text",
]
