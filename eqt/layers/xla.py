"""Compiling: functions of tensors of which XLA makes one kernel."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from typing import Any

import keras

_OFF: ContextVar[bool] = ContextVar("off", default=False)


def xla_jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let TensorFlow compile a function, as often as its arguments differ in shape.

    Operation after operation, TensorFlow spends more time between small ones than in them, and
    carries each result through the memory. Other backends of Keras compile whole networks.

    Parameters
    ----------
    function
        Of tensors, tuples of them and what can be told apart by its hash; it has no variables.
    """

    @cache
    def kernel() -> Callable[..., Any]:
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False)

    @wraps(function)
    def call(*args: Any) -> Any:
        return kernel()(*args) if has_kernels() else function(*args)

    return call


@contextmanager
def off() -> Iterator[None]:
    """Compile nothing meanwhile: for export, as other programs do not have XLA's operations."""
    token = _OFF.set(True)
    try:
        yield
    finally:
        _OFF.reset(token)


def has_kernels() -> bool:
    """Tell whether TensorFlow computes, and with kernels of its own."""
    return keras.backend.backend() == "tensorflow" and not is_off()


def is_off() -> bool:
    """Tell whether nothing is compiled."""
    return _OFF.get()
