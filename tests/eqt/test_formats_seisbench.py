"""SeisBench's state: there and back to the bit, the same outputs, and refusals by name."""

import json
import pickle
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY, refused

import eqt
from eqt.config import EQTConfig
from eqt.formats import seisbench
from eqt.model import build_model
from eqt.presets import PRESETS
from steadkit.errors import InputError

CONFIGS = {
    "original": PRESETS["original"].config,
    "conservative": PRESETS["conservative"].config,
    "one block": EQTConfig(encoder_rnn=("bilstm",), decoder_filters=(64, 64, 32, 32, 16, 16, 8)),
}


def lively(config):
    """Build a network none of whose weights is zero or like another."""
    model, random = build_model(config, seed=1), np.random.default_rng(2)
    for weight in model.weights:
        values = np.asarray(weight)
        weight.assign(values + 0.1 * random.uniform(size=values.shape))
    return model


def the_same(model, restored):
    for weight, restored_weight in zip(model.weights, restored.weights, strict=True):
        assert weight.path == restored_weight.path
        np.testing.assert_array_equal(weight, restored_weight)


@pytest.fixture(scope="module")
def known():
    config = CONFIGS["conservative"]
    model = lively(config)
    return model, config, seisbench.to_state(model)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_there_and_back_without_pytorch(config):
    model = lively(config)
    state = seisbench.to_state(model)
    restored = seisbench.from_state(state, seisbench.arguments(config))
    the_same(model, restored)
    stored = restored.config
    assert (stored.encoder_rnn, stored.gate, stored.dropout) == (
        config.encoder_rnn,
        config.gate,
        config.dropout,
    )


