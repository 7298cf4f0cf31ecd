"""Which weight of SeisBench's state is which of ours, and how each is laid out."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np

from eqt.config import EQTConfig
from eqt.model import transformer_suffixes

PHASES: Final = "PS"

Array = np.ndarray
Change = Callable[[Array], Array]


def _same(values: Array) -> Array:
    return values


def _column(values: Array) -> Array:
    return values[:, np.newaxis]


class WeightMap(NamedTuple):
    """One weight of ours, and the one or two of theirs whose sum it is."""

    ours: str
    theirs: tuple[str, ...]
    there: Change = _same
    back: Change = _same


def _as_is(ours: str, theirs: str) -> WeightMap:
    return WeightMap(ours, (theirs,))


def _transposed(ours: str, theirs: str) -> WeightMap:
    """Match kernels (width, in, out) or matrices (in, out) with theirs, which begin with out."""
    return WeightMap(ours, (theirs,), np.transpose, np.transpose)


def _convolution(ours: str, theirs: str) -> Iterator[WeightMap]:
    yield _transposed(f"{ours}/kernel", f"{theirs}.weight")
    yield _as_is(f"{ours}/bias", f"{theirs}.bias")


def _batch_norm(ours: str, theirs: str) -> Iterator[WeightMap]:
    yield _as_is(f"{ours}/gamma", f"{theirs}.weight")
    yield _as_is(f"{ours}/beta", f"{theirs}.bias")
    yield _as_is(f"{ours}/moving_mean", f"{theirs}.running_mean")
    yield _as_is(f"{ours}/moving_variance", f"{theirs}.running_var")


def _lstm(ours: str, theirs: str, end: str = "") -> Iterator[WeightMap]:
    yield _transposed(f"{ours}/lstm_cell/kernel", f"{theirs}weight_ih{end}")
    yield _transposed(f"{ours}/lstm_cell/recurrent_kernel", f"{theirs}weight_hh{end}")
    yield WeightMap(f"{ours}/lstm_cell/bias", (f"{theirs}bias_ih{end}", f"{theirs}bias_hh{end}"))


def _attention(ours: str, theirs: str) -> Iterator[WeightMap]:
    yield from (_as_is(f"{ours}/{name}", f"{theirs}.{name}") for name in _ATTENTION)


_ATTENTION: Final = ("Wt", "Wx", "bh", "Wa", "ba")


def _layer_norm(ours: str, theirs: str) -> Iterator[WeightMap]:
    for name in ("gamma", "beta"):
        yield WeightMap(f"{ours}/{name}", (f"{theirs}.{name}",), _column, np.ravel)


def _feed_forward(ours: str, theirs: str) -> Iterator[WeightMap]:
    for i in (1, 2):
        yield _transposed(f"{ours}/W{i}", f"{theirs}.lin{i}.weight")
        yield _as_is(f"{ours}/b{i}", f"{theirs}.lin{i}.bias")


def weight_maps(config: EQTConfig, phases: str = PHASES) -> Iterator[WeightMap]:
    """Yield every weight of ours with its equal in SeisBench's state.

    Parameters
    ----------
    config
        A network that SeisBench has.
    phases
        In which order its state has the pickers.
    """
    for i in range(len(config.filters)):
        yield from _convolution(f"encoder_{i + 1}", f"encoder.convs.{i}")
    for i in range(len(config.residual_kernels)):
        for part, number in (("a", 1), ("b", 2)):
            ours, theirs = f"residual_{i + 1}", f"res_cnn_stack.members.{i}"
            yield from _batch_norm(f"{ours}_norm_{part}", f"{theirs}.norm{number}")
            yield from _convolution(f"{ours}_conv_{part}", f"{theirs}.conv{number}")
    for i in range(len(config.encoder_rnn)):
        ours, theirs = f"bilstm_{i + 1}", f"bi_lstm_stack.members.{i}"
        yield from _lstm(f"{ours}/forward_{ours}", f"{theirs}.lstm.cell_f.")
        yield from _lstm(f"{ours}/backward_{ours}", f"{theirs}.lstm.cell_b.")
        yield from _convolution(f"{ours}_nin", f"{theirs}.conv")
        yield from _batch_norm(f"{ours}_norm", f"{theirs}.norm")
    for suffix in transformer_suffixes(config.transformer_blocks):
        yield from _transformer(suffix, f"transformer_{suffix.lower()}")
    yield from _decoder("D", "decoder_d", config)
    yield from _convolution("detector", "conv_d")
    for i, phase in enumerate(phases):
        lstm = f"pick_lstms.{i}."
        # Only one of the two variants has cells of SeisBench's own here.
        cell = ("cell_f.", "") if config.gate == "hard_sigmoid" else ("", "_l0")
        yield from _lstm(f"lstm{phase}_1", lstm + cell[0], cell[1])
        yield from _attention(f"attention{phase}", f"pick_attentions.{i}")
        yield from _decoder(phase, f"pick_decoders.{i}", config)
        yield from _convolution(f"picker_{phase}", f"pick_convs.{i}")


def _transformer(suffix: str, theirs: str) -> Iterator[WeightMap]:
    yield from _attention(f"attention{suffix}", f"{theirs}.attention")
    yield from _layer_norm(f"attention{suffix}_norm", f"{theirs}.norm1")
    yield from _feed_forward(f"feed_forward{suffix}", f"{theirs}.ff")
    yield from _layer_norm(f"feed_forward{suffix}_norm", f"{theirs}.norm2")


def _decoder(branch: str, theirs: str, config: EQTConfig) -> Iterator[WeightMap]:
    for i in range(len(config.filters)):
        yield from _convolution(f"decoder{branch}_{i + 1}", f"{theirs}.convs.{i}")
