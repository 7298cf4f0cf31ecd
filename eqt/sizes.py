"""Weights and memory of a network, counted from its configuration before it is built."""

import math
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from eqt.config import EQTConfig
from steadkit.capacity import available_memory, count_text, require_memory
from steadkit.errors import InputError
from steadkit.schema import TRACE_SHAPE

MAX_BLOCKS: Final = 1000
"""Blocks in a network: more than this are thousands of layers, which take minutes to build."""

VALUE_BYTES: Final = 4
_TRAIN_COPIES: Final = 4
"""Copies of each weight in training: itself, its gradient and Adam's two moments."""

_REMEDY: Final = "make the network smaller"


def check_buildable(config: EQTConfig) -> None:
    """Refuse a network that is too large to build, or to run on a single trace.

    Raises
    ------
    InputError
        It has more than ``MAX_BLOCKS`` blocks, or does not fit into the memory.

    Examples
    --------
    >>> check_buildable(EQTConfig())
    >>> check_buildable(EQTConfig(residual_kernels=(3,) * 100_000))
    Traceback (most recent call last):
    steadkit.errors.InputError: the network has 100,013 blocks, at most 1,000 are built: ...
    """
    blocks = count_blocks(config)
    if blocks > MAX_BLOCKS:
        raise InputError(
            f"the network has {blocks:,} blocks, at most {MAX_BLOCKS:,} are built: {_REMEDY}"
        )
    weights, trace = count_parameters(config), max(_activations(config))
    _require(
        VALUE_BYTES * (weights + trace),
        f"the network, {count_text(weights)} weights and {count_text(trace)} values a trace,",
        _REMEDY,
    )


def max_traces(data: Path) -> int:
    """Return an upper bound of the traces in a STEAD file, by its size."""
    return data.stat().st_size // (VALUE_BYTES * math.prod(TRACE_SHAPE)) + 1


def check_training(config: EQTConfig, batch_size: int, traces: int) -> None:
    """Refuse a network that is too large to train, or does not fit STEAD's traces.

    Parameters
    ----------
    config
        The network.
    batch_size
        Examples in a batch.
    traces
        Upper bound of the traces to train on; a batch has each of them at most twice.

    Raises
    ------
    InputError
        Its input shape is not that of STEAD's traces, or training does not fit into the memory.
    """
    shape = (config.input_length, config.components)
    if shape != TRACE_SHAPE:
        shape_text = " x ".join(map(count_text, shape))
        raise InputError(
            f"the network takes {shape_text} values, STEAD's traces are {TRACE_SHAPE}: "
            "leave out input_length and components"
        )
    check_buildable(config)
    batch, weights, trace = (
        min(batch_size, 2 * traces),
        count_parameters(config),
        _training_values(config),
    )
    _require(
        VALUE_BYTES * (_TRAIN_COPIES * weights + batch * trace),
        f"training {count_text(weights)} weights on batches of {batch:,}, {count_text(trace)} "
        "values a trace,",
        f"use smaller batches, or {_REMEDY}",
    )


def check_prediction(config: EQTConfig, batch_size: int, traces: int) -> None:
    """Refuse batches that are too large to run a network on.

    Raises
    ------
    InputError
        They do not fit into the memory.
    """
    batch, trace = min(batch_size, traces), max(_activations(config))
    _require(
        VALUE_BYTES * batch * trace,
        f"running the network on batches of {batch:,}, {count_text(trace)} values a trace,",
        "use smaller batches",
    )


def _require(n_bytes: int, task: str, remedy: str) -> None:
    available = available_memory()
    if n_bytes > available:
        available = max(available, _gpu_memory())
    require_memory(n_bytes, task, remedy, available)


def _gpu_memory() -> int:
    """Return the total memory of all NVIDIA GPUs in bytes, by their driver; 0 without a GPU."""
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    if shutil.which(query[0]) is None:
        return 0
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=60, check=True)
        return sum(int(line) << 20 for line in answer.stdout.split())
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0


