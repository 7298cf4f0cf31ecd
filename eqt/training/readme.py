"""README.txt of a run folder."""

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
    """Return the text: contents of the folder, its origin, and commands for resuming and use."""
    about, counts = setup.about, Counter(split.splits)
    network = f" ({about['network']})" if str(about["network"]) else ""
    n_trainable = sum(prod(weight.shape) for weight in model.trainable_variables)
    split_counts = ", ".join(
        f"{counts[split_name]:,} {split_name}" for split_name in ("train", "validation", "test")
    )
    start = f"the network of {about['init']}" if about["init"] else "random weights"
    paragraphs = [
        f"A training of the Earthquake Transformer{network}, by steadkit "
        f"{setup.environment['steadkit']}.",
        f"It was made by:\n    {about['command']}",
        f"The data are {setup.data.resolve()}: {split_counts} traces, as split.manifest lists "
        f"them. The network has {model.count_params():,} parameters, of which {n_trainable:,} "
        f"learn, and began with {start}. {_recipe_changes(setup.training)}",
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


def _recipe_changes(training: TrainConfig) -> str:
    """Return a sentence on the settings that differ from the published recipe."""
    settings, published = training.to_dict(), TrainConfig().to_dict()
    changed = [f"{name} {value}" for name, value in settings.items() if published[name] != value]
    recipe = "It is trained by the published recipe"
    return f"{recipe}, but for: {', '.join(changed)}." if changed else f"{recipe}."


def _wrapped(paragraph: str) -> str:
    """Wrap long lines, except indented commands, and without breaking paths."""
    fill = partial(textwrap.fill, width=96, break_on_hyphens=False, break_long_words=False)
    lines = paragraph.split("\n")
    return "\n".join(line if line.startswith(" ") else fill(line) for line in lines)
