"""The folder of an evaluation: what it holds, and how one is told from others."""

from pathlib import Path

PROOF = "metrics.json"
"""A folder with this file is an evaluation."""

FILES = (
    "picks.csv",
    "detections.csv",
    "traces.csv",
    "study.csv",
    "residuals.png",
    "examples.png",
    "worst.png",
    "report.html",
    PROOF,
)
"""What an evaluation writes; other files in its folder are somebody else's."""


def files_of(folder: Path) -> tuple[str, ...] | None:
    """List what an evaluation has written; None if the folder is none."""
    return FILES if (folder / PROOF).is_file() else None
