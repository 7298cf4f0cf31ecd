"""Masks: which steps (columns) each step (row) may see, True where it may."""

from typing import Any

from keras import ops


def full(steps: Any) -> Any:
    """Let every step see all: (steps, steps).

    Examples
    --------
    >>> ops.convert_to_numpy(full(2)).tolist()
    [[True, True], [True, True]]
    """
    return ops.ones((steps, steps), dtype="bool")


def banded(steps: Any, width: int) -> Any:
    """Let step t see the `width` steps from t - width // 2 on: (steps, steps).

    The local attention of the published pickers, with a width of 3. Source: Luong, Pham and
    Manning (2015), arXiv:1508.04025, section 3.2.

    Examples
    --------
    >>> ops.convert_to_numpy(banded(4, 3)).astype(int).tolist()
    [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]
    """
    offset = _offset(steps) + width // 2
    return ops.logical_and(offset >= 0, offset < width)


def windows(steps: int, width: int) -> Any:
    """Tell which step is the j-th that step t sees in its band: (steps, width, steps).

    Examples
    --------
    >>> ops.convert_to_numpy(windows(2, 3)).astype(int).tolist()
    [[[0, 0], [1, 0], [0, 1]], [[1, 0], [0, 1], [0, 0]]]
    """
    place = ops.expand_dims(ops.arange(width), 1) - width // 2
    return ops.equal(ops.expand_dims(_offset(steps), 1), place)


def causal(steps: Any) -> Any:
    """Let every step see itself and those before it: (steps, steps).

    Source: Vaswani et al. (2017), Attention Is All You Need, arXiv:1706.03762, section 3.2.3.

    Examples
    --------
    >>> ops.convert_to_numpy(causal(3)).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    return _offset(steps) <= 0


def padding(mask: Any) -> Any:
    """Let the valid steps of each trace see one another, the others nothing.

    Parameters
    ----------
    mask
        Shape (batch, steps), True where a step is valid, as Keras has it.

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
