"""With what software and hardware a run is made, and whether it is still the same."""

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

FREE: Final = ("platform", "python")
"""What may change without moving a bit."""


def environment() -> dict[str, str]:
    """Tell with what a run is made; another number of threads, say, changes the last bits."""
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
        "devices": ", ".join(map(_described, tf.config.list_physical_devices())),
        **{name: str(value) for name, value in threads.items()},
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "TensorFlow's default"),
    }


def _described(device: Any) -> str:
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(device)
    model = details.get("device_name")
    return f"{device.name} ({model})" if model else str(device.name)


def refuse_changed(before: Mapping[str, Any]) -> None:
    """Refuse to go on with a run where another machine or software would give other bits.

    Raises
    ------
    InputError
        Something differs; the line says what.
    """
    now = environment()
    changed = [
        f"{printable(name)} was {printable(before.get(name))}, is {now.get(name)}"
        for name in sorted((before.keys() | now.keys()) - set(FREE))
        if before.get(name) != now.get(name)
    ]
    if changed:
        raise InputError(
            f"the run was begun elsewhere: {'; '.join(changed)}; go back there, or say "
            "--other-machine to go on with slightly other figures"
        )
