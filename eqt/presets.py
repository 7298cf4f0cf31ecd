"""Named networks: the published two and the fourteen of the model comparison."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eqt.config import EQTConfig, format_config
from eqt.config.files import SUFFIX, read_toml
from steadkit.errors import InputError


@dataclass(frozen=True)
class Preset:
    """A named network: configuration, number of parameters, data sets, difference from EQT."""

    config: EQTConfig
    parameters: int
    trained_on: tuple[str, ...]
    differs: str


PRESETS: Final[dict[str, Preset]] = {
    "original": Preset(EQTConfig(), 378_311, ("published",), "nothing: the network of the paper"),
    "conservative": Preset(
        EQTConfig(encoder_rnn=("bilstm",) * 2, gate="sigmoid", dropout=0.2),
        373_495,
        ("published",),
        "two BiLSTM blocks, sigmoid gates, dropout 0.2",
    ),
    "EQT": Preset(EQTConfig(), 378_311, ("merged", "micro", "mini"), "nothing: the reference"),
    "BCLOS": Preset(
        EQTConfig(encoder_rnn=("lstm",) * 3),
        368_135,
        ("merged",),
        "LSTM blocks in place of the BiLSTM blocks",
    ),
    "BC": Preset(
        EQTConfig(encoder_rnn=()),
        404_279,
        ("merged",),
        "no recurrent blocks in the common layers",
    ),
    "Partial Vanilla": Preset(
        EQTConfig(residual_kernels=(), encoder_rnn=()),
        244_151,
        ("merged",),
        "no residual CNN and no BiLSTM blocks",
    ),
    "BO": Preset(
        EQTConfig(encoder_rnn=("bilstm",) * 3 + ("lstm",) * 3),
        385_655,
        ("merged",),
        "three LSTM blocks after the three BiLSTM blocks",
    ),
    # In the original code the eighth filter belongs to no encoder block. Only the decoders, which
    # read the list from its end, use it, so that their last block has 16 channels.
    "nb_filters_changed_EQTUtils": Preset(
        EQTConfig(decoder_filters=(128, 64, 64, 32, 32, 16, 16)),
        523_703,
        ("micro",),
        "eight filters, 8 to 128, so the decoders start at 128",
    ),
    "kernel_size_changed": Preset(
        EQTConfig(kernels=(10, 9, 8, 7, 6, 5, 4)),
        394_031,
        ("micro",),
        "kernels 10 9 8 7 6 5 4",
    ),
    # The original code takes the width of its recurrent layers from the second filter.
    "nb_filters_changed_trainer": Preset(
        EQTConfig(filters=(8, 8, 32, 32, 128, 128, 128), rnn_units=8),
        1_431_583,
        ("micro",),
        "filters 8 8 32 32 128 128 128, so recurrent layers of width 8",
    ),
    "Salvation": Preset(EQTConfig(encoder_rnn=()), 404_279, ("mini",), "no BiLSTM blocks"),
    "Genesis": Preset(EQTConfig(picker_rnn=()), 374_087, ("mini",), "no LSTM in the pickers"),
    "Vanilla": Preset(
        EQTConfig(residual_kernels=(), encoder_rnn=(), picker_rnn=()),
        258_359,
        ("mini",),
        "no residual CNN, no BiLSTM blocks, no LSTM in the pickers",
    ),
    "GRU": Preset(
        EQTConfig(encoder_rnn=("bigru",) * 3, picker_rnn=("gru",)),
        372_935,
        ("mini",),
        "every LSTM becomes a GRU",
    ),
    "4x4": Preset(
        EQTConfig(residual_kernels=(3, 3, 3, 3, 2), encoder_rnn=("bilstm",) * 4),
        340_887,
        ("mini",),
        "four residual CNN blocks, with the narrow one after the fourth, and four BiLSTM blocks",
    ),
    "2LSTM": Preset(
        EQTConfig(picker_rnn=("lstm",) * 2), 382_535, ("mini",), "two LSTMs in each picker"
    ),
}


def preset(name: str) -> Preset:
    """Return a preset by its name.

    Examples
    --------
    >>> preset("Genesis").parameters
    374087
    """
    if name not in PRESETS:
        raise InputError(f"unknown model {name!r}: use one of {', '.join(PRESETS)}")
    return PRESETS[name]


def network_named(text: str) -> tuple[str, EQTConfig]:
    """Return the name and the configuration of a preset or a TOML file.

    The file has fields of `EQTConfig`; with ``base = "BO"`` the others are those of this preset.

    Raises
    ------
    InputError
        There is no such preset or file, or the file is not the configuration of a network.

    Examples
    --------
    >>> name, config = network_named("Genesis")
    >>> name, config.picker_rnn
    ('Genesis', ())
    """
    path = Path(text)
    if path.suffix != SUFFIX:
        return text, preset(text).config
    values = read_toml(path)
    base = values.pop("base", "EQT")
    try:
        if not isinstance(base, str):
            raise InputError(f"base cannot be {format_config(base)}: use the name of a preset")
        return path.stem, EQTConfig.from_dict(preset(base).config.to_dict() | values)
    except InputError as error:
        raise InputError(f"{str(path)!r} is no network: {error}") from error
