"""When a step of a layer is: the time axis of every layer, on that of the trace.

On the way down a step stands for the samples that were pooled into it, and lies in their middle.
On the way up it stands for the samples of the output that it becomes, for by these the outputs are
trained: the probability at sample n is that of sample n.

The two ways do not meet. The published decoder repeats 47 steps to 752 and cuts one of these at
each end, which takes 8 samples from the beginning, 0.08 s: its convolutions have to learn to shift
what they are given by as much.
"""

import re
from dataclasses import dataclass

import numpy as np

from eqt.config import EQTConfig
from steadkit.schema import SAMPLING_RATE

_ENCODER = re.compile(r"encoder_(\d+)(_pool)?")
_DECODER = re.compile(r"decoder[DPS]_(\d+)")
_FULL_RATE_LAYERS = ("waveform", "detector", "picker_P", "picker_S")


@dataclass(frozen=True)
class Steps:
    """Evenly spaced steps of a layer."""

    first: float
    """Middle of the first step, samples of the trace."""
    every: float
    """Samples of the trace from one step to the next."""
    count: int

    @property
    def seconds(self) -> np.ndarray:
        """The middle of each step, seconds since the first sample.

        >>> Steps(0.5, 2.0, 3).seconds.tolist()
        [0.005, 0.025, 0.045]
        """
        return (self.first + self.every * np.arange(self.count)) / SAMPLING_RATE

    @property
    def span(self) -> tuple[float, float]:
        """Where the first step begins and the last one ends, seconds."""
        half = self.every / 2
        last = self.first + self.every * (self.count - 1)
        return (self.first - half) / SAMPLING_RATE, (last + half) / SAMPLING_RATE

    def nearest(self, sample: float) -> int:
        """Tell the step in which a sample of the trace lies.

        >>> Steps(63.5, 128.0, 47).nearest(700.0)
        5
        """
        return int(np.clip(round((sample - self.first) / self.every), 0, self.count - 1))


def steps_of(layer: str, config: EQTConfig) -> Steps:
    """Tell when the steps of a layer's output are.

    Parameters
    ----------
    layer
        Its name in `eqt.model.build_model`.
    config
        What the network is built from.

    Examples
    --------
    >>> steps_of("encoder_2", EQTConfig())
    Steps(first=0.5, every=2.0, count=3000)
    >>> steps_of("attentionD", EQTConfig())
    Steps(first=63.5, every=128.0, count=47)
    >>> steps_of("decoderP_3", EQTConfig())
    Steps(first=-0.5, every=16.0, count=376)
    """
    if layer in _FULL_RATE_LAYERS:
        return Steps(0.0, 1.0, config.input_length)
    if match := _DECODER.fullmatch(layer):
        return _decoder_steps(int(match[1]), config)
    match = _ENCODER.fullmatch(layer)
    return _encoder_steps(int(match[1]) - (not match[2]) if match else len(config.filters), config)


def _encoder_steps(times: int, config: EQTConfig) -> Steps:
    """Tell the steps after so many poolings by 2; the pooled pairs begin at the first sample."""
    every = 2.0**times
    return Steps((every - 1) / 2, every, config.lengths[times])


def _decoder_steps(block: int, config: EQTConfig) -> Steps:
    """Tell the steps after a decoder's block, back from those of the output."""
    # An odd excess is cut to one more than the input has, at the end.
    length = config.pooled_length
    for crop in config.crops[:block]:
        length = 2 * length - 2 * crop
    first, every = 0.0, 1.0
    for crop in reversed(config.crops[block:]):
        first, every = first - crop * every + every / 2, 2 * every
    return Steps(first, every, length)
