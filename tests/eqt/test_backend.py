"""Settings of Keras that were made for other networks."""

import json
import os
import subprocess
import sys

import keras
import pytest
from conftest import TINY

from eqt.model import build_model
from steadkit.errors import InputError

SCRIPT = """
from eqt.backend import load_tensorflow
from steadkit.errors import InputError
try:
    load_tensorflow()
except InputError as error:
    raise SystemExit(str(error))
from conftest import TINY
from eqt.model import build_model
model = build_model(TINY)
print(model.count_params(), {weight.dtype for weight in model.weights})
"""


def started(folder, settings):
    """Build the small network where ``keras.json`` says something."""
    (folder / "keras.json").write_text(json.dumps(settings))
    environment = os.environ | {
        "KERAS_HOME": str(folder),
        "KERAS_BACKEND": "nonsense",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    call = [sys.executable, "-c", SCRIPT]
    return subprocess.run(call, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(
    "settings",
    [
        {"image_data_format": "channels_first", "floatx": "float16"},
        {"floatx": "float64", "epsilon": 0.1, "backend": "jax"},
    ],
)
def test_the_network_is_what_it_is_whatever_keras_is_set_to(tmp_path, settings):
    expected = build_model(TINY).count_params()
    ended = started(tmp_path, settings)
    assert ended.stdout.split(maxsplit=1) == [str(expected), "{'float32'}\n"], ended.stderr


def test_settings_that_keras_refuses_are_named_in_one_line(tmp_path):
    ended = started(tmp_path, {"floatx": "float7"})
    assert ended.returncode == 1 and "keras.json" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("change", "usual"),
    [
        (keras.config.set_floatx, "float16 float32"),
        (keras.config.set_image_data_format, "channels_first channels_last"),
    ],
    ids=["type", "axes"],
)
def test_from_python_a_setting_that_does_not_fit_is_named(change, usual):
    wrong, right = usual.split()
    change(wrong)
    try:
        with pytest.raises(InputError, match=f"{wrong}.*keras.json"):
            build_model(TINY)
    finally:
        change(right)
