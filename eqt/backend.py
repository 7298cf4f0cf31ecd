"""Import of TensorFlow without its start-up messages, for commands that compute."""

from steadkit.errors import InputError


def load_tensorflow() -> None:
    """Import TensorFlow without its start-up notes, which no setting silences.

    They go to the process's standard error from C++; if the import fails they are shown. What it
    logs later follows ``TF_CPP_MIN_LOG_LEVEL``, here 3 unless the user has set it. What the user's
    ``keras.json`` says of types and axes is for other networks.

    Raises
    ------
    InputError
        Keras refuses its ``keras.json``.
    """
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # eqt.training.steps uses TensorFlow directly
    try:
        _import_quietly()
    except AssertionError as error:  # raised by Keras for invalid settings in keras.json
        home = os.environ.get("KERAS_HOME", "~/.keras")
        raise InputError(
            f"Keras refuses its settings: correct {home}/keras.json, or remove it"
        ) from error
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_epsilon(1e-7)


def _import_quietly() -> None:
    import os
    import sys
    import tempfile

    # The descriptor is replaced, not sys.stderr: the notes come from C++.
    sys.stderr.flush()
    stderr_copy = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
            tf.get_logger().setLevel("ERROR")  # it warns of its own source where a disk is full
        except AssertionError:
            raise
        except Exception:
            notes.seek(0)
            os.write(stderr_copy, notes.read())
            raise
        finally:
            os.dup2(stderr_copy, 2)
            os.close(stderr_copy)
