"""What a network consists of, stage by stage: shapes and parameters, for tables and drawings."""

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

# The layers of a stage share the beginning of their names; a branch ends it.
_STAGE = re.compile(
    r"(?P<common>encoder_\d+|residual_\d+|(?:bi)?(?:lstm|gru)_\d+|positions"
    r"|attentionD\d*|feed_forwardD\d*)(?:_.*)?"
    r"|(?P<branch>(?:(?:bi)?(?:lstm|gru)|attention|decoder)[DPS](?:_\d+)?)|(?P<head>detector|picker_[PS])"
)


@dataclass(frozen=True)
class Stage:
    """Some layers that belong together."""

    branch: str
    """``common``, or the output that they lead to."""
    name: str
    what: str
    steps: int
    channels: int
    """Of what they give."""
    parameters: int


def stages(config: EQTConfig) -> list[Stage]:
    """List the stages of the network that a configuration describes, from input to outputs.

    >>> first = stages(EQTConfig())[0]
    >>> first.name, first.what, first.steps, first.channels, first.parameters
    ('encoder_1', 'convolution 11, pooling 2', 3000, 8, 272)
    """
    return list(_stages(build_model(config)))


def _stages(model: keras.Model) -> Iterator[Stage]:
    named = [(place_of(layer.name), layer) for layer in model.layers[1:]]
    # Layers of a functional model stand in the order of its graph: the branches take turns.
    order = {place: i for i, place in reversed([*enumerate(place for place, _ in named)])}
    named.sort(key=lambda pair: (_rank(pair[0][0]), order[pair[0]]))
    for (branch, name), pairs in groupby(named, key=lambda pair: pair[0]):
        layers = [layer for _, layer in pairs]
        _, steps, channels = layers[-1].output.shape
        yield Stage(branch, name, _what(layers), steps, channels, sum(map(_parameters, layers)))


def layers_to_freeze(model: keras.Model, names: Sequence[str]) -> list[keras.Layer]:
    """List the layers of some stages, as they are named to be kept from learning.

    Parameters
    ----------
    model
        A network of `eqt.model.build_model`.
    names
        Of stages, such as ``residual_2``, ``decoderS_1`` or ``picker_P``; without the number they
        mean all that have one (``residual``, ``decoderS``), without the branch's letter those of
        all branches (``decoder``, ``attention``).

    Raises
    ------
    InputError
        The network has no stage of a name.
    """
    stage_of = {layer.name: place_of(layer.name)[1] for layer in model.layers[1:]}
    known = [name for stage in stage_of.values() for name in _names(stage)]
    for name in names:
        if name not in known:
            families = ", ".join(dict.fromkeys(_names(stage)[-1] for stage in stage_of.values()))
            raise InputError(
                f"the network has no stage {name!r}: use {families}, or one that "
                "eqt models --summary lists"
            )
    wanted = set(names)
    return [layer for layer in model.layers[1:] if wanted & {*_names(stage_of[layer.name])}]


def _names(stage: str) -> list[str]:
    """List what a stage is called, the most general name last.

    >>> _names("decoderS_3"), _names("attentionD0"), _names("picker_P"), _names("residual_2")
    (['decoderS_3', 'decoderS', 'decoder'], ['attentionD0', 'attention'], ['picker_P'], \
['residual_2', 'residual'])
    """
    if stage in BRANCHES.values():
        return [stage]
    family = re.sub(r"_\d+$", "", stage)
    return [*dict.fromkeys((stage, family, re.sub(r"[DPS]\d*$", "", family)))]


def _rank(branch: str) -> int:
    return [COMMON, *BRANCHES.values()].index(branch)


def place_of(name: str) -> tuple[str, str]:
    """Tell the branch and the stage of a layer by its name.

    >>> place_of("residual_2_conv_a"), place_of("decoderS_3"), place_of("attentionD0_norm")
    (('common', 'residual_2'), ('picker_S', 'decoderS_3'), ('common', 'attentionD0'))
    """
    found = _STAGE.fullmatch(name)
    if found is None:
        raise ValueError(f"layer {name!r} belongs to no stage: eqt.layer_plan has to learn it")
    if found["common"]:
        return COMMON, found["common"]
    if found["head"]:
        return name, name
    letter = re.sub(r"_\d+$", "", name)[-1]
    return BRANCHES[letter], name


def _parameters(layer: keras.Layer) -> int:
    return int(layer.count_params())


def _what(layers: list[keras.Layer]) -> str:
    words = [*filter(None, map(stage_label, layers))]
    half = len(words) // 2
    if half > 1 and words[:half] == words[half : 2 * half]:
        words[: 2 * half] = [f"twice {' and '.join(words[:half])}"]
    return ", ".join(words)


def stage_label(layer: keras.Layer) -> str:
    """Say what a layer is; nothing of one that only adapts what passes."""
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
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
            heads = f" with {layer.heads} heads" if getattr(layer, "heads", 1) > 1 else ""
            near = f" to {layer.width} steps" if layer.width else ""
            past = ", to the past" if layer.causal else ""
            return f"{words} attention{heads}{near}{past}"
        case keras.layers.Add() | keras.layers.ReLU() | keras.layers.SpatialDropout1D():
            return "+ input" if isinstance(layer, keras.layers.Add) else ""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(layer).__name__).lower()
