"""How the learning rate falls: shares of the first rate, functions of the epoch alone."""

from collections.abc import Callable, Sequence
from math import cos, inf, pi
from typing import Final, NamedTuple

LEARNING_RATE_DROPS: Final = ((20, 10), (40, 100), (60, 1000), (90, 2000))
"""After which epoch the published recipe divides its first rate by what."""

MIN_RATE_FRACTION: Final = 5e-4
"""A plateau lets the rate fall no further than this share of the first one, as published."""

PLATEAU_DELTA: Final = 1e-4
"""By how much a validation loss must be lower to end a plateau, as in Keras."""


class Steps(NamedTuple):
    """What a schedule may need to know."""

    epochs: int
    every: int = 20
    factor: float = 0.1


def constant_schedule(epoch: int, steps: Steps) -> float:
    """Stay.

    >>> constant_schedule(100, Steps(200))
    1.0
    """
    return 1.0


def published_schedule(epoch: int, steps: Steps) -> float:
    """Fall in steps, as published; short trainings see none of them.

    >>> published_schedule(20, Steps(200)), published_schedule(21, Steps(200))
    (1.0, 0.1)
    """
    return 1 / max((divisor for start, divisor in LEARNING_RATE_DROPS if epoch > start), default=1)


def cosine_schedule(epoch: int, steps: Steps) -> float:
    """Fall from 1 to nearly 0 over the epochs (Loshchilov and Hutter 2017, arXiv:1608.03983)."""
    return (1 + cos(pi * epoch / steps.epochs)) / 2


def step_schedule(epoch: int, steps: Steps) -> float:
    """Fall by a factor every so many epochs.

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
    """Count how often the loss has not fallen for so many epochs, as Keras counts it.

    What a plateau has brought follows from the losses so far, so that a training that was cut off
    need not keep it.

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
    """Tell whether the loss has not been lower than its best for so many epochs.

    >>> should_stop([3, 2, 2.5, 2], patience=2), should_stop([3, 2, 2.5], 2)
    (True, False)
    >>> should_stop([1, 1, 1], 0)
    False
    """
    if not patience or not losses:
        return False
    return len(losses) - 1 - losses.index(min(losses)) >= patience
