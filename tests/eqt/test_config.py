"""The network's config: lengths come back, and what cannot be built is refused in one line."""

import json

import numpy as np
import pytest

from eqt.config import EQTConfig, TrainConfig, read_toml
from eqt.config.files import MAX_BYTES
from steadkit.errors import InputError


def test_the_published_lengths():
    config = EQTConfig()
    assert config.lengths == (6000, 3000, 1500, 750, 375, 188, 94, 47)
    assert config.crops == (0, 0, 0, 1, 0, 0, 0)


@pytest.mark.parametrize("depth", [1, 3, 7])
@pytest.mark.parametrize("length", [2, 94, 202, 3002, 6000, 12000])
def test_decoding_returns_to_every_even_length(length, depth):
    config = EQTConfig(input_length=length, filters=(8,) * depth, kernels=(3,) * depth)
    decoded = config.pooled_length
    for crop in config.crops:
        decoded = 2 * decoded - 2 * crop
    assert decoded == length


def test_dictionary_round_trip_survives_json():
    config = EQTConfig(encoder_rnn=(), decoder_filters=(128, 64, 64, 32, 32, 16, 16))
    assert EQTConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("setting", "channels"),
    [
        ({}, (16, 16)),
        ({"picker_rnn": ()}, (16, 16)),
        ({"encoder_rnn": ()}, (64, 16)),
        ({"encoder_rnn": (), "picker_rnn": ()}, (64, 64)),
        ({"encoder_rnn": ("bilstm",), "picker_rnn": ("lstm", "bigru")}, (16, 32)),
    ],
)
def test_channels_of_the_attention(setting, channels):
    assert tuple(EQTConfig(**setting).attention_channels.values()) == channels


def test_left_out_settings_keep_their_defaults():
    assert EQTConfig.from_dict({"dropout": 0.3}) == EQTConfig(dropout=0.3)


def test_unknown_setting():
    with pytest.raises(InputError, match=r"unknown model setting 'droput': use one of .*dropout"):
        EQTConfig.from_dict({"droput": 0.1})


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"input_length": 6001}, "input_length cannot be 6001: use an even number"),
        ({"components": 0}, "components cannot be 0: use a whole number above 0"),
        ({"rnn_units": True}, "rnn_units cannot be True: use a whole number"),
        ({"filters": ()}, r"filters cannot be \(\): give at least one"),
        ({"filters": [8, 16]}, r"filters cannot be \[8, 16\]: use a tuple"),
        ({"kernels": (3, 3)}, r"kernels cannot be \(3, 3\): give 7 entries"),
        ({"decoder_filters": (8,)}, r"decoder_filters cannot be \(8,\): give 7 entries"),
        ({"residual_kernels": (3, 0)}, r"residual_kernels cannot be \(3, 0\)"),
        ({"encoder_rnn": ("LSTM",)}, "encoder_rnn .*: use a tuple of bilstm, lstm, bigru, gru"),
        ({"picker_rnn": "lstm"}, "picker_rnn cannot be 'lstm': use a tuple"),
        ({"gate": "tanh"}, "gate cannot be 'tanh': use one of hard_sigmoid, sigmoid"),
        (
            {"attention": "multi"},
            "attention cannot be 'multi': use one of additive, dot, scaled_dot",
        ),
        ({"attention": ["dot"]}, r"attention cannot be \['dot'\]: use one of"),
        ({"positional": None}, "positional cannot be None: use one of none, sinusoidal, lstm"),
        ({"causal": 1}, "causal cannot be 1: use True or False"),
        ({"heads": 0}, "heads cannot be 0: use a whole number above 0"),
        ({"heads": 2}, "heads cannot be 2: 'additive' attention has one, use 'multi_head' or 1"),
        ({"heads": 4, "attention": "dot"}, "heads cannot be 4: 'dot' attention has one"),
        (
            {"heads": 3, "attention": "multi_head"},
            "heads cannot be 3: the transformer attention needs a divisor of 16",
        ),
        (
            {"heads": 64, "attention": "multi_head", "encoder_rnn": ()},
            "heads cannot be 64: the picker attention needs a divisor of 16",
        ),
        ({"dropout": 1.0}, r"dropout cannot be 1.0: use a number in \[0, 1\)"),
        ({"dropout": float("nan")}, "dropout cannot be nan"),
        ({"bias_l1": -1}, "bias_l1 cannot be -1"),
    ],
)
def test_refusals_name_field_value_and_remedy(setting, message):
    with pytest.raises(InputError, match=message) as refusal:
        EQTConfig(**setting)
    assert "\n" not in str(refusal.value)


