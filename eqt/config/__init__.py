"""What a network is built from, `network`, and how it is trained, `training`."""

from eqt.config.network import ATTENTION, GATES, POSITIONAL, RECURRENT, EQTConfig
from eqt.config.training import SCHEDULES, TrainConfig

__all__ = ["ATTENTION", "GATES", "POSITIONAL", "RECURRENT", "SCHEDULES", "EQTConfig", "TrainConfig"]
