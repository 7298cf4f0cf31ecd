"""Training of a network on a data set: `train` and `resume` write a self-describing run folder.

==============  ============================================================================
`run`           start a training in a new run folder, or resume one
`data`          training and validation splits of a data set, and its digest
`model`         the network: built or read, with frozen layers, and its optimizer
`steps`         training step and validation step, on one device or several
`execution`     devices, the distribution strategy, determinism
`metrics`       F1 during training
`checkpoint`    the complete training state, bit for bit
`reporting`     environment, README.txt of the run folder, progress, TensorBoard logs
`loop`          epochs, validation, checkpoints
==============  ============================================================================

The order of traces is a function of seed and epoch, augmentation a function of these and the trace,
early stopping and plateaus a function of the history. So the variables, the history and the number
of the next batch determine the rest of a training: resumed from these, it reaches the same weights.
"""

from eqt.training.data import split_by_earthquake, traces_of, training_split
from eqt.training.model import compile_model
from eqt.training.reporting import environment
from eqt.training.run import RuntimeOptions, resume, train

__all__ = [
    "RuntimeOptions",
    "compile_model",
    "environment",
    "resume",
    "split_by_earthquake",
    "traces_of",
    "train",
    "training_split",
]
