"""Normal deviates by inverse transform sampling, six times as fast as NumPy's own.

Gaussian noise used to take most of the time of augmentation.
"""

from functools import cache
from math import prod

import numpy as np
from scipy.special import ndtri

N_VALUES = 1 << 16
MAX_UINT64 = 2**64 - 1


def normal_deviates(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw from the standard normal distribution, in 65,536 equally likely values.

    Each is the quantile in the middle of an interval of equal probability; the largest is 4.32. The
    variance is 1 within 2e-5, and the distribution is exact within 1e-5.

    Parameters
    ----------
    random
        Random generator.
    shape
        Shape of the result.

    Returns
    -------
    numpy.ndarray
        float32.

    >>> normal_deviates(np.random.Generator(np.random.SFC64(0)), (2, 3)).shape
    (2, 3)
    """
    count = prod(shape)
    bits = random.integers(MAX_UINT64, size=-(-count // 4), dtype=np.uint64, endpoint=True)
    # Each draw of 64 bits gives four indices, the same on machines of any byte order.
    indices = bits.astype("<u8", copy=False).view("<u2")[:count]
    return np.take(_quantiles(), indices, mode="clip").reshape(shape)


@cache
def _quantiles() -> np.ndarray:
    return ndtri((np.arange(N_VALUES) + 0.5) / N_VALUES).astype(np.float32)
