"""Type, finiteness and digest of the samples of a trace."""

from math import isfinite
from pathlib import Path
from typing import Final

import numpy as np
from blake3 import blake3

from steadkit.errors import InputError
from steadkit.schema import TRACE_SHAPE

WAVEFORM_DIGEST: Final = 16
DTYPE: Final = np.dtype("<f4")
TRACE_BYTES: Final = TRACE_SHAPE[0] * TRACE_SHAPE[1] * DTYPE.itemsize


def are_finite(waveforms: np.ndarray) -> bool:
    """Return whether no sample is NaN or infinite."""
    # NaN and infinity both propagate to the extremes: two passes and no temporary array.
    return not waveforms.size or (isfinite(waveforms.max()) and isfinite(waveforms.min()))


def check_finite(waveforms: np.ndarray, name: str, file: str | Path) -> None:
    """Refuse samples that are NaN or infinite."""
    if not are_finite(waveforms):
        raise not_finite(name, file)


def not_finite(name: str, file: str | Path) -> InputError:
    """Return the error for a trace with samples that are NaN or infinite."""
    return InputError(
        f"trace {name!r} in {str(file)!r} holds NaN or infinity: leave it out or repair it"
    )


def digest(waveform: np.ndarray) -> str:
    """Return the digest of a waveform: BLAKE3, 16 bytes, as hexadecimal text.

    >>> digest(np.zeros((6000, 3), np.float32))
    '11fa0a297baaa09a5b550c65590d5441'
    """
    return waveform_digest(np.ascontiguousarray(waveform, DTYPE).data).hex()


def waveform_digest(samples: bytes | memoryview) -> bytes:
    """Return the digest of a waveform: BLAKE3, 16 bytes."""
    return blake3(memoryview(samples).cast("B")).digest(WAVEFORM_DIGEST)
