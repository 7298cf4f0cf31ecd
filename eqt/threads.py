"""Thread settings of TensorFlow: parallel parts of a batch instead of parallel operations."""

from contextlib import suppress

from steadkit.processes import count_cores


def configure_threads(n_parts: int | None = None, n_threads: int | None = None) -> None:
    """Divide the cores among the parts of a batch, which run in parallel from now on.

    By default each operation has all cores: it then waits for its slowest thread, and small
    operations, which have one thread only, leave all other cores idle. TensorFlow accepts thread
    settings only before its first computation; later calls have no effect.

    Parameters
    ----------
    n_parts
        Parts into which every batch is split; one for each core when ``None``.
    n_threads
        Threads of this process; as many as there are cores when ``None``.
    """
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return
    n_cores = n_threads or count_cores()
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(
            max(1, n_cores // (n_parts or n_cores))
        )
        tf.config.threading.set_inter_op_parallelism_threads(n_cores)


def n_shards() -> int:
    """Return the number of parts to split a batch into: the cores, if operations have one each."""
    import tensorflow as tf

    threading = tf.config.threading
    single_threaded = threading.get_intra_op_parallelism_threads() == 1
    return threading.get_inter_op_parallelism_threads() or count_cores() if single_threaded else 1
