"""TensorFlow, imported without its start-up notes; only commands that compute pay for it."""


def load_tensorflow() -> None:
    """Import TensorFlow without its start-up notes, which no setting silences.

    They go to the process's standard error from C++; if the import fails they are shown. What it
    logs later follows ``TF_CPP_MIN_LOG_LEVEL``, here 3 unless the user has set it.
    """
    import os
    import sys
    import tempfile

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the one that our steps of training are made of
    sys.stderr.flush()
    shown = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
            tf.get_logger().setLevel("ERROR")  # it warns of its own source where a disk is full
        except Exception:
            notes.seek(0)
            os.write(shown, notes.read())
            raise
        finally:
            os.dup2(shown, 2)
            os.close(shown)
