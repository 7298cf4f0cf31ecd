"""Several devices, virtual ones of the CPU: the same network as on one."""

import subprocess
import sys
from pathlib import Path

import pytest

from eqt.training.execution import check_devices, devices_named
from steadkit.errors import InputError

PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
sys.path.insert(0, "tests")
from conftest import SHORT, TINY, names_of, write_stead
from eqt.model_io import load_model
from eqt.runs import load_setup
from eqt.training import RuntimeOptions, train

folder = Path(sys.argv[1])
source = write_stead(folder / "data.hdf5", names_of(22, 12))
# Without penalties: Adam makes a whole step of the sign of a gradient that is nearly nothing.
network = replace(TINY, residual_kernels=(3,), dropout=0.0)
network = replace(network, bias_l1=0.0, kernel_l2=0.0)
config = replace(SHORT, batch_size=6, ema=0.5, clip_norm=0.5, learning_rate=1e-3)
runs = {}
for devices in ("CPU:0", "CPU:0,CPU:1"):
    options = RuntimeOptions(devices=devices, save_every=2)
    runs[devices] = train(source.hdf5, folder / devices[-1], network, config, len, options=options)
one, two = runs.values()
assert load_setup(two).about["devices"] == ["CPU:0", "CPU:1"]
for mine, other in zip(load_model(one.last).weights, load_model(two.last).weights, strict=True):
    np.testing.assert_allclose(mine, other, atol=2e-5, err_msg=mine.path)
assert any("moving" in weight.path for weight in load_model(one.last).weights)
print("equal")
"""


def test_two_devices_train_the_same_network_as_one(tmp_path):
    root = Path(__file__).parents[2]
    call = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(call, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "equal"


def test_devices_are_those_that_there_are():
    assert devices_named("1") == devices_named("cpu:0") == ["CPU:0"]
    assert devices_named(None) == []
    for wrong in ("0", "2", "CPU:0,CPU:0", "GPU:7", ""):
        with pytest.raises(InputError, match="device"):
            devices_named(wrong)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((2, 7, False, "float32"), "use --batch-size 6"),
        ((2, 8, True, "float32"), "--xla"),
        ((2, 8, False, "mixed_float16"), "mixed_bfloat16"),
    ],
)
def test_what_several_devices_cannot_share(arguments, words):
    with pytest.raises(InputError, match=words):
        check_devices(*arguments)
    check_devices(1, *arguments[1:])


@pytest.mark.parametrize("text", ["9" * 5000, "1" + "0" * 20, "GPU:" + "9" * 5000, "\x1b[31m"])
def test_devices_beyond_any_number_are_one_line(text):
    with pytest.raises(InputError, match=r"no .* devices|cannot use device") as refusal:
        devices_named(text)
    assert len(str(refusal.value)) < 400 and str(refusal.value).isprintable()
