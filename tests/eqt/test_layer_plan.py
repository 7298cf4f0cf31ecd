"""The stages of every named network, their drawing, and the command that shows both."""

from dataclasses import replace

import pytest
from conftest import TINY, refused

from eqt.config import EQTConfig
from eqt.layer_plan import BRANCHES, COMMON, stages
from eqt.presets import PRESETS
from eqt.visualize.architecture import draw


@pytest.mark.parametrize("name", PRESETS)
def test_every_parameter_is_in_a_stage(name):
    config = PRESETS[name].config
    listed = stages(config)
    assert sum(stage.parameters for stage in listed) == PRESETS[name].parameters
    assert len({stage.name for stage in listed}) == len(listed)
    for branch in BRANCHES.values():
        last = [stage for stage in listed if stage.branch == branch][-1]
        assert (last.name, last.steps, last.channels) == (branch, 6000, 1)
    figure = draw(listed, name, (6000, 3))
    labels = [text.get_text() for text in figure.axes[0].texts]
    for stage in listed:
        assert f"{stage.steps} x {stage.channels}, {stage.parameters:,}" in labels
    assert f"{PRESETS[name].parameters:,} parameters" in figure.axes[0].get_title(loc="left")


@pytest.mark.parametrize(
    "changes",
    [
        {"attention": "multi_head", "heads": 2},
        {"attention": "scaled_dot", "positional": "sinusoidal", "causal": True},
        {"positional": "lstm", "transformer_blocks": 3, "picker_rnn": ("bigru",)},
    ],
)
def test_what_a_configuration_can_name_has_a_stage(changes):
    assert stages(replace(TINY, **changes))


def test_stages_stand_in_the_order_of_the_trace():
    names = [stage.name for stage in stages(EQTConfig()) if stage.branch == COMMON]
    assert names[0] == "encoder_1" and names[-1] == "feed_forwardD"
    assert names.index("encoder_7") < names.index("residual_1") < names.index("bilstm_1")
    assert names.index("bilstm_3") < names.index("attentionD0") < names.index("attentionD")
    picker = [stage.name for stage in stages(EQTConfig()) if stage.branch == "picker_P"]
    assert picker == ["lstmP_1", "attentionP", *[f"decoderP_{i}" for i in range(1, 8)], "picker_P"]


def test_what_differs_is_framed():
    listed = stages(TINY)
    frames = draw(listed, "tiny", (6000, 3), [listed[0].name]).axes[0].patches
    thick = [frame.get_linewidth() for frame in frames if frame.get_linewidth() > 1]
    assert len(frames) == len(listed) + 1 and len(thick) == 1


def test_a_network_differs_from_itself_in_nothing():
    assert TINY.diff(TINY) == []


def test_the_command_lists_compares_and_draws(run, tmp_path):
    result = run("eqt", "models")
    for name, preset in PRESETS.items():
        assert name in result.stdout and f"{preset.parameters:,}" in result.stdout
    result = run("eqt", "models", "BO", "--diff", "EQT")
    assert "encoder_rnn" in result.stdout and "385,655" in result.stdout
    assert "kernels" not in result.stdout
    assert "is as EQT" in run("eqt", "models", "EQT", "--diff", "EQT").stdout
    assert "bigru bigru bigru" in run("eqt", "models", "GRU").stdout
    result = run("eqt", "models", "2LSTM", "--summary", "--figure", "a.svg", "--diff", "EQT")
    assert "lstmS_2" in result.stdout
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("XQT",), "unknown model 'XQT'"),
        (("EQT", "--diff", "XQT"), "unknown model 'XQT'"),
        (("--diff", "EQT"), "need the NAME"),
        (("--summary",), "need the NAME"),
        (("EQT", "--figure", "a.jpg"), ".png"),
        (("EQT", "--figure", "there.png"), "--overwrite"),
    ],
)
def test_what_cannot_be_shown_is_one_line(run, tmp_path, arguments, message):
    (tmp_path / "there.png").write_text("mine")
    refused(run("eqt", "models", *arguments), message)
    assert (tmp_path / "there.png").read_text() == "mine"
