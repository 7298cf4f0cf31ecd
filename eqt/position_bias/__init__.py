"""Position test: whether accuracy depends on where in its window an earthquake lies.

=========  ===================================================================
`bias`     result of a test: errors and hit rates by position, permutation test
`windows`  every event in windows with P at other samples, and the picks there
`report`   figures, a section of a report, and files
=========  ===================================================================

STEAD's P arrivals all lie on whole seconds, and a network that has learnt this is accurate on them
alone. An evaluation on STEAD's own windows cannot show it, and in continuous records P lies
anywhere.
"""

from eqt.position_bias.bias import Bias, by_position, by_second, summary
from eqt.position_bias.report import figures, position_section, write_position_test
from eqt.position_bias.windows import PositionResult, pooled, position_test

__all__ = [
    "Bias",
    "PositionResult",
    "by_position",
    "by_second",
    "figures",
    "pooled",
    "position_section",
    "position_test",
    "summary",
    "write_position_test",
]
