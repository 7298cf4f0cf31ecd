"""Batches of waveforms and targets, made in worker processes, and a tf.data adapter.

=============  ================================================================
`batches`      configuration of batches, and batches by number, made with NumPy alone
`data_source`  random access to traces: arrivals at once, samples on request
`sampler`      order of the traces in an epoch; random generator of each example
`pack`         traces packed into one contiguous file
`buffers`      reusable buffers; memory and tables shared between processes
`workers`      pool of processes that make batches
`tf_data`      batches as a tf.data.Dataset; the only file that imports TensorFlow
=============  ================================================================

The order of traces is a function of seed and epoch, the augmentation one of seed, epoch and trace,
and a batch one of its number. So batches do not depend on the number of threads and processes, and
a stream can start at any batch.
"""

from steadkit.pipeline.batches import MIXES, BatchConfig, BatchLoader, raise_input_errors
from steadkit.pipeline.data_source import TraceSource
from steadkit.pipeline.pack import pack_dataset
from steadkit.pipeline.tf_data import to_tf_dataset

__all__ = [
    "MIXES",
    "BatchConfig",
    "BatchLoader",
    "TraceSource",
    "pack_dataset",
    "raise_input_errors",
    "to_tf_dataset",
]
