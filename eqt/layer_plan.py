"""The plan of a network's layers, from its configuration: stages, branches and names.

One table, `layer_plan`, says to which stage and branch a layer belongs; tables, drawings, freezing
and time axes look it up there.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import keras

from eqt.config import EQTConfig
from eqt.layers import SelfAttention, UpsampleConv1D
from eqt.model import build_model, transformer_suffixes
from steadkit.errors import InputError

COMMON = "common"
BRANCHES = {"D": "detector", "P": "picker_P", "S": "picker_S"}


class PlannedStage(NamedTuple):
    """A group of layers: its own name, or that and a suffix such as ``_norm``, is their name.

    Attributes
    ----------
    branch
        ``common``, or the output that it leads to.
    block
        Kind of stage, such as ``encoder``, ``lstm`` or ``decoder``.
    letter
        Of the branch, where the name has it: ``decoderS_3``.
    number
        From 1 where the stages of a block are numbered, else 0.
    name
        Name of the stage.
    """

    branch: str
    block: str
    letter: str
    number: int
    name: str

    @property
    def family(self) -> str:
        """Name without the number."""
        return f"{self.block}{self.letter}" if self.number else self.name

    @property
    def selectors(self) -> list[str]:
        """Names by which the stage can be selected, the most general last."""
        if self.block == "head":
            return [self.name]
        return [*dict.fromkeys((self.name, self.family, self.block))]


def layer_plan(config: EQTConfig) -> list[PlannedStage]:
    """List the stages of the network that a configuration describes, branch after branch.

    Parameters
    ----------
    config
        Configuration of the network.

    Examples
    --------
    >>> [stage.name for stage in layer_plan(EQTConfig())][6:10]
    ['encoder_7', 'residual_1', 'residual_2', 'residual_3']
    >>> layer_plan(EQTConfig())[-2].selectors
    ['decoderS_7', 'decoderS', 'decoder']
    """
    plan = [
        *_numbered(COMMON, ["encoder"] * len(config.filters)),
        *_numbered(COMMON, ["residual"] * len(config.residual_kernels)),
        *_numbered(COMMON, config.encoder_rnn),
    ]
    if config.positional in ("sinusoidal", "lstm"):
        plan.append(PlannedStage(COMMON, "positions", "", 0, "positions"))
    for suffix in transformer_suffixes(config.transformer_blocks):
        plan += [
            PlannedStage(COMMON, block, suffix, 0, f"{block}{suffix}")
            for block in ("attention", "feed_forward")
        ]
    for letter, branch in BRANCHES.items():
        if letter != "D":
            plan += _numbered(branch, config.picker_rnn, letter)
            plan.append(PlannedStage(branch, "attention", letter, 0, f"attention{letter}"))
        plan += _numbered(branch, ["decoder"] * len(config.filters), letter)
        plan.append(PlannedStage(branch, "head", letter, 0, branch))
    return plan


def _numbered(branch: str, blocks: Sequence[str], letter: str = "") -> list[PlannedStage]:
    return [
        PlannedStage(branch, block, letter, number, f"{block}{letter}_{number}")
        for number, block in enumerate(blocks, 1)
    ]


def stages_of_layers(names: Sequence[str], config: EQTConfig) -> list[PlannedStage]:
    """Return the stage of each layer, by the names of the layers.

    Raises
    ------
    ValueError
        A layer is not in the plan.

    Examples
    --------
    >>> names = ["residual_2_conv_a", "decoderS_3", "attentionD0_norm"]
    >>> [stage.name for stage in stages_of_layers(names, EQTConfig())]
    ['residual_2', 'decoderS_3', 'attentionD0']
    """
    plan = {stage.name: stage for stage in layer_plan(config)}
    found = []
    for name in names:
        parts = name.split("_")
        stems = ("_".join(parts[:n]) for n in range(len(parts), 0, -1))
        stage = next((plan[stem] for stem in stems if stem in plan), None)
        if stage is None:
            raise ValueError(f"layer {name!r} is in no stage of the plan of its configuration")
        found.append(stage)
    return found


@dataclass(frozen=True)
class Stage:
    """A group of layers under one name; steps and channels are those of its output."""

    branch: str
    """``common``, or the output that it leads to."""
    name: str
    description: str
    steps: int
    channels: int
    parameters: int


def stages(config: EQTConfig) -> list[Stage]:
    """List the stages of the network that a configuration describes, from input to outputs.

    >>> first = stages(EQTConfig())[0]
    >>> first.name, first.description, first.steps, first.channels, first.parameters
    ('encoder_1', 'convolution 11, pooling 2', 3000, 8, 272)
    """
    return list(_stages(build_model(config)))


def _stages(model: keras.Model) -> Iterator[Stage]:
    for planned, layers in group_layers(model):
        _, steps, channels = layers[-1].output.shape
        yield Stage(
            planned.branch,
            planned.name,
            _describe_stage(layers),
            steps,
            channels,
            sum(int(layer.count_params()) for layer in layers),
        )


def group_layers(model: keras.Model) -> list[tuple[PlannedStage, list[keras.Layer]]]:
    """Return the layers of each stage, in the order of the plan.

    Keras lists the layers of a functional model in graph order, in which the branches alternate.
    """
    layers = model.layers[1:]  # without the input
    stages_found = stages_of_layers([layer.name for layer in layers], model.config)
    order = {stage: i for i, stage in enumerate(layer_plan(model.config))}
    pairs = sorted(zip(stages_found, layers, strict=True), key=lambda pair: order[pair[0]])
    return [
        (stage, [layer for _, layer in group])
        for stage, group in groupby(pairs, key=lambda pair: pair[0])
    ]


def layers_to_freeze(model: keras.Model, names: Sequence[str]) -> list[keras.Layer]:
    """List the layers of the stages to freeze.

    Parameters
    ----------
    model
        A network of `eqt.model.build_model`.
    names
        Names of stages, such as ``residual_2``, ``decoderS_1`` or ``picker_P``. Without the number
        a name means all stages that have one (``residual``, ``decoderS``), without the letter of
        the branch those of all branches (``decoder``, ``attention``).

    Raises
    ------
    InputError
        The network has no stage of a name.
    """
    groups = group_layers(model)
    known = {name for stage, _ in groups for name in stage.selectors}
    for name in names:
        if name not in known:
            families = ", ".join(dict.fromkeys(stage.selectors[-1] for stage, _ in groups))
            raise InputError(
                f"the network has no stage {name!r}: use {families}, or one that "
                "eqt models --summary lists"
            )
    requested = set(names)
    chosen = [layers for stage, layers in groups if requested & {*stage.selectors}]
    return [layer for layers in chosen for layer in layers]


def _describe_stage(layers: list[keras.Layer]) -> str:
    labels = [*filter(None, map(stage_label, layers))]
    # A residual block repeats its first half: relu and convolution, twice.
    half = len(labels) // 2
    if half > 1 and labels[:half] == labels[half : 2 * half]:
        labels[: 2 * half] = [f"twice {' and '.join(labels[:half])}"]
    return ", ".join(labels)


def stage_label(layer: keras.Layer) -> str:
    """Return a short description of a layer; empty for activations and dropout."""
    match layer:
        case UpsampleConv1D():
            crop = f", {layer.crop} cut at each end" if layer.crop else ""
            return f"upsampling 2{crop}, convolution {layer.kernel_size[0]}"
        case keras.layers.Conv1D():
            return f"convolution {layer.kernel_size[0]}"
        case keras.layers.MaxPooling1D():
            return f"pooling {layer.pool_size[0]}"
        case keras.layers.Bidirectional():
            return f"both ways: {stage_label(layer.forward_layer)}"
        case keras.layers.RNN():
            return f"{type(layer).__name__} {layer.units}"
        case keras.layers.BatchNormalization() | keras.layers.LayerNormalization():
            return "norm"
        case SelfAttention():
            name = type(layer).__name__.removesuffix("Attention").removeprefix("Self")
            label = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
            heads = f" with {layer.heads} heads" if getattr(layer, "heads", 1) > 1 else ""
            width = f" to {layer.width} steps" if layer.width else ""
            causal = ", to the past" if layer.causal else ""
            return f"{label} attention{heads}{width}{causal}"
        case keras.layers.Add() | keras.layers.ReLU() | keras.layers.SpatialDropout1D():
            return "+ input" if isinstance(layer, keras.layers.Add) else ""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(layer).__name__).lower()
