"""What of some data a run has seen: its own file wherever it is now, traces and earthquakes."""

from pathlib import Path
from typing import Final, NamedTuple

import pandas as pd

from eqt.runs import Run, Setup
from steadkit.catalog import GROUP_COLUMNS, KEY_COLUMNS, columns_of, earthquakes_of, read_table
from steadkit.errors import InputError
from steadkit.manifest import load
from steadkit.sampling import PARTS
from steadkit.schema import EVENT
from steadkit.sources import source_of


class Seen(NamedTuple):
    """Traces that a run was trained on or chosen by, and others of the same earthquakes."""

    traces: int
    of_earthquakes: int

    def summary(self, n_traces: int) -> str:
        """Return one line of text, empty where the run has seen none of the traces."""
        counts = [
            f"{self.traces:,} were trained on or chosen by" if self.traces else "",
            f"{self.of_earthquakes:,} are of earthquakes that were" if self.of_earthquakes else "",
        ]
        seen = " and ".join(filter(None, counts))
        return f"Not independent: of these {n_traces:,} traces {seen}" if seen else ""


NOTHING: Final = Seen(0, 0)


def data_now(run: Run, setup: Setup, data: Path | None) -> Path:
    """Return the path of a run's data, or of other ones.

    Raises
    ------
    InputError
        The run's own data are no longer where they were.
    """
    if data is None and not setup.data.exists():
        raise InputError(
            f"{str(run.folder)!r} was trained on {str(setup.data)!r}, which is not there: "
            "say where it is now with --data"
        )
    return data or setup.data


def is_own(run: Run, setup: Setup, data: Path) -> bool:
    """Return whether data are the run's own, moved or copied elsewhere perhaps."""
    if data.resolve() == setup.data.resolve():
        return True
    names = read_table(source_of(data).csv, KEY_COLUMNS)["trace_name"]
    listed = load(run.split).traces
    return len(names) == len(listed) and set(names) == set(listed)


def seen_among(run: Run, setup: Setup, data: Path, traces: list[str]) -> Seen:
    """Count what a run has seen among some traces of data.

    Its earthquakes are known from these data, and from its own where they are still there.
    """
    manifest = load(run.split)
    used = zip(manifest.traces, manifest.parts, strict=True)
    trained = {name for name, part in used if part in PARTS[:2]}
    table = _earthquakes(data)
    known = _of(table, trained)
    if setup.data.exists() and data.resolve() != setup.data.resolve():
        known |= _of(_earthquakes(setup.data), trained)
    chosen = table[table["trace_name"].isin(set(traces))]
    is_trained = chosen["trace_name"].isin(trained)
    is_known = chosen["earthquake"].isin(known) & ~is_trained
    return Seen(int(is_trained.sum()), int(is_known.sum()))


def _earthquakes(data: Path) -> pd.DataFrame:
    csv = source_of(data).csv
    present = columns_of(csv)
    table = read_table(csv, [*KEY_COLUMNS, *(c for c in GROUP_COLUMNS if c in present)])
    return table.assign(earthquake=earthquakes_of(table))


def _of(table: pd.DataFrame, names: set[str]) -> set[str]:
    """Return the names of the earthquakes of some traces."""
    chosen = table["trace_name"].isin(names) & (table["trace_category"] == EVENT)
    return set(table["earthquake"][chosen])
