"""A network that picks much, whatever it is given: for tests of everything around the network."""

from dataclasses import replace
from pathlib import Path

from conftest import TINY

from eqt.config import EQTConfig
from eqt.model import build_model
from eqt.model_io import save_model

LOUD = replace(TINY, filters=(4,) * 4)


def save_loud_network(path: Path, config: EQTConfig = LOUD) -> Path:
    """Write an untrained network whose last layers are made steep, so that it follows the noise."""
    model = build_model(config, seed=2)
    for name in model.output_names:
        layer = model.get_layer(name)
        layer.set_weights([60 * value for value in layer.get_weights()])
    save_model(model, path)
    return path
