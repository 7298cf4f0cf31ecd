"""The .keras format: what is saved is loaded, by plain Keras too; hostile files are refused."""

import io
import json
import pickle
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import TINY

from eqt.config import EQTConfig
from eqt.formats import keras_v3, weights_h5
from eqt.model import build_model
from steadkit.errors import InputError

SMALL = EQTConfig(
    input_length=512,
    filters=(4, 4),
    kernels=(5, 3),
    residual_kernels=(3, 2),
    encoder_rnn=("bilstm", "gru"),
    rnn_units=3,
    attention_units=2,
    feed_forward=4,
)


def waves(config, count=2):
    shape = (count, config.input_length, config.components)
    return np.random.default_rng(0).normal(size=shape).astype("f4")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "tiny.keras"
    keras_v3.save(build_model(TINY, seed=3), path)
    return path


@pytest.mark.parametrize("gate", ["hard_sigmoid", "sigmoid"])
def test_what_is_saved_is_loaded_bit_for_bit(tmp_path, gate):
    config = EQTConfig.from_dict(SMALL.to_dict() | {"gate": gate})
    model = build_model(config, seed=5)
    model.compile("adam", "binary_crossentropy")
    keras_v3.save(model, tmp_path / "m.keras")
    restored = keras_v3.load(tmp_path / "m.keras")
    assert restored.config == config
    assert restored.output_names == ["detector", "picker_P", "picker_S"]
    outputs = (network.predict_on_batch(waves(config)) for network in (model, restored))
    for value, expected in zip(*outputs, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_plain_keras_opens_it(tmp_path):
    model = build_model(SMALL, seed=5)
    keras_v3.save(model, tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", waves(SMALL))
    code = """
import keras, numpy as np
import eqt.layers
outputs = keras.saving.load_model("m.keras").predict_on_batch(np.load("x.npy"))
np.save("y.npy", np.concatenate([np.asarray(output) for output in outputs], -1))
"""
    root = str(Path(keras_v3.__file__).parents[1])
    environment = {"PYTHONPATH": root, "TF_CPP_MIN_LOG_LEVEL": "3", "PATH": ""}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    outputs = model.predict_on_batch(waves(SMALL))
    np.testing.assert_allclose(np.concatenate(outputs, -1), np.load(tmp_path / "y.npy"), atol=1e-6)


def test_nothing_is_overwritten_unasked(tiny, tmp_path):
    path = tmp_path / "m.keras"
    keras_v3.save(build_model(SMALL), path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="--overwrite"):
        keras_v3.save(build_model(TINY), path)
    assert path.read_bytes() == before
    keras_v3.save(build_model(TINY), path, overwrite=True)
    assert keras_v3.load(path).config == TINY
    assert list(tmp_path.iterdir()) == [path]


def test_what_does_not_fit_is_not_written(tmp_path):
    broken = build_model(TINY)
    broken.get_layer("encoder_1").set_weights([np.full((3, 3, 2), np.nan), np.zeros(2)])
    deeper_config = EQTConfig.from_dict(TINY.to_dict() | {"filters": [4, 4, 4, 4]})
    for model, config, name, message in (
        (broken, TINY, "m.keras", "NaN"),
        (build_model(TINY), deeper_config, "m.keras", "does not fit"),
        (build_model(TINY), TINY, "m.h5", "does not end in .keras"),
    ):
        with pytest.raises(InputError, match=message):
            model.config = config
            keras_v3.save(model, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def changed(tiny, tmp_path):
    """Write the tiny network's file anew with other members; `last` may touch the open zip."""

    def change(members, last=lambda _: None):
        path = tmp_path / "changed.keras"
        with zipfile.ZipFile(tiny) as old, zipfile.ZipFile(path, "w") as new:
            contents = {name: old.read(name) for name in old.namelist()}
            for name, edit in members.items():
                contents[name] = edit(contents.get(name, b""))
            for name, content in contents.items():
                if content is not None:
                    new.writestr(name, content)
            last(new)
        return path

    return change


def gone(_):
    return None


def with_settings(**settings):
    def edit(content):
        stored = json.loads(content)
        stored["config"] |= settings
        return json.dumps(stored)

    return edit


def with_layer(**settings):
    def edit(content):
        stored = json.loads(content)
        stored["config"]["layers"][1] |= settings
        return json.dumps(stored)

    return edit


def with_function(content):
    stored = json.loads(content)
    function = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}
    stored["config"]["layers"][1]["config"]["activation"] = function
    return json.dumps(stored)


def with_array(values):
    def edit(content):
        file = io.BytesIO(content)
        with h5py.File(file, "r+") as weights:
            del weights["weights/encoder_1/kernel"]
            weights["weights/encoder_1/kernel"] = values
        return file.getvalue()

    return edit


CASES = {
    "no configuration": ({"eqt.json": gone}, "no eqt.json"),
    "no weights": ({"eqt.weights.h5": gone}, "no eqt.weights.h5"),
    "no JSON": ({"eqt.json": lambda _: "{"}, "not JSON"),
    "deep JSON": ({"eqt.json": lambda _: "[" * 100_000}, "not JSON"),
    "long JSON": ({"eqt.json": lambda _: " " * 2_000_000 + "{}"}, "2,000,002 bytes"),
    "a list": ({"eqt.json": lambda _: "[]"}, "a JSON object is needed"),
    "another format": ({"eqt.json": lambda _: '{"format": ["eqt"]}'}, "eqt model 1"),
    "no dictionary": ({"eqt.json": lambda c: c.replace(b'"config"', b'"x"')}, "no configuration"),
    "other setting": ({"eqt.json": with_settings(code="x")}, "unknown model setting 'code'"),
    "other type": ({"eqt.json": with_settings(filters={"a": 1})}, "filters"),
    "endless number": ({"eqt.json": with_settings(dropout=10**400)}, "broken configuration"),
    "two configurations": ({"eqt.json": with_settings(dropout=0.5)}, "configurations that differ"),
    "NaN": ({"eqt.weights.h5": with_array(np.full((3, 3, 2), np.nan))}, "NaN"),
    "overflow": ({"eqt.weights.h5": with_array(np.full((3, 3, 2), 1e300))}, "NaN or infinity"),
    "shape": ({"eqt.weights.h5": with_array(np.zeros((1, 3, 2)))}, "needs shape"),
    "texts": ({"eqt.weights.h5": with_array(np.full((3, 3, 2), b"x"))}, "floats"),
    "no HDF5": ({"eqt.weights.h5": lambda _: b"weights"}, "damaged"),
    "Lambda": ({"config.json": with_layer(class_name="Lambda")}, "'Lambda' in config.json"),
    "module": ({"config.json": with_layer(module="os")}, "'os' in config.json"),
    "function": ({"config.json": with_function}, "'__lambda__' in config.json"),
    "traversal": ({"../evil.txt": lambda _: b"x"}, "member outside of it"),
    "absolute": ({"/tmp/evil.txt": lambda _: b"x"}, "member outside of it"),
    "backslashes": ({"a\\..\\..\\evil": lambda _: b"x"}, "member outside of it"),
}


@pytest.mark.parametrize(("members", "message"), CASES.values(), ids=CASES)
def test_hostile_members_are_refused(changed, tmp_path, members, message):
    path = changed(members)
    with pytest.raises(InputError, match=message) as caught:
        keras_v3.load(path)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [path]


def bomb(opened):
    opened.filelist[-1].file_size = 1 << 40


def encrypted(opened):
    opened.filelist[-1].flag_bits |= 1


def doubled(opened):
    opened.writestr("once more", b"x")
    opened.filelist[-1].filename = "eqt.json"


def link(opened):
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    opened.writestr(info, "/etc/passwd")


def packed(opened):
    opened.writestr("packed", b"x", zipfile.ZIP_LZMA)


def many(opened):
    for number in range(5000):
        opened.writestr(str(number), b"")


def longer(opened):
    opened.filelist[-1].file_size += 10


TRICKS = {
    bomb: "bytes unpacked",
    encrypted: "encrypted member",
    doubled: "two members of one name",
    link: "member that is a link",
    packed: "unknown compression",
    many: "members",
    longer: "whole zip file",
}


@pytest.mark.parametrize(
    ("trick", "message"), TRICKS.items(), ids=lambda x: getattr(x, "__name__", "-")
)
def test_zip_tricks_are_refused(changed, trick, message):
    with pytest.raises(InputError, match=message):
        keras_v3.load(changed({}, trick))


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(tiny, tmp_path, part):
    content = tiny.read_bytes()
    path = tmp_path / "cut.keras"
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(InputError, match="not a whole zip file"):
        keras_v3.load(path)


def test_a_flipped_byte_is_refused_or_does_not_matter(tiny, tmp_path):
    content, random = tiny.read_bytes(), np.random.default_rng(7)
    path = tmp_path / "flipped.keras"
    for offset in random.integers(0, len(content), 25):
        flipped = bytearray(content)
        flipped[offset] ^= 1 << random.integers(8)
        path.write_bytes(flipped)
        try:
            restored = keras_v3.load(path)
        except InputError as error:
            assert "\n" not in str(error)
        else:
            for value, expected in zip(restored.weights, keras_v3.load(tiny).weights, strict=True):
                np.testing.assert_array_equal(value, expected)


class Bad:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_a_pickle_is_not_run(tmp_path):
    path, mark = tmp_path / "m.keras", tmp_path / "mark"
    path.write_bytes(pickle.dumps(Bad(mark)))
    with pytest.raises(InputError, match="not a whole zip file"):
        keras_v3.load(path)
    assert not mark.exists()


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InputError, match="no model"):
        keras_v3.load(tmp_path / "none.keras")


def test_a_plain_keras_file_is_refused(tmp_path):
    build_model(TINY).save(tmp_path / "plain.keras")
    with pytest.raises(InputError, match=r"no eqt\.json: only \.keras files that eqt wrote"):
        keras_v3.load(tmp_path / "plain.keras")


def test_what_is_written_is_the_same_weights_twice(tiny):
    with zipfile.ZipFile(tiny) as opened:
        network = weights_h5.from_bytes(opened.read("eqt.weights.h5"), tiny)
        with h5py.File(io.BytesIO(opened.read("model.weights.h5"))) as file:
            arrays = []
            file.visititems(
                lambda _, item: arrays.append(item[()]) if isinstance(item, h5py.Dataset) else None
            )
    sums = [sorted(float(np.abs(w).sum()) for w in listed) for listed in (network.weights, arrays)]
    np.testing.assert_array_equal(*sums)
