"""STEAD's HDF5: one dataset of (6000, 3) float32 per trace, with its row as attributes.

===============  ==============================================================
`samples`        the samples of one trace: type, finiteness, digest
`opening`        a file opened, the dataset of a trace in it, checked
`reading`        traces: where they are, their waveforms and attributes
`scanner`        every trace of a file, read in its order, damage told trace by trace
`waveforms`      many waveforms in any order, by their place in the file
`writing`        a new file out of traces made in memory
`carrying`       a run of traces: samples to their place, all else back
`helping`        processes that carry too
`copying`        a new file out of the traces of others, resumable
`journal`        how far a copy got
`probing`        files whose damage could crash HDF5's library, tried in another process
`runs`           the parts of a sequence whose items belong together
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
