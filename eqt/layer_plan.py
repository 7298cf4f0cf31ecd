"""Stages of a network with shapes and parameters, for tables, drawings and layer freezing."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import keras

from eqt.config import EQTConfig
from eqt.layers import SelfAttention, UpsampleConv1D
from eqt.model import build_model
from steadkit.errors import InputError

COMMON = "common"
BRANCHES = {"D": "detector", "P": "picker_P", "S": "picker_S"}

# The layers of a stage share a prefix of their names, which ends in the letter of the branch.
_STAGE = re.compile(
    r"(?P<common>encoder_\d+|residual_\d+|(?:bi)?(?:lstm|gru)_\d+|positions"
    r"|attentionD\d*|feed_forwardD\d*)(?:_.*)?"
    r"|(?P<branch>(?:(?:bi)?(?:lstm|gru)|attention|decoder)[DPS](?:_\d+)?)|(?P<head>detector|picker_[PS])"
)


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
    keyed = [(branch_and_stage(layer.name), layer) for layer in model.layers[1:]]
    # Keras lists the layers of a functional model in graph order, in which the branches alternate:
    # sort by branch, then by the first layer of each stage.
    order = {key: i for i, key in reversed([*enumerate(key for key, _ in keyed)])}
    branches = [COMMON, *BRANCHES.values()]
    keyed.sort(key=lambda pair: (branches.index(pair[0][0]), order[pair[0]]))
    for (branch, name), pairs in groupby(keyed, key=lambda pair: pair[0]):
        layers = [layer for _, layer in pairs]
        _, steps, channels = layers[-1].output.shape
        yield Stage(
            branch,
            name,
            _describe_stage(layers),
            steps,
            channels,
            sum(int(layer.count_params()) for layer in layers),
        )


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
    stage_of = {layer.name: branch_and_stage(layer.name)[1] for layer in model.layers[1:]}
    known = [name for stage in stage_of.values() for name in _stage_names(stage)]
    for name in names:
        if name not in known:
            families = ", ".join(
                dict.fromkeys(_stage_names(stage)[-1] for stage in stage_of.values())
            )
            raise InputError(
                f"the network has no stage {name!r}: use {families}, or one that "
                "eqt models --summary lists"
            )
    requested = set(names)
    return [
        layer for layer in model.layers[1:] if requested & {*_stage_names(stage_of[layer.name])}
    ]


def _stage_names(stage: str) -> list[str]:
    """List the names by which a stage can be selected, the most general last.

    >>> _stage_names("decoderS_3"), _stage_names("attentionD0")
    (['decoderS_3', 'decoderS', 'decoder'], ['attentionD0', 'attention'])
    >>> _stage_names("picker_P"), _stage_names("residual_2")
    (['picker_P'], ['residual_2', 'residual'])
    """
    if stage in BRANCHES.values():
        return [stage]
    family = re.sub(r"_\d+$", "", stage)
    return [*dict.fromkeys((stage, family, re.sub(r"[DPS]\d*$", "", family)))]


def branch_and_stage(name: str) -> tuple[str, str]:
    """Return the branch and the stage of a layer by its name.

    >>> branch_and_stage("residual_2_conv_a"), branch_and_stage("decoderS_3")
    (('common', 'residual_2'), ('picker_S', 'decoderS_3'))
    >>> branch_and_stage("attentionD0_norm")
    ('common', 'attentionD0')
    """
    match = _STAGE.fullmatch(name)
    if match is None:
        raise ValueError(f"layer {name!r} belongs to no stage: eqt.layer_plan has to learn it")
    if match["common"]:
        return COMMON, match["common"]
    if match["head"]:
        return name, name
    letter = re.sub(r"_\d+$", "", name)[-1]
    return BRANCHES[letter], name


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
