"""What networks are built from and how they are trained.

===========  ==============================================================
`network`    what a network is built from
`schedules`  how the learning rate falls
`training`   how it is trained
`files`      settings in TOML files
`checks`     what they all check
===========  ==============================================================
"""

from eqt.config.checks import format_config
from eqt.config.files import read_toml
from eqt.config.network import ATTENTION, GATES, POSITIONAL, RECURRENT, EQTConfig
from eqt.config.schedules import SCHEDULES
from eqt.config.training import PRECISIONS, TrainConfig

__all__ = [
    "ATTENTION",
    "GATES",
    "POSITIONAL",
    "PRECISIONS",
    "RECURRENT",
    "SCHEDULES",
    "EQTConfig",
    "TrainConfig",
    "format_config",
    "read_toml",
]
