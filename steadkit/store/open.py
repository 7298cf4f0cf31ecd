"""Open a STEAD file, and get the dataset of a trace with its shape, type and storage checked.

Damaged heaps and B-trees of newer HDF5 versions can crash HDF5's library or keep it busy for ever.
So a file of such a version is first read in a child process, where a crash or hang is harmless.
Files of the oldest kind, STEAD's among them, are read without the library where that happens.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Final

import h5py
import numpy as np
from blake3 import blake3

from steadkit.errors import InputError, damage_remedy, printable
from steadkit.hdf5 import UnsupportedError
from steadkit.paths import require_file
from steadkit.schema import DATA_GROUP, TRACE_SHAPE

WAVEFORM_DIGEST: Final = 16
DTYPE: Final = np.dtype("<f4")
TRACE_BYTES: Final = TRACE_SHAPE[0] * TRACE_SHAPE[1] * DTYPE.itemsize

CACHE_BYTES: Final = 128 << 20
"""Limit of HDF5's metadata cache, the highest that it allows; by default it is 32 MB.

A group's heap of names is one entry of that cache and doubles to 46 MB above 720,896 names: where
it does not fit, every look-up of a name reads all of it (35 us become 14 to 34 ms).
"""

LIBRARY_ERRORS: Final = (
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    KeyError,
    NotImplementedError,
)
"""Exceptions that h5py raises where a file is damaged."""

TIMEOUT_S: Final = 15.0
"""Seconds without a sign of life after which the library is taken to hang."""

_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_probed_files: set[tuple[str, int, int]] = set()


@contextmanager
def open_data(path: Path) -> Iterator[h5py.Group]:
    """Open a STEAD file for reading; yields its ``data`` group.

    Raises
    ------
    InputError
        The file is missing, not HDF5, truncated, or has no such group.
    """
    require_file(path)
    if not h5py.is_hdf5(path):
        raise InputError(f"{str(path)!r} is not an HDF5 file: STEAD's waveforms are HDF5")
    # Before the library opens the file: a crash of the library would end this process without a
    # message.
    if is_newer_version(path):
        probe_file(path)
    try:
        file = _open(path)
    except LIBRARY_ERRORS as error:
        raise InputError(
            f"{str(path)!r} cannot be opened, it may be truncated or in use: {damage_remedy(error)}"
        ) from error
    with file:
        group = _member(file, DATA_GROUP, path)
        if not isinstance(group, h5py.Group):
            raise InputError(f"{str(path)!r} has no group {DATA_GROUP!r}: it is not a STEAD file")
        yield group


def _open(path: Path) -> h5py.File:
    """Open a file for reading, with room for the names of all of STEAD in HDF5's cache."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    # As `h5py.File` does itself: objects that are still referred to are closed with the file.
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    config = access.get_mdc_config()
    config.max_size = CACHE_BYTES
    access.set_mdc_config(config)
    return h5py.File(h5py.h5f.open(os.fsencode(path), h5py.h5f.ACC_RDONLY, access))


def _member(group: h5py.Group, name: str, path: Path) -> h5py.HLObject | None:
    """Return the object of a name, or None; a soft or external link is refused, never followed."""
    try:
        # The link is read first, as `get` follows soft and external links without a word.
        link = group.get(name, getlink=True)
        if link is not None and not isinstance(link, h5py.HardLink):
            raise InputError(f"{str(path)!r} has a link at {name!r}: a trace must be in the file")
        return group.get(name)
    except InputError:
        raise
    except LIBRARY_ERRORS as error:
        raise InputError(f"{str(path)!r} is damaged at {name!r}: {damage_remedy(error)}") from error


