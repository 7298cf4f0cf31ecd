"""Thresholds of a prediction: published, as an evaluation has chosen them, or given."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from eqt.picking.picks import Thresholds
from steadkit.errors import InputError
from steadkit.paths import NUMBER, OBJECT, read_json, value_at

PUBLISHED: Final = Thresholds(detection=0.3, p=0.1, s=0.1)
"""EQTransformer's and SeisBench's for continuous records."""

METRICS: Final = "metrics.json"
"""File of an evaluation that has its thresholds."""


def find_thresholds(origin: str, weights: Path, explicit: Mapping[str, float | None]) -> Thresholds:
    """Return the thresholds of detection, P and S.

    Parameters
    ----------
    origin
        ``published``; or the folder of an evaluation whose choice is used, ``evaluation`` for that
        of the run `weights`.
    weights
        A run folder or a file of weights.
    explicit
        Values by output that are used instead, None for those that are not.

    Raises
    ------
    InputError
        There is no such evaluation, or a threshold is not between 0 and 1.
    """
    thresholds = PUBLISHED if origin == "published" else _of_evaluation(origin, weights)
    return replace(thresholds, **{k: v for k, v in explicit.items() if v is not None})


def _of_evaluation(origin: str, weights: Path) -> Thresholds:
    folder = weights / "evaluation" if origin == "evaluation" else Path(origin)
    path = folder / METRICS
    if not path.is_file():
        raise InputError(
            f"no evaluation {str(folder)!r} to take thresholds from: run eqt evaluate first, or "
            "use --thresholds published"
        )
    record = value_at(read_json(path), "thresholds", OBJECT, str(path))
    return Thresholds(
        **{name: value_at(record, name, NUMBER, str(path)) for name in vars(PUBLISHED)}
    )
