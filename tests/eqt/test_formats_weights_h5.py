"""Weight files: what is saved is loaded, and whatever does not fit is refused."""

import json
import os
import shutil

import h5py
import numpy as np
import pytest
from conftest import TINY

from eqt.formats import weights_h5
from eqt.model import build_model
from steadkit.errors import InputError

PIPE = "pipe.h5"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.weights.h5"
    weights_h5.save(build_model(TINY, seed=3), path)
    return path


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copy(saved, tmp_path / "copy.weights.h5")


def test_what_is_saved_is_loaded_bit_for_bit(saved):
    model, restored = build_model(TINY, seed=3), weights_h5.load(saved)
    for value, expected in zip(model.weights, restored.weights, strict=True):
        assert value.path == expected.path
        np.testing.assert_array_equal(value, expected)
    x = np.random.default_rng(0).normal(size=(2, 6000, 3)).astype("f4")
    for value, expected in zip(
        model.predict_on_batch(x), restored.predict_on_batch(x), strict=True
    ):
        np.testing.assert_array_equal(value, expected)


def drop_weight(file):
    del file["weights/encoder_1/kernel"]


def cut_weight(file):
    drop_weight(file)
    file["weights/encoder_1/kernel"] = np.zeros((1, 3, 2), "f4")


def group_for_weight(file):
    drop_weight(file)
    file.create_group("weights/encoder_1/kernel")


def not_finite(file):
    file["weights/encoder_1/kernel"][0] = np.nan


def other_value(file):
    file["weights/encoder_1/kernel"][0, 0, 0] += 1e-6


def text_for_weight(file):
    drop_weight(file)
    file["weights/encoder_1/kernel"] = np.full((3, 3, 2), b"x")


def other_network(file):
    config = json.loads(file.attrs["config"]) | {"filters": [4] * 4}
    file.attrs["config"] = json.dumps(config)


def link_elsewhere(file):
    drop_weight(file)
    file["weights/encoder_1/kernel"] = h5py.ExternalLink("other.h5", "kernel")


def link_inside(file):
    drop_weight(file)
    file["weights/encoder_1/kernel"] = h5py.SoftLink("/weights/encoder_2/kernel")


def data_elsewhere(file):
    drop_weight(file)
    external = [("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
    file["weights/encoder_1"].create_dataset("kernel", (3, 3, 2), "f4", external=external)


def huge_array(file):
    drop_weight(file)
    file["weights/encoder_1"].create_dataset("kernel", (1 << 20, 1 << 20), "f4", chunks=(1, 64))


def with_config(file, **settings):
    file.attrs["config"] = json.dumps(json.loads(file.attrs["config"]) | settings)


def huge_network(file):
    with_config(file, filters=[10**6] * 4)


def wide_head(file):
    with_config(file, head_kernel=100_000)


def long_trace(file):
    with_config(file, input_length=2**31 - 2)


def deep_network(file):
    with_config(file, transformer_blocks=10**6)


def no_json(file):
    file.attrs["config"] = "{"


def a_list(file):
    file.attrs["config"] = "[1]"


def a_number(file):
    file.attrs["config"] = 3


def not_text(file):
    file.attrs["config"] = np.bytes_(b'{"gate": "\xff"}')


def long_number(file):
    file.attrs["config"] = '{"rnn_units": ' + "9" * 5000 + "}"


def lists_for_numbers(file):
    with_config(file, rnn_units=[16])


def format_array(file):
    file.attrs["format"] = [1.0, 2.0]


def digest_array(file):
    file.attrs["blake3"] = [1.0, 2.0]


def group_elsewhere(file):
    del file["weights"]
    file["weights"] = h5py.ExternalLink(PIPE, "weights")


def group_of_a_group_elsewhere(file):
    del file["weights/encoder_1"]
    file["weights/encoder_1"] = h5py.ExternalLink(PIPE, "/")


def virtual_array(file):
    drop_weight(file)
    layout = h5py.VirtualLayout((3, 3, 2), "f4")
    layout[...] = h5py.VirtualSource(PIPE, "kernel", (3, 3, 2))
    file.create_virtual_dataset("weights/encoder_1/kernel", layout)


def own_filter(file):
    drop_weight(file)
    file["weights/encoder_1"].create_dataset("kernel", data=np.ones((3, 3, 2)), compression="lzf")


def no_format(file):
    del file.attrs["format"]


def no_group(file):
    del file["weights"]


CASES = {
    drop_weight: "encoder_1/kernel",
    cut_weight: "encoder_1/kernel",
    group_for_weight: "encoder_1/kernel",
    other_network: "encoder_1/kernel",
    not_finite: "NaN",
    other_value: "damaged: its weights are not those",
    text_for_weight: "floats",
    link_elsewhere: "no array 'weights/encoder_1/kernel' of its own",
    link_inside: "no array 'weights/encoder_1/kernel' of its own",
    data_elsewhere: "no array 'weights/encoder_1/kernel' of its own",
    huge_array: "at most 16,777,216 floats",
    huge_network: "takes at least",
    wide_head: "its weights alone need",
    long_trace: "takes at least",
    deep_network: "1,000,004 blocks",
    no_json: "broken configuration",
    a_list: r"its config is \[1\]: a JSON object",
    a_number: "its config is no text",
    not_text: "its config is not JSON",
    long_number: "its config is not JSON",
    lists_for_numbers: r"rnn_units cannot be \[16\]|rnn_units cannot be \(16,\)",
    no_format: "eqt train wrote",
    format_array: "eqt train wrote",
    digest_array: "its weights are not those",
    no_group: "no array 'weights/encoder_1/kernel' of its own",
    group_elsewhere: "no array 'weights/encoder_1/kernel' of its own",
    group_of_a_group_elsewhere: "no array 'weights/encoder_1/kernel' of its own",
    virtual_array: "no array 'weights/encoder_1/kernel' of its own",
    own_filter: "by filter 32000",
}


@pytest.mark.parametrize(
    ("spoil", "message"), CASES.items(), ids=lambda x: getattr(x, "__name__", "-")
)
def test_whatever_does_not_fit_is_refused(copy, monkeypatch, spoil, message):
    monkeypatch.chdir(copy.parent)
    os.mkfifo(PIPE)  # whoever opens it waits for ever
    with h5py.File(copy, "r+") as file:
        spoil(file)
    with pytest.raises(InputError, match=message) as refusal:
        weights_h5.load(copy)
    assert len(str(refusal.value)) < 400


def test_other_files_are_refused(copy, tmp_path, shared_data):
    whole = copy.read_bytes()
    copy.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.h5").write_text("weights")
    cases = {
        copy: "damaged",
        tmp_path / "text.h5": "not an HDF5 file",
        tmp_path / "none.h5": "no weights",
        shared_data / "eqt_original.h5": "eqt train wrote",
    }
    for path, message in cases.items():
        with pytest.raises(InputError, match=message):
            weights_h5.load(path)


def test_files_from_before_there_was_a_digest_are_read(copy):
    with h5py.File(copy, "r+") as file:
        del file.attrs["blake3"]
    assert weights_h5.load(copy).count_params() == build_model(TINY).count_params()
