"""Configurations of networks and of their training.

===========  ==============================================================
`network`    configuration of a network
`schedules`  learning rate schedules, plateaus, early stopping
`training`   configuration of a training
`files`      settings in TOML files
`checks`     validation of single values, conversion to plain values
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
