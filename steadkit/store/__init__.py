"""STEAD's HDF5 files: one dataset of (6000, 3) float32 per trace, with its row as attributes.

===============  ==============================================================
`samples`        samples of one trace: type, finiteness, digest
`open`           open file, and the dataset of a trace in it, checked
`reader`         locations, waveforms and attributes of traces
`trace_index`    addresses and offsets of many traces, with an index on disk
`scanner`        sequential scan of a file, with damage reported trace by trace
`waveforms`      random access to waveforms, by their offsets in the file
`writer`         new file of traces in memory
`copy`           resumable copy of traces into a new file
`copy_task`      copy of one batch of traces
`copy_process`   worker processes that copy batches
`async_writer`   write-behind of samples, double-buffered
`journal`        record of the complete blocks of a copy
`crash_probe`    test in another process whether a file crashes HDF5's library
`runs`           ranges of adjacent items of a sequence
===============  ==============================================================
"""

from steadkit.hdf5 import ATTRIBUTES_DIGEST
from steadkit.store.copy import CopyDigests, CopyPlan, copy_traces
from steadkit.store.open import LIBRARY_ERRORS, dataset_of, open_data
from steadkit.store.reader import Reader, attributes_of, read_waveform
from steadkit.store.samples import DTYPE, TRACE_BYTES, WAVEFORM_DIGEST, check_finite, digest
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
    "attributes_of",
    "check_finite",
    "copy_traces",
    "dataset_of",
    "digest",
    "locate",
    "open_data",
    "read_waveform",
    "scan",
]
