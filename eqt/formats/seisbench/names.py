"""Mapping between this package's weights and those of SeisBench's state, with their layouts."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np

from eqt.config import EQTConfig
from eqt.model import transformer_suffixes

PHASES: Final = "PS"

Array = np.ndarray
Transform = Callable[[Array], Array]


def _identity(values: Array) -> Array:
    return values


def _as_column(values: Array) -> Array:
    return values[:, np.newaxis]


class WeightMap(NamedTuple):
    """A weight of this package, the target, as the sum of one or two of SeisBench, the source."""

    target: str
    source: tuple[str, ...]
    to_source: Transform = _identity
    to_target: Transform = _identity


def _copied(target: str, source: str) -> WeightMap:
    return WeightMap(target, (source,))


def _transposed(target: str, source: str) -> WeightMap:
    """Map kernels (width, in, out) or matrices (in, out) to PyTorch's, whose first axis is out."""
    return WeightMap(target, (source,), np.transpose, np.transpose)


def _convolution(target: str, source: str) -> Iterator[WeightMap]:
    yield _transposed(f"{target}/kernel", f"{source}.weight")
    yield _copied(f"{target}/bias", f"{source}.bias")


def _batch_norm(target: str, source: str) -> Iterator[WeightMap]:
    yield _copied(f"{target}/gamma", f"{source}.weight")
    yield _copied(f"{target}/beta", f"{source}.bias")
    yield _copied(f"{target}/moving_mean", f"{source}.running_mean")
    yield _copied(f"{target}/moving_variance", f"{source}.running_var")


def _lstm(target: str, source: str, end: str = "") -> Iterator[WeightMap]:
    yield _transposed(f"{target}/lstm_cell/kernel", f"{source}weight_ih{end}")
    yield _transposed(f"{target}/lstm_cell/recurrent_kernel", f"{source}weight_hh{end}")
    # Keras's LSTM has one bias, PyTorch's two, which it adds up.
    yield WeightMap(f"{target}/lstm_cell/bias", (f"{source}bias_ih{end}", f"{source}bias_hh{end}"))


def _attention(target: str, source: str) -> Iterator[WeightMap]:
    yield from (_copied(f"{target}/{name}", f"{source}.{name}") for name in _ATTENTION)


_ATTENTION: Final = ("Wt", "Wx", "bh", "Wa", "ba")


def _layer_norm(target: str, source: str) -> Iterator[WeightMap]:
    for name in ("gamma", "beta"):
        yield WeightMap(f"{target}/{name}", (f"{source}.{name}",), _as_column, np.ravel)


def _feed_forward(target: str, source: str) -> Iterator[WeightMap]:
    for i in (1, 2):
        yield _transposed(f"{target}/W{i}", f"{source}.lin{i}.weight")
        yield _copied(f"{target}/b{i}", f"{source}.lin{i}.bias")


def weight_maps(config: EQTConfig, phases: str = PHASES) -> Iterator[WeightMap]:
    """Yield every weight with its counterpart in SeisBench's state.

    Parameters
    ----------
    config
        A network that SeisBench can represent.
    phases
        Order of the pickers in the state.
    """
    for i in range(len(config.filters)):
        yield from _convolution(f"encoder_{i + 1}", f"encoder.convs.{i}")
    for i in range(len(config.residual_kernels)):
        for part, number in (("a", 1), ("b", 2)):
            target, source = f"residual_{i + 1}", f"res_cnn_stack.members.{i}"
            yield from _batch_norm(f"{target}_norm_{part}", f"{source}.norm{number}")
            yield from _convolution(f"{target}_conv_{part}", f"{source}.conv{number}")
    for i in range(len(config.encoder_rnn)):
        target, source = f"bilstm_{i + 1}", f"bi_lstm_stack.members.{i}"
        yield from _lstm(f"{target}/forward_{target}", f"{source}.lstm.cell_f.")
        yield from _lstm(f"{target}/backward_{target}", f"{source}.lstm.cell_b.")
        yield from _convolution(f"{target}_nin", f"{source}.conv")
        yield from _batch_norm(f"{target}_norm", f"{source}.norm")
    for suffix in transformer_suffixes(config.transformer_blocks):
        yield from _transformer(suffix, f"transformer_{suffix.lower()}")
    yield from _decoder("D", "decoder_d", config)
    yield from _convolution("detector", "conv_d")
    for i, phase in enumerate(phases):
        lstm = f"pick_lstms.{i}."
        # SeisBench has its own LSTM cells only in the variant with hard sigmoids; in the other the
        # pickers have PyTorch's LSTM, whose names end in its layer's number.
        cell = ("cell_f.", "") if config.gate == "hard_sigmoid" else ("", "_l0")
        yield from _lstm(f"lstm{phase}_1", lstm + cell[0], cell[1])
        yield from _attention(f"attention{phase}", f"pick_attentions.{i}")
        yield from _decoder(phase, f"pick_decoders.{i}", config)
        yield from _convolution(f"picker_{phase}", f"pick_convs.{i}")


def _transformer(suffix: str, source: str) -> Iterator[WeightMap]:
    yield from _attention(f"attention{suffix}", f"{source}.attention")
    yield from _layer_norm(f"attention{suffix}_norm", f"{source}.norm1")
    yield from _feed_forward(f"feed_forward{suffix}", f"{source}.ff")
    yield from _layer_norm(f"feed_forward{suffix}_norm", f"{source}.norm2")


def _decoder(branch: str, source: str, config: EQTConfig) -> Iterator[WeightMap]:
    for i in range(len(config.filters)):
        yield from _convolution(f"decoder{branch}_{i + 1}", f"{source}.convs.{i}")
