"""Training of a network on a data set: `train` and `resume` write a self-describing run folder.

==============  ============================================================================
`run`           start a training in a new run folder, or resume one
`data`          training and validation splits of a data set, and its digest
`environment`   software and hardware versions, recorded and compared
`devices`       device selection and the distribution strategy
`model`         the network: built or read, with frozen layers, and its optimizer
`steps`         training step and validation step, on one device or several
`metrics`       F1 during training
`checkpoint`    the complete training state, bit for bit
`reporting`     progress bar, a line per epoch, TensorBoard logs
`loop`          epochs, validation, checkpoints
`readme`        README.txt of the run folder
==============  ============================================================================

The order of traces is a function of seed and epoch, augmentation a function of these and the trace,
early stopping and plateaus a function of the history. So the variables, the history and the number
of the next batch determine the rest of a training: resumed from these, it reaches the same weights.
"""

from eqt.training.data import split_by_earthquake, traces_of, training_split
from eqt.training.environment import environment
from eqt.training.model import compile_model
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
