"""The folder of an evaluation: what it holds, and how one is told from others."""

import json
from pathlib import Path

PROOF = "metrics.json"
"""A folder with this file, and the study's columns in it, is an evaluation."""

POSITION = (
    "position_windows.csv",
    "position.csv",
    "position_second.csv",
    "position_summary.csv",
    "position_window.png",
    "position_second.png",
)
"""What the position test writes besides; see `eqt.position_bias.write`."""

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
"""What an evaluation writes; other files in its folder are somebody else's."""


def files_of(folder: Path) -> tuple[str, ...] | None:
    """List what an evaluation has written; None if the folder is none."""
    try:
        content = json.loads((folder / PROOF).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return FILES if isinstance(content, dict) and "study" in content else None
