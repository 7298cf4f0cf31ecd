"""STEAD's HDF5: one dataset of (6000, 3) float32 per trace, with its row as attributes.

===============  ==============================================================
`reading`        one trace: its waveform and its attributes, checked
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
from steadkit.store.copying import Copied, Order, copy_traces
from steadkit.store.reading import (
    DTYPE,
    LIBRARY_FAULTS,
    TRACE_BYTES,
    WAVEFORM_DIGEST,
    Reader,
    attributes_of,
    check_finite,
    dataset_of,
    digest,
    open_data,
    read_waveform,
)
from steadkit.store.waveforms import Waveforms
from steadkit.store.writing import Writer

__all__ = [
    "ATTRIBUTES_DIGEST",
    "DTYPE",
    "LIBRARY_FAULTS",
    "TRACE_BYTES",
    "WAVEFORM_DIGEST",
    "Copied",
    "Order",
    "Reader",
    "Waveforms",
    "Writer",
    "attributes_of",
    "check_finite",
    "copy_traces",
    "dataset_of",
    "digest",
    "open_data",
    "read_waveform",
]