def count_blocks(config: EQTConfig) -> int:
    """Return the number of blocks of a network; the encoder's count for the decoders too."""
    stacks = (config.filters, config.residual_kernels, config.encoder_rnn, config.picker_rnn)
    return sum(map(len, stacks)) + config.transformer_blocks


def count_parameters(config: EQTConfig) -> int:
    """Return the number of weights, running means of batch normalisation included.

    Examples
    --------
    >>> count_parameters(EQTConfig())
    378311
    """
    common, picker_channels = config.attention_channels.values()
    last, units = config.filters[-1], config.rnn_units
    encoder = _convolutions((config.components, *config.filters), config.kernels)
    residual = sum(
        2 * (4 * last + last * last * kernel + last) for kernel in config.residual_kernels
    )
    recurrent, width = 0, last
    for layer_type in config.encoder_rnn:
        # The layer, its network in network (weights, bias) and its normalisation.
        network_in_network = _n_directions(layer_type) * units * units + units
        recurrent += _recurrent(layer_type, width, units) + network_in_network + 4 * units
        width = units
    positions = _recurrent("lstm", common, common) if config.positional == "lstm" else 0
    hidden = config.feed_forward
    block = _attention(config, common) + 4 * common + 2 * common * hidden + hidden + common
    pickers, width = _attention(config, picker_channels), common
    for layer_type in config.picker_rnn:
        pickers += _recurrent(layer_type, width, units)
        width = _n_directions(layer_type) * units
    channels = _decoder_filters(config)
    branches = sum(
        _convolutions((start, *channels), config.kernels[::-1])
        + channels[-1] * config.head_kernel
        + 1
        for start in (common, picker_channels, picker_channels)
    )
    blocks = config.transformer_blocks * block
    return encoder + residual + recurrent + positions + blocks + 2 * pickers + branches


def _convolutions(channels: Sequence[int], kernels: Sequence[int]) -> int:
    pairs = zip(pairwise(channels), kernels, strict=True)
    return sum(a * b * kernel + b for (a, b), kernel in pairs)


def _n_directions(layer_type: str) -> int:
    return 2 if layer_type.startswith("bi") else 1


def _recurrent(layer_type: str, width: int, units: int) -> int:
    """Count the weights of an LSTM, four gates, or a GRU, three gates with two biases each."""
    gates, biases = (4, 1) if layer_type.endswith("lstm") else (3, 2)
    return _n_directions(layer_type) * gates * units * (width + units + biases)


def _attention(config: EQTConfig, channels: int) -> int:
    if config.attention == "additive":
        return config.attention_units * (2 * channels + 2) + 1
    return 4 * channels * channels if config.attention == "multi_head" else 0


def _decoder_filters(config: EQTConfig) -> Sequence[int]:
    return config.decoder_filters or config.filters[::-1]


def _training_values(config: EQTConfig) -> int:
    """Return a lower bound of the values that training stores per trace for the gradient."""
    return sum(_activations(config))


def _activations(config: EQTConfig) -> Iterator[int]:
    """Yield a lower bound of the values that each block computes from a trace."""
    yield config.input_length * config.components
    yield from (n * c for n, c in zip(config.lengths, config.filters, strict=False))
    steps, units = config.pooled_length, config.rnn_units
    yield from (4 * steps * config.filters[-1] for _ in config.residual_kernels)
    yield from (6 * steps * units * _n_directions(rnn) for rnn in config.encoder_rnn)
    scores = config.heads * steps * steps
    for _ in range(config.transformer_blocks):
        yield scores
        yield steps * config.feed_forward
    for _ in range(2):
        yield from (6 * steps * units * _n_directions(rnn) for rnn in config.picker_rnn)
        yield scores
    for _ in range(3):
        lengths = config.lengths[-2::-1]
        yield from (n * c for n, c in zip(lengths, _decoder_filters(config), strict=True))
        yield config.input_length
