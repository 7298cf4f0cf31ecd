"""See what layers do: filters, feature maps, attention, and why a pick was made.

==============  ==================================================================
`times`         when a step of a layer is
`layers`        which layers are shown
`forward`       what all layers make of traces, in one pass
`kernels`       kernels and their frequency response
`traces`        which traces are shown
`why`           integrated gradients and occlusion
`averages`      attention averaged over many traces
`figures`       arrays as figures
`subject`       a network and its data
`pictures`      figures on their way to files
`contents`      what each command shows
`folder`        a folder that appears whole or not at all
`saving`        pictures, arrays and page into such a folder
`gallery`       the page of all pictures
==============  ==================================================================
"""

from importlib import import_module
from typing import Any, Final

_HOMES: Final = {
    "architecture": "contents",
    "attention": "contents",
    "everything": "contents",
    "filters": "contents",
    "maps": "contents",
    "why_of": "contents",
    "save": "saving",
    "subject_of": "subject",
    "traces_for": "subject",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, and TensorFlow with it, only then."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
