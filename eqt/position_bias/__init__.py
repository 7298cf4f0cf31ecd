"""Does it matter where in its window an earthquake lies? The position test, and what it shows.

==========  ===================================================================
`bias`      how much of the error is due to the place, and whether by chance
`windows`   every event cut anew, with P at other samples, and picked there
`tables`    errors and hits by where P fell, and by its place in the second
`figures`   the same as pictures
`report`    a section of a report, and files
==========  ===================================================================

STEAD's P all lie on whole seconds, and a network that has learnt so picks well on them alone. An
evaluation on STEAD as it is cut cannot see that, and continuous records bring P anywhere.
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
