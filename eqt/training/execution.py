"""Devices of a training: their names, the distribution strategy, determinism."""

from typing import Any

from steadkit.errors import InputError, printable


def devices_named(text: str | None) -> list[str]:
    """Return the names of the requested devices.

    Parameters
    ----------
    text
        A number (``2``) or names (``GPU:0,GPU:1``); by default all GPUs if there are several,
        else an empty list, which leaves the choice to TensorFlow.

    Raises
    ------
    InputError
        There are fewer devices, or none of that name.
    """
    import tensorflow as tf

    available = [
        device.name.removeprefix("/device:") for device in tf.config.list_logical_devices()
    ]
    gpus = [name for name in available if name.startswith("GPU")]
    if text is None:
        return gpus if len(gpus) > 1 else []
    # Without a GPU a number means CPUs; TensorFlow has one, unless virtual ones are configured.
    candidates = gpus or available
    if text.isdecimal():
        # int() refuses texts of more than 4300 digits with another error.
        if len(text) > 9 or not 1 <= int(text) <= len(candidates):
            raise InputError(
                f"no {printable(text)} devices: there are {len(candidates)}, "
                f"{', '.join(candidates)}"
            )
        return candidates[: int(text)]
    names = [name.strip().upper() for name in text.split(",")]
    for name in names:
        if name not in available or names.count(name) > 1:
            raise InputError(
                f"cannot use device {printable(name)!r}: name each once of {', '.join(available)}"
            )
    return names


def make_strategy(names: list[str]) -> Any:
    """Return the distribution strategy for some devices.

    Returns
    -------
    tf.distribute.Strategy
        With ``num_replicas_in_sync`` devices. Several are mirrored: each holds all weights and
        computes its share of every batch; the gradients are summed.
    """
    import tensorflow as tf

    if not names:
        return tf.distribute.get_strategy()
    if len(names) == 1:
        return tf.distribute.OneDeviceStrategy(names[0])
    if any(name.startswith("CPU") for name in names):
        # The default reduction is NCCL's, which warns where there is no GPU.
        return tf.distribute.MirroredStrategy(names, tf.distribute.ReductionToOneDevice())
    return tf.distribute.MirroredStrategy(names)


def check_devices(count: int, batch_size: int, xla: bool, precision: str) -> None:
    """Refuse settings that several devices do not support.

    Raises
    ------
    InputError
        The batch size is not divisible by their number, or XLA or float16 is requested.
    """
    if count == 1:
        return
    if batch_size % count:
        raise InputError(
            f"batches of {batch_size} do not divide among {count} devices: "
            f"use --batch-size {batch_size // count * count or count}"
        )
    if xla:
        raise InputError(f"--xla is for one device, not {count}: leave it out")
    if precision == "mixed_float16":
        raise InputError(f"mixed_float16 is for one device, not {count}: use mixed_bfloat16")


def enable_determinism(xla: bool) -> None:
    """Make GPU operations deterministic; those of CPUs already are."""
    import tensorflow as tf

    # Determinism would turn XLA off; with XLA a GPU is as reproducible as its kernels are.
    if tf.config.list_physical_devices("GPU") and not xla:
        tf.config.experimental.enable_op_determinism()
