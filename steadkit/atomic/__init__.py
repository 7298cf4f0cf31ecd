"""Files and folders that appear complete or not at all, one writer at a time, and harm no other.

=============  ======================================================================
`files`        several files as one: staged next to the targets, renamed when complete
`folders`      a folder in the same way
`stage`        the staging folder: what in it is ours; the record of a commit
`lock`         locks on folders
`inputs`       what a command reads
`targets`      what no command writes over
`kinds`        kinds of files, told by their content
=============  ======================================================================
"""

from steadkit.atomic.files import check_targets, staged, write_text, write_with
from steadkit.atomic.folders import (
    check_folder,
    digests_of,
    nobody_s,
    staged_folder,
    unchanged_files,
)
from steadkit.atomic.inputs import folder_made, input_scope, note_input, release_input
from steadkit.atomic.lock import lock_folder, staging_folder, sync

__all__ = [
    "check_folder",
    "check_targets",
    "digests_of",
    "folder_made",
    "input_scope",
    "lock_folder",
    "nobody_s",
    "note_input",
    "release_input",
    "staged",
    "staged_folder",
    "staging_folder",
    "sync",
    "unchanged_files",
    "write_text",
    "write_with",
]
