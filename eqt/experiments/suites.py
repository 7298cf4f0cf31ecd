"""The study's three suites: their networks, data and training settings, and its claims on them.

The claims of improvement over EQT (the study's section 2) are copied literally: the number that it
names, and the columns that it lists, whose count may differ from the number.
"""

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
        suite_networks(self.suite)
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


def make_settings(
    suite: str, data: Path | None, quick: bool, changes: Mapping[str, Any]
) -> Settings:
    """Return the settings of a suite, full or quick, with the user's changes.

    Parameters
    ----------
    suite, data
        See `Settings`.
    quick
        Whether to use ``QUICK`` and ``QUICK_TRACES``.
    changes
        Fields of the training; None keeps the default.

    >>> make_settings("merged", None, True, {"epochs": 2, "seed": None}).training.epochs
    2
    """
    changed = {name: value for name, value in changes.items() if value is not None}
    training = replace(QUICK if quick else FULL, **changed)
    return Settings(suite, data, training, QUICK_TRACES if quick else None)


def suite_networks(suite: str) -> list[str]:
    """List the networks of a suite, the reference first.

    >>> suite_networks("merged")
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


@dataclass(frozen=True)
class StudyClaim:
    """Claim of the study on one network compared with EQT.

    Parameters
    ----------
    suite, network
        Suite and name of the network.
    number, of
        "Better in `number` parameters out of `of`"; `of` is None where the study does not say.
    columns
        The columns that the study lists, in its order.
    """

    suite: str
    network: str
    number: int
    of: int | None
    columns: tuple[str, ...]


_CLAIMS: Final = {
    ("merged", 25): {
        "BCLOS": (
            19,
            "det_recall det_precision d_fp d_tn d_fn s_recall s_precision s_mae s_rmse s_fp s_fn "
            "p_recall p_precision p_mae p_rmse p_tp p_fp p_tn p_fn",
        ),
        "BC": (9, "det_recall d_fn s_rmse s_tn p_precision p_mae p_rmse p_fp p_tn"),
        "Partial Vanilla": (9, "det_recall d_fn s_mae s_rmse s_tn p_recall p_mae p_rmse p_fn"),
        "BO": (6, "det_recall s_mae s_rmse s_tn p_mae p_rmse"),
    },
    ("micro", 24): {
        "nb_filters_changed_EQTUtils": (
            13,
            "det_recall d_tp d_fp p_recall p_mae p_tp p_fp s_recall s_mae s_rmse s_tp s_fp",
        ),
        "kernel_size_changed": (
            11,
            "det_recall det_precision d_tp p_recall p_precision p_mae p_tp s_precision s_tp s_fn",
        ),
        "nb_filters_changed_trainer": (
            12,
            "det_recall det_precision d_tp p_recall p_precision p_tp s_recall s_precision s_mae "
            "s_rmse s_tp",
        ),
    },
    ("mini", None): {
        "Salvation": (5, "det_recall d_tp d_fn s_mae s_rmse"),
        "Genesis": (5, "det_recall d_tp d_fn s_mae s_rmse"),
        "Vanilla": (6, "p_precision p_fp p_tn s_precision s_fp s_tn"),
        "GRU": (8, "det_recall d_tp d_fn p_recall p_tp p_fn s_mae s_rmse"),
        "4x4": (8, "det_recall d_tp d_fn p_recall p_tp p_fn s_mae s_rmse"),
        "2LSTM": (10, "det_recall d_tp d_fn p_recall p_mae p_rmse p_tp p_fn s_mae s_rmse"),
    },
}

CLAIMS: Final = tuple(
    StudyClaim(suite, network, number, n_columns, tuple(columns.split()))
    for (suite, n_columns), networks in _CLAIMS.items()
    for network, (number, columns) in networks.items()
)

COUPLED_COLUMNS: Final = tuple(
    columns
    for long, short in (("det", "d"), ("p", "p"), ("s", "s"))
    for columns in (
        (f"{long}_recall", f"{short}_tp", f"{short}_fn"),
        (f"{short}_fp", f"{short}_tn"),
    )
)
"""Columns that are better or worse together if all networks are evaluated on the same traces.

Events are true positives or false negatives, noise is false positives or true negatives.
"""


def suite_claims(suite: str) -> dict[str, StudyClaim]:
    """Return the claims on a suite, by network."""
    return {claim.network: claim for claim in CLAIMS if claim.suite == suite}


def inconsistencies(claim: StudyClaim) -> list[str]:
    """Return descriptions of the inconsistencies of a claim with the study's definitions.

    >>> inconsistencies(suite_claims("micro")["kernel_size_changed"])[0]
    'says 11, lists 10 columns'
    """
    descriptions = []
    if claim.number != len(claim.columns):
        descriptions.append(f"says {claim.number}, lists {len(claim.columns)} columns")
    for columns in COUPLED_COLUMNS:
        listed = [column for column in columns if column in claim.columns]
        unlisted = [column for column in columns if column not in claim.columns]
        if listed and unlisted:
            descriptions.append(
                f"lists {' and '.join(listed)} without {' and '.join(unlisted)}, which go together "
                "where all networks see the same traces"
            )
    return descriptions
