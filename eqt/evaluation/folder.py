"""Files of an evaluation folder, and how such a folder is recognised."""

import json
from pathlib import Path

PROOF = "metrics.json"
"""A folder with this file, and a ``study`` entry in it, is an evaluation."""

POSITION = (
    "position_windows.csv",
    "position.csv",
    "position_second.csv",
    "position_summary.csv",
    "position_window.png",
    "position_second.png",
)
"""Files that the position test adds; see `eqt.position_bias.write`."""

FILES = (
    "X_test_results.csv",
    "picks.csv",
    "detections.csv",
    "traces.csv",
    "study.csv",
    "residuals.png",
    "examples.png",
    "worst.png",
    "report.html",
    *POSITION,
    PROOF,
)
"""Files that an evaluation writes; any other file in the folder is foreign and is kept."""


def files_of(folder: Path) -> tuple[str, ...] | None:
    """Return the names of the files of an evaluation; None if the folder is no evaluation."""
    try:
        content = json.loads((folder / PROOF).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return FILES if isinstance(content, dict) and "study" in content else None
