"""Probe of a file of a newer HDF5 version in a child process, where a crash or hang is harmless.

Damaged heaps and B-trees of newer versions can crash HDF5's library or keep it busy for ever.
Files of the oldest kind, STEAD's among them, are read without the library where that happens.
"""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from steadkit.errors import InputError
from steadkit.schema import DATA_GROUP, TRACE_SHAPE

TIMEOUT_S: Final = 15.0
"""Seconds without a sign of life after which the library is taken to hang."""

_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_probed_files: set[tuple[str, int, int]] = set()


def is_new(path: Path) -> bool:
    """Return whether a file has a superblock of version 2 or 3."""
    with path.open("rb") as file:
        # A user block before it has 512 bytes, or twice that, and so on.
        start, size = 0, path.stat().st_size
        while start < size:
            file.seek(start)
            if (head := file.read(9))[:8] == _SIGNATURE:
                return head[8:] >= b"\x02"
            start = max(512, 2 * start)
    return False


def probe(path: Path) -> None:
    """Read all names, layouts and attributes in a child process, once for each state of the file.

    Raises
    ------
    InputError
        The library crashes or hangs on the file.
    """
    status = path.stat()
    # A file that was changed since may crash the library, though it did not before.
    key = (str(path.resolve()), status.st_size, status.st_mtime_ns)
    if key in _probed_files:
        return
    code = f"from {__name__} import read_all; read_all()"
    # -P: a module in the current folder must not be imported in place of an installed one.
    command = [sys.executable, "-P", "-c", code, str(path.resolve())]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    null = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=null, env=environment) as child:
        try:
            failure = _watch(child)
        finally:
            # Also after Ctrl-C, and where the library hangs in a loop that no signal handler of
            # Python ends.
            child.kill()
    if failure:
        raise InputError(f"{str(path)!r} is damaged, HDF5 {failure} on it: take the original")
    _probed_files.add(key)


def _watch(child: subprocess.Popen[bytes]) -> str | None:
    """Wait for a child while it writes a byte from time to time; returns its failure, or None."""
    output = child.stdout.fileno()  # type: ignore[union-attr]
    while select.select([output], [], [], TIMEOUT_S)[0]:
        # The end of the pipe; a negative return code is the number of the signal that ended the
        # child.
        if not os.read(output, 4096):
            return "crashes" if child.wait() < 0 else None
    return "hangs"


def read_all() -> None:
    """Read everything that will be read of the file, in the child; write a byte for each trace."""
    import h5py

    # The default action ends the process in the kernel: a handler of Python would wait for the
    # library.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _set_alarm()
    with h5py.File(sys.argv[1]) as file:
        group = file[DATA_GROUP]
        for name in group:
            os.write(1, b".")
            _set_alarm()
            try:
                if isinstance(group.get(name, getlink=True), h5py.HardLink):
                    dict(group[name].attrs)
                    # Only chunked data pass through the library's B-trees and filters; contiguous
                    # ones are plain bytes.
                    if group[name].chunks and group[name].shape == TRACE_SHAPE:
                        group[name][()]
            except Exception:  # told when the trace is asked for
                continue


def _set_alarm() -> None:
    """Set an alarm that ends the child if it hangs after its parent was killed."""
    signal.setitimer(signal.ITIMER_REAL, 2 * TIMEOUT_S)
