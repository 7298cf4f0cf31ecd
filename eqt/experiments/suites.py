"""The study's three suites: their networks, data and training settings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from eqt.config import TrainConfig
from eqt.presets import PRESETS
from eqt.quickstart import BATCH_SIZE, LEARNING_RATE
from steadkit.errors import InputError
from steadkit.presets import load_preset
from steadkit.schema import EVENT

REFERENCE = "EQT"
"""The baseline of all comparisons."""

SUBSETS: Final = {"merged": "merged", "micro": "steadmicro", "mini": "steadmini"}
"""The suites, and the subset of STEAD that the study trained each on."""

FULL: Final = TrainConfig(augment="eqt")
"""The published training settings."""

QUICK: Final = TrainConfig(
    epochs=8,
    batch_size=BATCH_SIZE,
    learning_rate=LEARNING_RATE,
    schedule="cosine",
    augment="none",
    train="0.60",
    validation="0.05",
    test="0.35",
)
"""Settings for some minutes per network on two cores: small batches, and a larger learning rate
that decays to nearly 0. A third of the traces is the test split: with fewer, intervals are too wide
to decide anything.
"""

QUICK_TRACES = 4000
"""Maximum number of traces of a quick experiment, events and noise together."""


@dataclass(frozen=True)
class Settings:
    """Settings of an experiment except the number of seeds; equal settings give equal figures.

    Parameters
    ----------
    suite
        One of ``SUBSETS``.
    data
        The STEAD file; None simulates one, with the share of events that the study's subset has.
    training
        Training of every network; its seed is the first one, and that of subset and split.
    traces
        Size of the subset taken of larger data; None takes all.
    """

    suite: str
    data: Path | None
    training: TrainConfig
    traces: int | None = None

    def __post_init__(self) -> None:
        networks_of(self.suite)
        if self.data is None and self.traces is None:
            raise InputError(
                "no data to experiment on: name a STEAD file with --data, or use --quick, "
                "which simulates some"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a dictionary for JSON."""
        return {
            "suite": self.suite,
            "data": None if self.data is None else str(self.data.resolve()),
            "traces": self.traces,
            "training": self.training.to_dict(),
        }


def settings_of(suite: str, data: Path | None, quick: bool, changes: Mapping[str, Any]) -> Settings:
    """Return the settings of a suite, full or quick, with the user's changes.

    Parameters
    ----------
    suite, data
        See `Settings`.
    quick
        Whether to use ``QUICK`` and ``QUICK_TRACES``.
    changes
        Fields of the training; None keeps the default.

    >>> settings_of("merged", None, True, {"epochs": 2, "seed": None}).training.epochs
    2
    """
    changed = {name: value for name, value in changes.items() if value is not None}
    training = replace(QUICK if quick else FULL, **changed)
    return Settings(suite, data, training, QUICK_TRACES if quick else None)


def networks_of(suite: str) -> list[str]:
    """List the networks of a suite, the reference first.

    >>> networks_of("merged")
    ['EQT', 'BCLOS', 'BC', 'Partial Vanilla', 'BO']
    """
    if suite not in SUBSETS:
        raise InputError(f"unknown suite {suite!r}: use one of {', '.join(SUBSETS)}")
    names = [name for name, network_preset in PRESETS.items() if suite in network_preset.trained_on]
    return sorted(names, key=lambda name: name != REFERENCE)


def simulated_counts(suite: str, traces: int) -> tuple[int, int]:
    """Divide a number of traces into events and noise in the ratio of the study's subset.

    >>> simulated_counts("merged", 4000), simulated_counts("micro", 4000)
    ((1837, 2163), (3256, 744))
    """
    expected = load_preset(SUBSETS[suite]).expected
    events = round(traces * Fraction(expected[EVENT], sum(expected.values())))
    return events, traces - events
