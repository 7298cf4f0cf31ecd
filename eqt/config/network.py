"""Configuration of a network, a frozen dataclass that validates itself.

Source: Mousavi, Ellsworth, Zhu, Chuang and Beroza (2020), Earthquake transformer: an attentive
deep-learning model for simultaneous earthquake detection and phase picking, Nature
Communications 11, 3952, doi:10.1038/s41467-020-17591-w.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate, repeat
from typing import Any, Final

from eqt.config.checks import (
    check,
    check_count,
    check_fraction,
    check_name,
    check_stack,
    from_plain,
    to_plain,
)
from steadkit.schema import COMPONENTS, N_SAMPLES

RECURRENT: Final = ("bilstm", "lstm", "bigru", "gru")
"""Types of recurrent layers; ``bi`` reads the trace in both directions."""

GATES: Final = ("hard_sigmoid", "sigmoid")
"""Gate activations; ``hard_sigmoid`` is Keras 2's, clip(0.2 x + 0.5, 0, 1), not Keras 3's."""

ATTENTION: Final = ("additive", "dot", "scaled_dot", "multi_head")
"""Types of attention, in transformer blocks and pickers alike; see `eqt.layers.attention`."""

POSITIONAL: Final = ("none", "sinusoidal", "lstm")
"""Encodings added before the first transformer block; see `eqt.layers.transformer_block`."""


@dataclass(frozen=True)
class EQTConfig:
    """Configuration of a network. Each tuple, read left to right, is a stack of blocks.

    Attributes
    ----------
    input_length, components
        Shape of one input: samples and columns.
    filters, kernels
        Channels and widths of the encoder's convolutions; each one is followed by a pooling by 2.
    decoder_filters
        Channels of the decoders' convolutions; ``None`` mirrors ``filters``. The widths always
        mirror ``kernels``.
    head_kernel
        Width of the last convolution of each output.
    residual_kernels
        One residual block of two convolutions per entry, of that width.
    encoder_rnn, picker_rnn, rnn_units
        Recurrent layers shared by all outputs, those of each picker, and their width.
    transformer_blocks, attention_units, attention_width, feed_forward
        Number of transformer blocks, width of the attention's hidden layer, number of steps that
        a picker's attention sees, and hidden width of the feed-forward layer.
    attention, heads
        Type of attention, one of ``ATTENTION``, and number of heads of ``multi_head``. Only
        ``additive`` has a hidden layer.
    positional
        Positional encoding, one of ``POSITIONAL``.
    causal
        Whether attention sees only the past. Convolutions and recurrent layers that read both
        ways still see the future.
    dropout
        Rate of every dropout, the recurrent ones included.
    gate
        Activation of the recurrent gates, one of ``GATES``.
    kernel_l1, kernel_l2, bias_l1
        Penalties on the kernels and biases of the encoder's and decoders' convolutions. The
        defaults are those stored in the published models; their code's own default is 1e-4 for
        `kernel_l1` and nothing for `kernel_l2`.

    Examples
    --------
    >>> EQTConfig().pooled_length, EQTConfig().crops
    (47, (0, 0, 0, 1, 0, 0, 0))
    >>> EQTConfig(encoder_rnn=("bilstm",) * 3 + ("lstm",) * 3).encoder_rnn
    ('bilstm', 'bilstm', 'bilstm', 'lstm', 'lstm', 'lstm')
    """

    input_length: int = N_SAMPLES
    components: int = len(COMPONENTS)
    filters: tuple[int, ...] = (8, 16, 16, 32, 32, 64, 64)
    kernels: tuple[int, ...] = (11, 9, 7, 7, 5, 5, 3)
    decoder_filters: tuple[int, ...] | None = None
    head_kernel: int = 11
    residual_kernels: tuple[int, ...] = (3, 3, 3, 3, 2, 3, 2)
    encoder_rnn: tuple[str, ...] = ("bilstm",) * 3
    picker_rnn: tuple[str, ...] = ("lstm",)
    rnn_units: int = 16
    transformer_blocks: int = 2
    attention_units: int = 32
    attention_width: int = 3
    feed_forward: int = 128
    attention: str = "additive"
    heads: int = 1
    positional: str = "none"
    causal: bool = False
    dropout: float = 0.1
    gate: str = "hard_sigmoid"
    kernel_l1: float = 0.0
    kernel_l2: float = 1e-6
    bias_l1: float = 1e-4

    def __post_init__(self) -> None:
        for name in _COUNTS:
            check_count(name, getattr(self, name))
        for name in _STACKS:
            check_stack(name, getattr(self, name))
        for name in ("encoder_rnn", "picker_rnn"):
            _check_recurrent(name, getattr(self, name))
        for name, known in _NAMES.items():
            check_name(name, getattr(self, name), known)
        check(isinstance(self.causal, bool), "causal", self.causal, "use True or False")
        for name in ("dropout", "kernel_l1", "kernel_l2", "bias_l1"):
            check_fraction(name, getattr(self, name))
        self._check_lengths()
        self._check_heads()

    def _check_lengths(self) -> None:
        """Check that the stacks match in depth and that decoding returns to the input length."""
        depth = len(self.filters)
        check(depth > 0, "filters", self.filters, "give at least one encoder block")
        for name in ("kernels", "decoder_filters"):
            stack = getattr(self, name)
            fits = stack is None or len(stack) == depth
            check(fits, name, stack, f"give {depth} entries, one for each of filters")
        # The last upsampling doubles the length, so the output's is always even.
        check(self.input_length % 2 == 0, "input_length", self.input_length, "use an even number")

    def _check_heads(self) -> None:
        """Check that only multi-head attention has several heads, and that they divide evenly."""
        heads, attention = self.heads, self.attention
        fits = heads == 1 or attention == "multi_head"
        check(fits, "heads", heads, f"{attention!r} attention has one, use 'multi_head' or 1")
        for block, channels in self.attention_channels.items():
            fits = channels % heads == 0
            check(fits, "heads", heads, f"the {block} attention needs a divisor of {channels}")

    @property
    def attention_channels(self) -> dict[str, int]:
        """Input channels of the attention in the transformer blocks and in the pickers.

        Examples
        --------
        >>> EQTConfig(picker_rnn=("bilstm",)).attention_channels
        {'transformer': 16, 'picker': 32}
        """
        common = self.rnn_units if self.encoder_rnn else self.filters[-1]
        n_directions = 2 if self.picker_rnn and self.picker_rnn[-1].startswith("bi") else 1
        picker = n_directions * self.rnn_units if self.picker_rnn else common
        return {"transformer": common, "picker": picker}

    @property
    def lengths(self) -> tuple[int, ...]:
        """Length of the trace before and after each pooling, which rounds up."""
        halvings = repeat(2, len(self.filters))
        return tuple(accumulate(halvings, lambda n, by: -(-n // by), initial=self.input_length))

    @property
    def pooled_length(self) -> int:
        """Number of steps that the recurrent layers and the transformer see."""
        return self.lengths[-1]

    @property
    def crops(self) -> tuple[int, ...]:
        """Samples to crop from each end after each upsampling.

        Pooling rounds up, so upsampling makes the signal too long. The excess is cropped as soon
        as it can be split evenly between both ends: 47 x 2^4 = 752 is cropped to 750, and
        750 x 2^3 = 6000.
        """
        crops, length = [], self.pooled_length
        for target in reversed(self.lengths[:-1]):
            excess = 2 * length - target
            crops.append(excess // 2)
            length = 2 * length - 2 * crops[-1]
        return tuple(crops)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        return to_plain(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "EQTConfig":
        """Build a configuration from the values of ``to_dict``; absent fields keep defaults."""
        return from_plain(cls, values, "model")

    def diff(self, other: "EQTConfig") -> list[tuple[str, object, object]]:
        """List the settings in which two configurations differ, with the value of each.

        >>> from dataclasses import replace
        >>> EQTConfig().diff(replace(EQTConfig(), picker_rnn=()))
        [('picker_rnn', ('lstm',), ())]
        """
        values, other_values = asdict(self), asdict(other)
        return [
            (name, value, other_values[name])
            for name, value in values.items()
            if value != other_values[name]
        ]


_COUNTS: Final = (
    "input_length",
    "components",
    "head_kernel",
    "rnn_units",
    "transformer_blocks",
    "attention_units",
    "attention_width",
    "feed_forward",
    "heads",
)
_NAMES: Final = {"gate": GATES, "attention": ATTENTION, "positional": POSITIONAL}
_STACKS: Final = ("filters", "kernels", "decoder_filters", "residual_kernels")


def _check_recurrent(name: str, value: object) -> None:
    known = isinstance(value, tuple) and all(layer_type in RECURRENT for layer_type in value)
    check(known, name, value, f"use a tuple of {', '.join(RECURRENT)}")
