"""What a data set holds: counts, span of time, ranges and quartiles, and what is missing."""

from steadkit.info.describe import FIGURES, Gaps, Info, Spread, describe
from steadkit.info.reading import NUMBER_COLUMNS, pieces, read_numbers
from steadkit.types import SNR_COLUMNS

__all__ = [
    "FIGURES",
    "NUMBER_COLUMNS",
    "SNR_COLUMNS",
    "Gaps",
    "Info",
    "Spread",
    "describe",
    "pieces",
    "read_numbers",
]
