"""Train a network on part of a data set; leave a run folder that explains itself.

=============  =============================================================================
`parts`        which traces a training is given
`environment`  with what software and hardware
`devices`      on which devices
`network`      the network: built or read, frozen in parts, its optimizer
`steps`        a step of training, and one of validation, on one device or several
`scores`       F1 while it is trained
`state`        where a training stands, to the bit
`telling`      what it says
`loop`         from one state to the end
`readme`       the run folder in words
`start`        the beginning, and going on
=============  =============================================================================

The order of traces is a function of seed and epoch, augmentation one of the trace too, early
stopping and plateaus one of the history. So a training is its variables, its history and the number
of its next batch: whoever has these goes on to the same weights.
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
