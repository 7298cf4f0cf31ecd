"""eqt: the Earthquake Transformer on Keras 3."""

TYPE_CHECKING = False  # type checkers take it for typing's; see steadkit.program

if TYPE_CHECKING:
    from typing import Any

_HOMES = {
    "EQTConfig": "eqt.config",
    "build_model": "eqt.model",
    "load_model": "eqt.model_io",
    "save_model": "eqt.model_io",
}


def __getattr__(name: str) -> "Any":
    """Import what is asked for, and TensorFlow with it, only then."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
