"""Figures of what layers compute: filters, feature maps, attention, and attribution of picks.

====================  ============================================================
`time_axis`           times of the steps of a layer
`layers`              selection of layers; kernels and their frequency response
`traces`              selection of traces
`activations`         outputs and attention weights of layers, in one pass; mean attention
`attribution`         integrated gradients and occlusion
`architecture`        the network as boxes
`figures`             arrays as figures
`context`             a network and its data
`commands`            figures and arrays of each command
`gallery`             the HTML page of all figures
`write`               the output folder: figures, arrays and page
====================  ============================================================
"""

from importlib import import_module
from typing import Any, Final

_HOMES: Final = {
    "attention": "commands",
    "attribution_of": "commands",
    "everything": "commands",
    "filters": "commands",
    "maps": "commands",
    "save_content": "write",
    "context_of": "context",
    "traces_for": "context",
}


def __getattr__(name: str) -> Any:
    """Import a public function on first use, since its module imports TensorFlow."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