def test_components_and_phases_come_in_any_order(known):
    model, config, state = known
    arguments = seisbench.arguments(config)
    assert arguments["component_order"] == "ZNE"
    kernel = state["encoder.convs.0.weight"]
    np.testing.assert_array_equal(kernel[:, 0], model.get_layer("encoder_1").kernel[:, 2].numpy().T)
    swapped_state = state | {"encoder.convs.0.weight": kernel[:, ::-1]}
    the_same(model, seisbench.from_state(swapped_state, arguments | {"component_order": "ENZ"}))

    turned = {}
    for name, values in state.items():
        part, _, rest = name.partition(".")
        number, _, rest = rest.partition(".")
        new_name = f"{part}.{1 - int(number)}.{rest}" if part.startswith("pick_") else name
        turned[new_name] = values
    assert len(turned) == len(state)
    the_same(model, seisbench.from_state(turned, arguments | {"phases": ["S", "P"]}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filters": (8, 8, 32, 32, 128, 128, 128)}, "has no filters"),
        ({"kernels": (10, 9, 8, 7, 6, 5, 4)}, "has no kernels"),
        ({"picker_rnn": ()}, "has no picker_rnn"),
        ({"encoder_rnn": ()}, "has BiLSTM blocks"),
        ({"encoder_rnn": ("bigru",)}, "has BiLSTM blocks"),
        ({"input_length": 3000}, "has no input_length 3000"),
        ({"transformer_blocks": 1}, "has no transformer_blocks 1"),
    ],
)
def test_networks_that_seisbench_has_not_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        seisbench.check_convertible(replace(EQTConfig(), **settings))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"original_compatible": False}, "original_compatible is False"),
        ({"original_compatible": []}, r"original_compatible is \[\]"),
        ({"in_samples": 3000}, "in_samples is 3000"),
        ({"norm": "peak"}, "norm is 'peak'"),
        ({"phases": "PSN"}, "phases is 'PSN'"),
        ({"component_order": "Z12"}, "component_order is 'Z12'"),
        ({"lstm_blocks": 10**9}, "lstm_blocks is 1000000000"),
        ({"lstm_blocks": "3"}, "lstm_blocks is '3'"),
        ({"lstm_blocks": 3}, "has no 'bi_lstm_stack.members.2"),
        ({"drop_rate": "much"}, "dropout cannot be 'much'"),
    ],
)
def test_arguments_of_another_network_are_refused(known, arguments, message):
    _, config, state = known
    with pytest.raises(InputError, match=message):
        seisbench.from_state(state, seisbench.arguments(config) | arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conv_d.weight": np.zeros((1, 8, 3), "f4")}, "has shape"),
        ({"conv_d.bias": np.full(1, np.nan, "f4")}, "NaN or infinity"),
        ({"conv_e.bias": np.zeros(1)}, "'conv_e.bias', which is not in the network"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(known, change, message):
    _, config, state = known
    with pytest.raises(InputError, match=message):
        seisbench.from_state(state | change, seisbench.arguments(config))


def test_without_pytorch_it_is_told_what_to_install(known, tmp_path, monkeypatch, run):
    model, _, _ = known
    eqt.save_model(model, tmp_path / "m.keras")
    monkeypatch.setitem(sys.modules, "torch", None)
    refused(run("eqt", "export", "m.keras", "--to", "seisbench", "-o", "m"), "pip install torch")
    assert [path.name for path in tmp_path.iterdir()] == ["m.keras"]


def test_a_network_that_does_not_convert_is_one_line(tmp_path, run):
    eqt.save_model(build_model(TINY), tmp_path / "m.keras")
    refused(run("eqt", "export", "m.keras", "--to", "seisbench", "-o", "m"), "has no filters")


def test_files_there_and_back(known, tmp_path, run):
    torch = pytest.importorskip("torch", reason="PyTorch writes the state")
    model, _, state = known
    eqt.save_model(model, tmp_path / "m.keras")
    arguments = ("eqt", "export", "m.keras", "--to", "seisbench", "-o", "there")
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert result.output.split() == ["there.json", "there.pt"]
    refused(run(*arguments), "exists", "--overwrite")
    for name in ("there.pt", "there.json"):
        the_same(model, eqt.load_model(tmp_path / name))
    result = run("eqt", "import", "there.pt", "-o", "back.keras")
    assert result.exit_code == 0, result.output
    the_same(model, eqt.load_model(tmp_path / "back.keras"))

    (tmp_path / "there.json").rename(tmp_path / "elsewhere.json")
    refused(run("eqt", "import", "there.pt", "-o", "n.keras"), "must lie side by side")
    half = {name: torch.from_numpy(values[..., None]) for name, values in state.items()}
    torch.save(half, tmp_path / "elsewhere.pt")
    refused(run("eqt", "import", "elsewhere.pt", "-o", "n.keras"), "has shape")


class Bad:
    """Leaves a mark where it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("mark"),)


ODD_ARGUMENTS = {
    "phases": [3, {}, [1, "S"], ["P"], None, "x" * 10_000],
    "component_order": [3, {}, "ZN", ["Z", 1, "N"], "x" * 10_000],
    "lstm_blocks": [[3], "3", True, 0, 10**300, None],
    "drop_rate": [[1], "a", 10**300, 2, None],
    "original_compatible": [[1], {}, 3, "x" * 10_000],
    "in_samples": [[6000], "6000", 10**300],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in ODD_ARGUMENTS.items() for value in values]
)
def test_odd_arguments_are_one_line(known, name, value):
    _, config, state = known
    arguments = seisbench.arguments(config) | {name: value}
    with pytest.raises(InputError, match=r"cannot be|its \w+ is") as refusal:
        seisbench.from_state(state, arguments)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize("content", ["[]", "3", "{}", '{"model_args": [1]}', "{", "\0"])
def test_a_json_without_arguments_is_one_line(tmp_path, run, content):
    (tmp_path / "m.json").write_text(content)
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as file:
        file.writestr("archive/data.pkl", b"")
    refused(run("eqt", "import", "m.pt", "-o", "n.keras"), "m.json")


@pytest.mark.filterwarnings("default")
def test_tensors_of_other_kinds_are_one_line(known, tmp_path, run):
    torch = pytest.importorskip("torch", reason="PyTorch reads the state")
    _, config, _ = known
    about = {"model_args": seisbench.arguments(config)}
    (tmp_path / "m.json").write_text(json.dumps(about))
    tensor = torch.zeros(3)
    tensors = [
        tensor.to(torch.float8_e4m3fn),
        tensor.to(torch.int8),
        tensor.to(torch.complex64),
        torch.zeros(10**12, device="meta"),
        torch.nested.nested_tensor([tensor, tensor]),
        torch.nested.nested_tensor([tensor, tensor], layout=torch.jagged),
        torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8),
        [tensor],
        1.0,
        "x" * 10_000,
    ]
    for tensor in tensors:
        torch.save({"conv_d.bias": tensor}, tmp_path / "m.pt")
        result = run("eqt", "import", "m.pt", "-o", "n.keras")
        refused(result, "'conv_d.bias' is not a plain tensor")
        assert "weights_only" not in result.output
    for content in ({1: tensor}, {b"\xff": tensor}, tensor, None, torch.nn.Linear(2, 2)):
        torch.save(content, tmp_path / "m.pt")
        result = run("eqt", "import", "m.pt", "-o", "n.keras")
        refused(result, "save model")
        assert "weights_only" not in result.output


def test_pytorch_runs_nothing_of_a_file(known, tmp_path, run):
    torch = pytest.importorskip("torch", reason="PyTorch reads the state")
    _, config, _ = known
    about = {"model_args": seisbench.arguments(config)}
    (tmp_path / "m.json").write_text(json.dumps(about))
    wide = torch.zeros(1).expand(1 << 40)
    sparse = torch.zeros(3, 3).to_sparse()
    contents = {
        "plain tensors": {"conv_d.bias": Bad()},
        "not a state": [torch.zeros(3)],
        "not a plain tensor": {"conv_d.bias": wide},
        "plain tensor": {"conv_d.bias": sparse},
    }
    for message, content in contents.items():
        torch.save(content, tmp_path / "m.pt")
        refused(run("eqt", "import", "m.pt", "-o", "n.keras"), message)
    (tmp_path / "m.pt").write_bytes(pickle.dumps(Bad()))
    refused(run("eqt", "import", "m.pt", "-o", "n.keras"), "pickle")
    assert not (tmp_path / "mark").exists()


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", ["original", "conservative"])
def test_seisbench_gives_the_same_outputs(shared_data, tmp_path, run, name):
    torch = pytest.importorskip("torch", reason="SeisBench needs PyTorch")
    models = pytest.importorskip("seisbench.models", reason="it is what is compared with")
    result = run(
        "eqt", "export", shared_data / f"eqt_{name}.h5", "--to", "seisbench", "-o", tmp_path / name
    )
    assert result.exit_code == 0, result.output
    seisbench_model = models.EQTransformer.load(tmp_path / name)
    seisbench_model.eval()
    waveforms = np.load(shared_data / "eqt_reference.npz")[name]  # as good a signal as any
    waveforms = np.concatenate([waveforms[:4], np.random.default_rng(0).normal(size=(2, 6000, 3))])
    waveforms = waveforms.astype("f4")
    assert seisbench_model.component_order == "ZNE"
    turned = np.ascontiguousarray(waveforms[:, :, ::-1].transpose(0, 2, 1))
    with torch.no_grad():
        outputs = [output.numpy() for output in seisbench_model(torch.from_numpy(turned))]
    published = eqt.load_model(shared_data / f"eqt_{name}.h5").predict_on_batch(waveforms)
    for output, expected in zip(outputs, published, strict=True):
        np.testing.assert_allclose(output, np.asarray(expected)[..., 0], atol=1e-4)

    seisbench_model.save(tmp_path / "again")  # what SeisBench itself writes is read
    restored = eqt.load_model(tmp_path / "again.pt")
    the_same(restored, eqt.load_model(shared_data / f"eqt_{name}.h5"))


@pytest.mark.parametrize("output", ["..", "missing/..", "/", "/dev/null"])
def test_an_output_that_names_no_files_gets_no_endings(output):
    with pytest.raises(InputError, match="not a file: name a file"):
        seisbench.save(build_model(TINY), Path(output), overwrite=True)