def test_rates_fall_as_published():
    config = TrainConfig()
    rates = [config.learning_rate_at(epoch) for epoch in (0, 20, 21, 41, 61, 91, 199)]
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-4, 1e-5, 1e-6, 5e-7, 5e-7])


def test_a_cosine_falls_over_the_epochs_there_are():
    config = TrainConfig(epochs=8, schedule="cosine")
    rates = [config.learning_rate_at(epoch) for epoch in range(8)]
    assert rates == sorted(rates, reverse=True)
    np.testing.assert_allclose([rates[0], rates[4]], [1e-3, 5e-4])
    assert 0 < rates[-1] < 5e-5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"schedule": "linear"}, "schedule"),
        ({"loss_weights": (1, 2)}, "loss_weights"),
        ({"loss_weights": (1, 2, -3)}, "loss_weights"),
        ({"seed": -1}, "seed"),
        ({"train": "0.9"}, "add up to 1"),
        ({"train": "many"}, "many"),
        ({"labels": "cone"}, "cone"),
        ({"normalization": "median"}, "median"),
    ],
)
def test_trainings_that_cannot_be(wrong, message):
    with pytest.raises(InputError, match=message):
        TrainConfig(**wrong)


FILES = {
    "binary": bytes(range(256)) * 100,
    "large": b"1" * (MAX_BYTES + 1),
    "deep": b"a = " + b"[" * 100_000,
    "digits": b"a = " + b"9" * 5000,
    "cut": b"a = {",
    "long text": b'"' + b"\x1b[31m" * 10_000 + b'"',
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_files_that_hold_no_settings(tmp_path, content):
    (tmp_path / "settings").write_bytes(content)
    with pytest.raises(InputError, match=r"not TOML|larger than") as refusal:
        read_toml(tmp_path / "settings")
    assert len(str(refusal.value)) < 500 and str(refusal.value).isprintable()


FOREIGN = [None, True, -1, 10**300, 1e308, "x" * 10_000, [], [1], {}, {"a": [1]}, [[]], ["\x1b[1m"]]


@pytest.mark.parametrize("config_class", [EQTConfig, TrainConfig])
@pytest.mark.parametrize("value", FOREIGN, ids=lambda x: repr(x)[:12])
def test_foreign_values_are_refused_in_one_line(config_class, value):
    for name in config_class().to_dict():
        try:
            config_class.from_dict({name: value})
        except InputError as error:
            assert len(str(error)) < 600 and str(error).isprintable(), name
    for settings in (value, {"a": value}):
        if settings != {}:
            with pytest.raises(InputError, match=r"cannot be|unknown"):
                config_class.from_dict(settings)


@pytest.mark.parametrize("number", ["9" * 400, "-" + "9" * 400, "0x" + "f" * 6000])
@pytest.mark.parametrize("line", ["seed = {}", "train = {}", "loss_weights = [1, 1, {}]"])
def test_toml_with_a_number_beyond_64_bits_is_refused(tmp_path, number, line):
    path = tmp_path / "t.toml"
    path.write_text(line.format(number))
    with pytest.raises(InputError) as refusal:
        TrainConfig.from_dict(read_toml(path))
    assert len(str(refusal.value)) < 600


@pytest.mark.parametrize("name", ["learning_rate", "ema", "clip_norm", "seed", "epochs"])
@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan"), -(10**400)])
def test_settings_that_no_float_holds_are_refused(name, value):
    with pytest.raises(InputError, match=f"{name} cannot be"):
        TrainConfig(**{name: value})
