"""XLA compilation of functions of tensors, and a switch to turn it off for export."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from typing import Any

import keras

_IS_OFF: ContextVar[bool] = ContextVar("off", default=False)


def xla_jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function with XLA on TensorFlow, once for each combination of shapes.

    With small operations TensorFlow spends more time between them than in them, and each result
    passes through memory: the LSTMs made 57,816 operations of a training step. Other backends of
    Keras compile the complete network.

    Parameters
    ----------
    function
        Takes tensors, tuples of them and hashable values; it creates no variables.
    """

    @cache
    def compiled() -> Callable[..., Any]:
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False)

    @wraps(function)
    def call(*args: Any) -> Any:
        return compiled()(*args) if has_kernels() else function(*args)

    return call


@contextmanager
def off() -> Iterator[None]:
    """Turn compilation off: for export, as other programs do not have XLA's operations."""
    token = _IS_OFF.set(True)
    try:
        yield
    finally:
        _IS_OFF.reset(token)


def has_kernels() -> bool:
    """Return whether the backend is TensorFlow and compilation is on."""
    return keras.backend.backend() == "tensorflow" and not is_off()


def is_off() -> bool:
    """Return whether compilation is turned off."""
    return _IS_OFF.get()
