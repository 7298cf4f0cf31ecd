"""Summary of a data set: counts, time range, quartiles and missing values."""

from steadkit.info.describe import FIGURES, Info, Missing, Quartiles, describe
from steadkit.info.reading import NUMBER_COLUMNS, iter_numbers, read_numbers
from steadkit.types import SNR_COLUMNS

__all__ = [
    "FIGURES",
    "NUMBER_COLUMNS",
    "SNR_COLUMNS",
    "Info",
    "Missing",
    "Quartiles",
    "describe",
    "iter_numbers",
    "read_numbers",
]
