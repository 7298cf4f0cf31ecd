"""On which devices a network is trained: one, or several that share every batch."""

from typing import Any

from steadkit.errors import InputError, printable


def devices_named(text: str | None) -> list[str]:
    """List the devices that are meant.

    Parameters
    ----------
    text
        How many (``2``), or which (``GPU:0,GPU:1``); by default all GPUs if there are several,
        else none in particular, which leaves the choice to TensorFlow.

    Raises
    ------
    InputError
        There are not as many, or none of a name.
    """
    import tensorflow as tf

    there = [device.name.removeprefix("/device:") for device in tf.config.list_logical_devices()]
    gpus = [name for name in there if name.startswith("GPU")]
    if text is None:
        return gpus if len(gpus) > 1 else []
    known = gpus or there
    if text.isdecimal():
        # Longer than any number of devices, it may be longer than what Python reads.
        if len(text) > 9 or not 1 <= int(text) <= len(known):
            raise InputError(
                f"no {printable(text)} devices: there are {len(known)}, {', '.join(known)}"
            )
        return known[: int(text)]
    names = [name.strip().upper() for name in text.split(",")]
    for name in names:
        if name not in there or names.count(name) > 1:
            raise InputError(
                f"cannot use device {printable(name)!r}: name each once of {', '.join(there)}"
            )
    return names


def strategy_of(names: list[str]) -> Any:
    """Return how a step is spread over devices.

    Returns
    -------
    tf.distribute.Strategy
        With ``num_replicas_in_sync`` devices. Several are mirrored: each holds all weights and
        computes its share of every batch; the gradients are added up.
    """
    import tensorflow as tf

    if not names:
        return tf.distribute.get_strategy()
    if len(names) == 1:
        return tf.distribute.OneDeviceStrategy(names[0])
    if any(name.startswith("CPU") for name in names):
        # By default a GPU's library, or a warning that it is missing.
        return tf.distribute.MirroredStrategy(names, tf.distribute.ReductionToOneDevice())
    return tf.distribute.MirroredStrategy(names)


def check_devices(count: int, batch_size: int, xla: bool, precision: str) -> None:
    """Refuse what several devices cannot share.

    Raises
    ------
    InputError
        A batch does not divide among them, or XLA or float16 is asked for.
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


def make_repeatable(xla: bool) -> None:
    """Make GPUs give the same bits each time; CPUs do so anyway."""
    import tensorflow as tf

    # It turns XLA off, which repeats itself on a GPU only as far as its kernels do.
    if tf.config.list_physical_devices("GPU") and not xla:
        tf.config.experimental.enable_op_determinism()