def get_dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """Return a trace's dataset, after its shape, type and storage are checked.

    Raises
    ------
    InputError
        It is missing, or its shape, type or storage is not STEAD's.
    """
    path = Path(group.file.filename)
    dataset = _member(group, name, path)
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"{str(path)!r} has no trace {name!r}, though its CSV lists it")
    try:
        shape, dtype = dataset.shape, dataset.dtype
    except LIBRARY_ERRORS as error:
        raise damaged_trace(path, name, error) from error
    if shape != TRACE_SHAPE:
        raise InputError(
            f"trace {name!r} in {str(path)!r} has shape {shape}: STEAD's is {TRACE_SHAPE}"
        )
    if dtype != DTYPE:
        raise InputError(
            f"trace {name!r} in {str(path)!r} is {_type_name(dtype)}: STEAD's waveforms are "
            "float32, rewrite it as such"
        )
    # A path to another file, in a file from anywhere, would read what its author chose.
    if dataset.external or dataset.is_virtual:
        raise InputError(f"trace {name!r} in {str(path)!r} keeps its samples in another file")
    return dataset


def damaged_trace(path: Path, name: str, error: Exception) -> InputError:
    """Return the error for a trace that is damaged, or has something that is not supported."""
    trace = f"trace {name!r} in {str(path)!r}"
    if isinstance(error, UnsupportedError):
        return InputError(f"{trace} {printable(error, None)}")
    return InputError(f"{trace} is damaged: {damage_remedy(error)}")


def shortened_file(path: Path) -> InputError:
    """Return the error for a file that ends before the samples of a trace do."""
    return InputError(f"{str(path)!r} has become shorter: is it being written?")


def _type_name(dtype: np.dtype) -> str:
    """Return the name of a sample type, and the byte order where nothing else differs.

    >>> _type_name(np.dtype(">f4")), _type_name(np.dtype("c8"))
    ('>f4, float32 in big-endian order', 'complex64')
    """
    is_swapped = dtype.newbyteorder() == DTYPE
    return f"{dtype}, float32 in big-endian order" if is_swapped else str(dtype)


def read_dataset(group: h5py.Group, name: str) -> np.ndarray:
    """Read the samples of a trace with h5py, finite or not."""
    dataset = get_dataset(group, name)
    try:
        waveform: np.ndarray = dataset[()]
    except LIBRARY_ERRORS as error:
        file = group.file.filename
        raise InputError(
            f"trace {name!r} in {file!r} cannot be read: {damage_remedy(error)}"
        ) from error
    return waveform


def read_waveform(group: h5py.Group, name: str) -> np.ndarray:
    """Read one waveform, (6000, 3) float32 in counts, components E, N, Z at 100 Hz.

    Raises
    ------
    InputError
        It is missing, damaged, or holds NaN or infinity.
    """
    waveform = read_dataset(group, name)
    check_finite(waveform, name, group.file.filename)
    return waveform


def are_finite(waveforms: np.ndarray) -> bool:
    """Return whether no sample is NaN or infinite."""
    # NaN and infinity both propagate to the extremes: two passes and no temporary array.
    return not waveforms.size or (isfinite(waveforms.max()) and isfinite(waveforms.min()))


def check_finite(waveforms: np.ndarray, name: str, file: str | Path) -> None:
    """Refuse samples that are NaN or infinite."""
    if not are_finite(waveforms):
        raise nonfinite_error(name, file)


def nonfinite_error(name: str, file: str | Path) -> InputError:
    """Return the error for a trace with samples that are NaN or infinite."""
    return InputError(
        f"trace {name!r} in {str(file)!r} holds NaN or infinity: leave it out or repair it"
    )


def digest(waveform: np.ndarray) -> str:
    """Return the digest of a waveform: BLAKE3, 16 bytes, as hexadecimal text.

    >>> digest(np.zeros((6000, 3), np.float32))
    '11fa0a297baaa09a5b550c65590d5441'
    """
    return waveform_digest(np.ascontiguousarray(waveform, DTYPE).data).hex()


def waveform_digest(samples: bytes | memoryview) -> bytes:
    """Return the digest of a waveform: BLAKE3, 16 bytes."""
    return blake3(memoryview(samples).cast("B")).digest(WAVEFORM_DIGEST)


def is_newer_version(path: Path) -> bool:
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


def probe_file(path: Path) -> None:
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
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as child:
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
