"""Random access to the waveforms of a file, by their offsets."""

import os
from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import Path

import numpy as np

from steadkit.hdf5.readahead import expect_random_reads
from steadkit.schema import TRACE_SHAPE
from steadkit.store.open import DTYPE, TRACE_BYTES, check_finite, open_data, shortened_file
from steadkit.store.reader import Reader
from steadkit.store.trace_index import find_offsets


class Waveforms:
    """Random access to the waveforms of a file, many at a time, by their offsets.

    h5py takes one call and some 130 us a trace; a contiguous dataset's bytes can be read straight
    from its offset in 10 us. Datasets that are chunked or compressed are read with h5py.

    Parameters
    ----------
    path
        A STEAD file.
    names
        The traces, in the order in which `read` numbers them.
    offsets
        Offset of the samples of each in the file, int64, negative where they are not contiguous;
        they are looked up by default.

    Raises
    ------
    InputError
        The file or one of the traces cannot be used.
    """

    def __init__(self, path: Path, names: Sequence[str], offsets: np.ndarray | None = None):
        self.path, self.names = path, names
        if offsets is None:
            with open_data(path) as group:
                offsets = find_offsets(Reader(group), names).samples
        self.offsets = offsets

    def __len__(self) -> int:
        return len(self.names)

    def read(self, indices: Iterable[int], check: bool = True) -> np.ndarray:
        """Read waveforms, shape (len(indices), 6000, 3), float32, counts.

        Parameters
        ----------
        indices
            Indices in `names`.
        check
            Whether samples that are NaN or infinite are refused.

        Raises
        ------
        InputError
            A waveform holds NaN or infinity, or the file has changed meanwhile.
        """
        indices = list(indices)
        batch = np.empty((len(indices), *TRACE_SHAPE), DTYPE)
        self.read_into(indices, batch, range(len(indices)), check)
        return batch

    def read_into(
        self, indices: Sequence[int], out: np.ndarray, rows: Sequence[int], check: bool = True
    ) -> None:
        """Read waveforms into some rows of an array, shape (rows, 6000, 3), float32, contiguous."""
        by_h5py = self._read_contiguous(indices, out, rows)
        if by_h5py:
            with open_data(self.path) as group:
                reader = Reader(group)
                for index, row in by_h5py:
                    reader.read_into(reader.locate(self.names[index]), out[row])
        if check:
            # A sum is fast, and finite unless a sample is not, or it overflows: then look closer.
            with np.errstate(invalid="ignore", over="ignore"):
                sums = [float(np.add.reduce(out[row].reshape(-1))) for row in rows]
            for index, row, total in zip(indices, rows, sums, strict=True):
                if not isfinite(total):
                    check_finite(out[row], self.names[index], self.path)

    def _read_contiguous(
        self, indices: Sequence[int], out: np.ndarray, rows: Sequence[int]
    ) -> list[tuple[int, int]]:
        """Fill the rows whose offset is known; returns index and row of the others."""
        by_h5py = []
        # Opened for each call: an object without a descriptor serves threads and can be pickled.
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            offsets = self.offsets[np.asarray(indices, np.int64)]
            # Where less than half of the bytes between the traces is needed, the system's
            # read-ahead would read more than it saves.
            if len(offsets) and np.ptp(offsets) > 2 * len(offsets) * TRACE_BYTES:
                expect_random_reads(descriptor)
            for index, row in zip(indices, rows, strict=True):
                # Each trace straight into its row: there is nothing to copy, and pages of the cache
                # are read once.
                offset = int(self.offsets[index])
                if offset < 0:
                    by_h5py.append((index, row))
                elif os.preadv(descriptor, [out[row].data], offset) != TRACE_BYTES:
                    raise shortened_file(self.path)
        finally:
            os.close(descriptor)
        return by_h5py
