"""What an evaluation's traces are, a row each, for evaluations that were written without."""

from pathlib import Path

import pandas as pd

from steadkit.catalog import earthquakes_of, read_table, tidy
from steadkit.files import write_text
from steadkit.schema import COLUMNS, COMPONENTS, SAMPLING_RATE
from steadkit.sources import source_of

KNOWN = ("source_distance_km", "source_magnitude", "source_depth_km")


def complete(evaluation: Path, data: Path) -> None:
    """Write ``traces.csv`` into an evaluation folder that has none, in the order of its picks."""
    target = evaluation / "traces.csv"
    if target.exists():
        return
    names = pd.read_csv(evaluation / "picks.csv", usecols=["trace_name"], dtype=str)["trace_name"]
    table = read_table(source_of(data).csv).reindex(columns=list(COLUMNS), fill_value="")
    table = table.set_index("trace_name", drop=False).loc[names.tolist()].reset_index(drop=True)
    typed = tidy(table)
    rows = pd.DataFrame(
        {
            "trace_name": typed["trace_name"],
            "trace_category": typed["trace_category"],
            "earthquake": earthquakes_of(table),
            "station": typed["network_code"] + "." + typed["receiver_code"],
            "p_s": typed["p_arrival_sample"] / SAMPLING_RATE,
            "s_s": typed["s_arrival_sample"] / SAMPLING_RATE,
            "snr_db": typed[[f"snr_db_{component}" for component in COMPONENTS]].mean(axis=1),
            **{name: typed[name] for name in KNOWN},
        }
    )
    write_text(target, rows.to_csv(index=False))
