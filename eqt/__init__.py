"""eqt: the Earthquake Transformer on Keras 3."""

TYPE_CHECKING = False  # type checkers take it for typing's; see steadkit.program

if TYPE_CHECKING:
    from eqt.config import EQTConfig, TrainConfig
    from eqt.evaluation import evaluate
    from eqt.model import build_model
    from eqt.model_io import load_model, save_model
    from eqt.picking.annotate import annotate, classify
    from eqt.training import train
    from eqt.transformer import EQTransformer

__all__ = [
    "EQTConfig",
    "EQTransformer",
    "TrainConfig",
    "annotate",
    "build_model",
    "classify",
    "evaluate",
    "load_model",
    "save_model",
    "train",
]

_MODULES = {
    "EQTConfig": "eqt.config",
    "EQTransformer": "eqt.transformer",
    "TrainConfig": "eqt.config",
    "annotate": "eqt.picking.annotate",
    "build_model": "eqt.model",
    "classify": "eqt.picking.annotate",
    "evaluate": "eqt.evaluation",
    "load_model": "eqt.model_io",
    "save_model": "eqt.model_io",
    "train": "eqt.training",
}


def __getattr__(name: str) -> object:
    """Import a public name on first use: TensorFlow, which most of them load, takes seconds."""
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
