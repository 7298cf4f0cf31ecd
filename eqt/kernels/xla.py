"""XLA compilation of functions of tensors, and the conditions under which kernels are used."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from typing import Any

import keras

_IS_ON: ContextVar[bool] = ContextVar("is_on", default=True)


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function with XLA, once for each combination of shapes.

    With small operations TensorFlow spends more time between them than in them, and each result
    passes through memory: the LSTMs made 57,816 operations of a training step.

    Parameters
    ----------
    function
        Takes tensors, tuples of them and hashable values; it creates no variables.
    """

    # Compiled on the first call, since the decorated modules are imported without TensorFlow too.
    @cache
    def compiled() -> Callable[..., Any]:
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False)

    @wraps(function)
    def call(*args: Any) -> Any:
        return compiled()(*args)

    return call


@contextmanager
def off() -> Iterator[None]:
    """Select plain layers instead of XLA's: for export, as other programs do not have its ops."""
    token = _IS_ON.set(False)
    try:
        yield
    finally:
        _IS_ON.reset(token)


def is_on() -> bool:
    """Return whether layers use compiled kernels."""
    return is_tensorflow() and _IS_ON.get()


def is_tensorflow() -> bool:
    """Return whether layers use the other kernels: the rest of Keras's backends is left to it.

    JAX compiles a complete network, and no kernel was measured on it or on PyTorch.
    """
    return keras.backend.backend() == "tensorflow"
