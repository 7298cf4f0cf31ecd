"""STEAD's HDF5 files: one dataset of (6000, 3) float32 per trace, with its row as attributes.

=============  ================================================================
`open`         open file, the dataset of a trace in it, its samples and digest
`reader`       locations, waveforms and attributes of traces
`trace_index`  addresses and offsets of many traces, with an index on disk
`scanner`      sequential scan of a file, with damage reported trace by trace
`waveforms`    random access to waveforms, by their offsets in the file
`writer`       new file of traces in memory
`copy`         resumable copy of traces into a new file
`copy_worker`  copy of one batch of traces, in this process or another
`journal`      record of the complete blocks of a copy
=============  ================================================================
"""

from steadkit.hdf5 import ATTRIBUTES_DIGEST
from steadkit.store.copy import CopyDigests, CopyPlan, copy_traces
from steadkit.store.open import (
    DTYPE,
    LIBRARY_ERRORS,
    TRACE_BYTES,
    WAVEFORM_DIGEST,
    check_finite,
    digest,
    get_dataset,
    open_data,
    read_waveform,
)
from steadkit.store.reader import Reader, get_attributes
from steadkit.store.scanner import ScannedBatch, locate, scan
from steadkit.store.waveforms import Waveforms
from steadkit.store.writer import Writer

__all__ = [
    "ATTRIBUTES_DIGEST",
    "DTYPE",
    "LIBRARY_ERRORS",
    "TRACE_BYTES",
    "WAVEFORM_DIGEST",
    "CopyDigests",
    "CopyPlan",
    "Reader",
    "ScannedBatch",
    "Waveforms",
    "Writer",
    "check_finite",
    "copy_traces",
    "digest",
    "get_attributes",
    "get_dataset",
    "locate",
    "open_data",
    "read_waveform",
    "scan",
]
