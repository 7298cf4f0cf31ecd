"""Learning rate schedules, as fractions of the initial rate; plateaus and early stopping."""

from collections.abc import Callable, Sequence
from math import cos, inf, pi
from typing import Final, NamedTuple

LEARNING_RATE_DROPS: Final = ((20, 10), (40, 100), (60, 1000), (90, 2000))
"""(epoch, divisor): after this epoch the published recipe divides its initial rate by it."""

MIN_RATE_FRACTION: Final = 5e-4
"""Lower bound of the rate after plateaus, a fraction of the initial rate, as published."""

PLATEAU_DELTA: Final = 1e-4
"""Decrease of the validation loss that ends a plateau, as in Keras."""


class Steps(NamedTuple):
    """Parameters of the schedules: all epochs; for ``step`` its interval and factor."""

    epochs: int
    every: int = 20
    factor: float = 0.1


def constant_schedule(epoch: int, steps: Steps) -> float:
    """Return 1: a constant rate.

    >>> constant_schedule(100, Steps(200))
    1.0
    """
    return 1.0


def published_schedule(epoch: int, steps: Steps) -> float:
    """Return the published step decay, which begins after epoch 20.

    >>> published_schedule(20, Steps(200)), published_schedule(21, Steps(200))
    (1.0, 0.1)
    """
    return 1 / max((divisor for start, divisor in LEARNING_RATE_DROPS if epoch > start), default=1)


def cosine_schedule(epoch: int, steps: Steps) -> float:
    """Return the cosine decay from 1 to nearly 0 (Loshchilov and Hutter 2017, arXiv:1608.03983)."""
    return (1 + cos(pi * epoch / steps.epochs)) / 2


def step_schedule(epoch: int, steps: Steps) -> float:
    """Return the step decay, by a factor every ``steps.every`` epochs.

    >>> step_schedule(5, Steps(20, every=5, factor=0.5))
    0.5
    """
    return steps.factor ** (epoch // steps.every)


SCHEDULES: Final[dict[str, Callable[[int, Steps], float]]] = {
    "published": published_schedule,
    "cosine": cosine_schedule,
    "step": step_schedule,
    "constant": constant_schedule,
}


def plateaus(losses: Sequence[float], patience: int) -> int:
    """Count the plateaus: runs of `patience` epochs without a lower loss, as Keras counts them.

    The count is a function of the losses alone, so that a resumed training needs no other state.

    Parameters
    ----------
    losses
        Validation loss of every epoch so far.
    patience
        Epochs without a lower loss that make a plateau; 0 for none ever.

    Examples
    --------
    >>> plateaus([3, 2, 2, 2, 2, 2], patience=2), plateaus([3, 2, 1], 1), plateaus([1, 1], 0)
    (2, 0, 0)
    """
    best, waited, count = inf, 0, 0
    for loss in losses if patience else ():
        if loss < best - PLATEAU_DELTA:
            best, waited = loss, 0
            continue
        waited += 1
        if waited == patience:
            waited, count = 0, count + 1
    return count


def should_stop(losses: Sequence[float], patience: int) -> bool:
    """Return whether the last `patience` epochs had no loss below the best one before them.

    >>> should_stop([3, 2, 2.5, 2], patience=2), should_stop([3, 2, 2.5], 2)
    (True, False)
    >>> should_stop([1, 1, 1], 0)
    False
    """
    if not patience or not losses:
        return False
    return len(losses) - 1 - losses.index(min(losses)) >= patience
