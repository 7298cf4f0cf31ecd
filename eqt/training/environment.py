"""Software and hardware of a run: recorded at its start, compared when it is resumed."""

import os
import platform
from collections.abc import Mapping
from typing import Any, Final

import keras
import numpy as np

from steadkit.errors import InputError, printable
from steadkit.processes import count_cores
from steadkit.version import __version__

THREADS: Final = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")

IGNORED_KEYS: Final = ("platform", "python")
"""Entries that do not affect the results."""


def environment() -> dict[str, str]:
    """Return versions, devices and thread counts; the last bits of a training depend on them."""
    import tensorflow as tf

    threading = tf.config.threading
    threads = {
        "cores": count_cores(),
        "intra_op_threads": threading.get_intra_op_parallelism_threads() or "one a core",
        "inter_op_threads": threading.get_inter_op_parallelism_threads() or "one a core",
        **{name: os.environ[name] for name in THREADS if name in os.environ},
    }
    return {
        "steadkit": __version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "processor": platform.machine(),
        "devices": ", ".join(map(_describe_device, tf.config.list_physical_devices())),
        **{name: str(value) for name, value in threads.items()},
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "TensorFlow's default"),
    }


def _describe_device(device: Any) -> str:
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(device)
    model = details.get("device_name")
    return f"{device.name} ({model})" if model else str(device.name)


def refuse_changed(recorded: Mapping[str, Any]) -> None:
    """Refuse to resume a run on a machine or with software that would change the last bits.

    Raises
    ------
    InputError
        An entry differs; the message names it.
    """
    current = environment()
    changed = [
        f"{printable(name)} was {printable(recorded.get(name))}, is {current.get(name)}"
        for name in sorted((recorded.keys() | current.keys()) - set(IGNORED_KEYS))
        if recorded.get(name) != current.get(name)
    ]
    if changed:
        raise InputError(
            f"the run was begun elsewhere: {'; '.join(changed)}; go back there, or say "
            "--other-machine to go on with slightly other figures"
        )
