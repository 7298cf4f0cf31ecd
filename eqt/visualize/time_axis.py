"""Time axis of every layer: the times of its steps within the trace.

In the encoder a step represents the samples that were pooled into it, and lies in their middle.
In the decoder it represents the samples of the output that it is upsampled to, because the outputs
are trained on these: the probability at index n is that of sample n.

The two axes do not agree. The published decoder upsamples 47 steps to 752 and crops one of these at
each end, which removes 8 samples from the beginning, 0.08 s: its convolutions have to learn to
shift their input by as much.
"""

from dataclasses import dataclass

import numpy as np

from eqt.config import EQTConfig
from eqt.layer_plan import stages_of_layers
from steadkit.schema import SAMPLING_RATE


@dataclass(frozen=True)
class LayerSteps:
    """Evenly spaced steps of a layer."""

    first: float
    """Middle of the first step, samples of the trace."""
    every: float
    """Samples of the trace from one step to the next."""
    count: int

    @property
    def seconds(self) -> np.ndarray:
        """The middle of each step, seconds since the first sample.

        >>> LayerSteps(0.5, 2.0, 3).seconds.tolist()
        [0.005, 0.025, 0.045]
        """
        return (self.first + self.every * np.arange(self.count)) / SAMPLING_RATE

    @property
    def span(self) -> tuple[float, float]:
        """Start of the first step and end of the last one, seconds."""
        half = self.every / 2
        last = self.first + self.every * (self.count - 1)
        return (self.first - half) / SAMPLING_RATE, (last + half) / SAMPLING_RATE

    def nearest(self, sample: float) -> int:
        """Return the step in which a sample of the trace lies.

        >>> LayerSteps(63.5, 128.0, 47).nearest(700.0)
        5
        """
        return int(np.clip(round((sample - self.first) / self.every), 0, self.count - 1))


def steps_of(layer: str, config: EQTConfig) -> LayerSteps:
    """Return the steps of a layer's output.

    Parameters
    ----------
    layer
        Its name in `eqt.model.build_model`.
    config
        Configuration of the network.

    Examples
    --------
    >>> steps_of("encoder_2", EQTConfig())
    LayerSteps(first=0.5, every=2.0, count=3000)
    >>> steps_of("attentionD", EQTConfig())
    LayerSteps(first=63.5, every=128.0, count=47)
    >>> steps_of("decoderP_3", EQTConfig())
    LayerSteps(first=-0.5, every=16.0, count=376)
    """
    if layer == "waveform":
        return LayerSteps(0.0, 1.0, config.input_length)
    (stage,) = stages_of_layers([layer], config)
    if stage.block == "head":
        return LayerSteps(0.0, 1.0, config.input_length)
    if stage.block == "decoder":
        return _decoder_steps(stage.number, config)
    if stage.block == "encoder":
        # The convolution of a stage comes before its pooling.
        return _encoder_steps(stage.number - (layer == stage.name), config)
    return _encoder_steps(len(config.filters), config)


def _encoder_steps(times: int, config: EQTConfig) -> LayerSteps:
    """Return the steps after n poolings by 2; the pooled pairs begin at the first sample."""
    every = 2.0**times
    return LayerSteps((every - 1) / 2, every, config.lengths[times])


def _decoder_steps(block: int, config: EQTConfig) -> LayerSteps:
    """Return the steps after a decoder's block, computed backwards from those of the output."""
    # The length counts forwards from the pooled one, since an odd excess leaves one step more
    # than the input has, at the end.
    length = config.pooled_length
    for crop in config.crops[:block]:
        length = 2 * length - 2 * crop
    # Backwards through the later blocks: each doubles the spacing, its crop moves the first step.
    first, every = 0.0, 1.0
    for crop in reversed(config.crops[block:]):
        first, every = first - crop * every + every / 2, 2 * every
    return LayerSteps(first, every, length)
