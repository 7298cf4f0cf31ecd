"""Position test: whether accuracy depends on where in its window an earthquake lies.

==========  ===================================================================
`bias`      variance of the errors explained by the position, and a permutation test
`windows`   every event in windows with P at other samples, and the picks there
`tables`    errors and hit rates by position in the window and in the second
`figures`   the same as figures
`report`    a section of a report, and files
==========  ===================================================================

STEAD's P arrivals all lie on whole seconds, and a network that has learnt this is accurate on them
alone. An evaluation on STEAD's own windows cannot show it, and in continuous records P lies
anywhere.
"""

from eqt.position_bias.bias import Bias
from eqt.position_bias.figures import figures
from eqt.position_bias.report import section, write
from eqt.position_bias.tables import by_position, by_second, summary
from eqt.position_bias.windows import PositionResult, pooled, position_test

__all__ = [
    "Bias",
    "PositionResult",
    "by_position",
    "by_second",
    "figures",
    "pooled",
    "position_test",
    "section",
    "summary",
    "write",
]
