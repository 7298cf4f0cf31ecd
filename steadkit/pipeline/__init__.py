"""Traces to batches of waveforms and targets, and to a tf.data stream of them.

===========  ==================================================================
`config`     how batches are made
`columns`    names, offsets and arrivals as a table that processes share
`records`    the traces of a stream: their arrivals, and their samples when asked
`order`      which traces come when, and the generator that augments each
`cache`      the traces in memory, or packed into a file of their own
`memory`     memory for batches, used again
`batches`    numbered batches, made with NumPy alone
`team`       processes that make them
`tensors`    batches as a tf.data stream; the only file that imports TensorFlow
===========  ==================================================================

Order is a function of seed and epoch, augmentation one of seed, epoch and trace, and a batch one
of its number. So a stream gives the same batches whatever the number of threads, and can begin
anywhere.
"""

from steadkit.pipeline.batches import BatchLoader, raise_input_errors
from steadkit.pipeline.config import MIXES, BatchConfig
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
