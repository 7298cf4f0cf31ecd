"""Attention masks: True where a step (row) may attend to a step (column)."""

from typing import Any

from keras import ops


def full(steps: Any) -> Any:
    """Return the mask without any masked step: (steps, steps).

    Examples
    --------
    >>> ops.convert_to_numpy(full(2)).tolist()
    [[True, True], [True, True]]
    """
    return ops.ones((steps, steps), dtype="bool")


def banded(steps: Any, width: int) -> Any:
    """Return the mask of the `width` steps from t - width // 2 on: (steps, steps).

    The local attention of the published pickers, with a width of 3. Source: Luong, Pham and
    Manning (2015), arXiv:1508.04025, section 3.2.

    Examples
    --------
    >>> ops.convert_to_numpy(banded(4, 3)).astype(int).tolist()
    [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]
    """
    offset = _offset(steps) + width // 2
    return ops.logical_and(offset >= 0, offset < width)


def causal(steps: Any) -> Any:
    """Return the causal mask, each step and those before it: (steps, steps).

    Source: Vaswani et al. (2017), Attention Is All You Need, arXiv:1706.03762, section 3.2.3.

    Examples
    --------
    >>> ops.convert_to_numpy(causal(3)).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    return _offset(steps) <= 0


def padding(mask: Any) -> Any:
    """Return the mask of pairs of valid steps: an invalid step has neither row nor column.

    Parameters
    ----------
    mask
        Shape (batch, steps), True where a step is valid, the Keras mask.

    Returns
    -------
    tensor
        Shape (batch, steps, steps).

    Examples
    --------
    >>> ops.convert_to_numpy(padding([[True, True, False]])).astype(int).tolist()
    [[[1, 1, 0], [1, 1, 0], [0, 0, 0]]]
    """
    valid = ops.cast(mask, "bool")
    return ops.logical_and(ops.expand_dims(valid, 2), ops.expand_dims(valid, 1))


def _offset(steps: Any) -> Any:
    """Return how far each step (column) lies after each step (row)."""
    step = ops.arange(steps)
    return ops.expand_dims(step, 0) - ops.expand_dims(step, 1)
