"""Writer of a new STEAD file from traces in memory."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from steadkit.hdf5 import Attributes, Hdf5Writer, encode, group_by_schema, row_table
from steadkit.schema import DATA_GROUP, TRACE_SHAPE
from steadkit.store.open import DTYPE

BLOCK_TRACES = 1024
"""Traces whose attributes are buffered before they are written behind their samples."""


class Writer:
    """Write traces into a new STEAD file, in the order in which they are added.

    Parameters
    ----------
    path
        A file that does not exist yet; stage it with `steadkit.atomic.atomic_write`.
    """

    def __init__(self, path: Path):
        self._file = Hdf5Writer(path, TRACE_SHAPE, DATA_GROUP)
        self._waiting: list[tuple[int, Attributes]] = []
        # A dict as an ordered set: the order of the file, and a fast test for repeated names.
        self._names: dict[str, None] = {}
        self._headers: list[int] = []

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._write_headers()
                self._file.finalize(list(self._names), np.array(self._headers, np.uint64))
        finally:
            self._file.close()

    def add(self, name: str, waveform: np.ndarray, attributes: Mapping[str, object]) -> bytes:
        """Write a trace with its row of attributes: text, numbers, or arrays of them.

        Returns
        -------
        bytes
            The digest of the attributes, 8 bytes.
        """
        # Checked before anything is written, so that a refused trace leaves no gap in the file.
        samples = np.ascontiguousarray(waveform, DTYPE)
        if samples.shape != TRACE_SHAPE:
            raise ValueError(f"waveform of {name!r} has shape {samples.shape}, not {TRACE_SHAPE}")
        if name in self._names:
            raise ValueError(f"trace {name!r} is in the file already")
        coded = encode(attributes)
        address = self._file.reserve(1)
        self._file.write(address, samples.data)
        self._names[name] = None
        self._waiting.append((address, coded))
        if len(self._waiting) == BLOCK_TRACES:
            self._write_headers()
        return coded.digest()

    def _write_headers(self) -> None:
        datasets = [
            (np.array([address]), row_table(attributes)) for address, attributes in self._waiting
        ]
        content, headers = self._file.layout(group_by_schema(datasets))
        self._file.append(content)
        self._headers += headers.tolist()
        self._waiting = []
