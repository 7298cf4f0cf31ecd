"""How TensorFlow spreads its work over the cores."""

from contextlib import suppress

from steadkit.processes import count_cores


def configure_threads(parts: int | None = None) -> None:
    """Let the parts of a batch share the cores from now on, for they need not wait for each other.

    By default each operation has all cores: it then waits for its last part, and operations that
    have no parts, as small ones do, leave all cores but one idle. Only before TensorFlow computes
    the first time can it be told; later nothing changes.

    Parameters
    ----------
    parts
        Into how many parts every batch falls; one for each core when ``None``.
    """
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return
    count = count_cores()
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(max(1, count // (parts or count)))
        tf.config.threading.set_inter_op_parallelism_threads(count)


def n_shards() -> int:
    """Tell into how many parts a batch best falls, one for each core where each works alone."""
    import tensorflow as tf

    threading = tf.config.threading
    alone = threading.get_intra_op_parallelism_threads() == 1
    return threading.get_inter_op_parallelism_threads() or count_cores() if alone else 1
