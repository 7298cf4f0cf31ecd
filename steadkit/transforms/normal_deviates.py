"""Normal deviates, six times as fast as NumPy's own: noise is where most of augmentation went."""

from functools import cache
from math import prod

import numpy as np
from scipy.special import ndtri

VALUES = 1 << 16
MAX_MAGNITUDE = 2**64 - 1


def normal_deviates(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw from the standard normal distribution, in 65,536 equally likely values.

    Each is the quantile in the middle of its share of the distribution; the largest is 4.32. Added
    to a waveform nothing tells them from others: the variance is 1 within 2e-5 and the
    distribution within 1e-5 everywhere.

    Parameters
    ----------
    random
        Makes the draws.
    shape
        Of the result.

    Returns
    -------
    numpy.ndarray
        float32.

    >>> normal_deviates(np.random.Generator(np.random.SFC64(0)), (2, 3)).shape
    (2, 3)
    """
    count = prod(shape)
    bits = random.integers(MAX_MAGNITUDE, size=-(-count // 4), dtype=np.uint64, endpoint=True)
    # The same sixteen bits on a machine of any byte order.
    places = bits.astype("<u8", copy=False).view("<u2")[:count]
    return np.take(_quantiles(), places, mode="clip").reshape(shape)


@cache
def _quantiles() -> np.ndarray:
    return ndtri((np.arange(VALUES) + 0.5) / VALUES).astype(np.float32)
