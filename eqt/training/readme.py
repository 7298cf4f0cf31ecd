"""A run folder explained in words, in the folder itself."""

import textwrap
from collections import Counter
from functools import partial
from math import prod
from pathlib import Path

import keras

from eqt.config import TrainConfig
from eqt.runs import Setup
from steadkit.errors import printable
from steadkit.manifest import Manifest


def readme(folder: Path, setup: Setup, split: Manifest, model: keras.Model) -> str:
    """Write what a run folder is, how it came to be, and what can be done with it."""
    about, counts = setup.about, Counter(split.parts)
    learning = sum(prod(weight.shape) for weight in model.trainable_variables)
    parts = ", ".join(f"{counts[part]:,} {part}" for part in ("train", "validation", "test"))
    begins = f"the network of {about['init']}" if about["init"] else "random weights"
    paragraphs = [
        f"A training of the Earthquake Transformer{_called(str(about['network']))}, by steadkit "
        f"{setup.environment['steadkit']}.",
        f"It was made by:\n    {about['command']}",
        f"The data are {setup.data.resolve()}: {parts} traces, as split.manifest lists them. The "
        f"network has {model.count_params():,} parameters, of which {learning:,} learn, and began "
        f"with {begins}. {_differs(setup.training)}",
        FILES.strip(),
        f"If there is no curves.png, training was cut off. This goes on with it, to the same "
        f"weights as if it had not been:\n    eqt train --resume {folder}",
        f"And this tells how right its picks are on the test part:\n    eqt evaluate {folder}",
    ]
    lines = "\n\n".join(map(_wrapped, paragraphs)).split("\n")
    return "\n".join(printable(line, None) for line in lines) + "\n"


FILES = """
config.json          all settings, the software and the machine; digests of data and split
split.manifest       the part of every trace
history.csv          losses, F1, learning rate and seconds of every epoch
curves.png           the losses as a picture
best.weights.h5      the weights with the lowest validation loss
last.weights.h5      the weights after the last epoch
"""


def _called(name: str) -> str:
    return f" ({name})" if name else ""


def _differs(training: TrainConfig) -> str:
    """Tell in which settings a training differs from the published recipe."""
    mine, published = training.to_dict(), TrainConfig().to_dict()
    changed = [f"{name} {value}" for name, value in mine.items() if published[name] != value]
    recipe = "It is trained by the published recipe"
    return f"{recipe}, but for: {', '.join(changed)}." if changed else f"{recipe}."


def _wrapped(paragraph: str) -> str:
    """Break long lines between words, but not those that are to be copied, nor a path."""
    fill = partial(textwrap.fill, width=96, break_on_hyphens=False, break_long_words=False)
    lines = paragraph.split("\n")
    return "\n".join(line if line.startswith(" ") else fill(line) for line in lines)
