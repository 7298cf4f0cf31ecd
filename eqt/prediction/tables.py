"""stub."""
from dataclasses import dataclass
from typing import NamedTuple
import pandas as pd
TABLE_NAMES = ("picks.csv", "detections.csv", "candidates.parquet", "unused.csv", "coverage.csv")
@dataclass(frozen=True)
class TableContext:
    stations: dict
    digest: str
    amplitude_unit: str
class TableCounts(NamedTuple):
    picks: int
    detections: int
    candidates: int
    units: int
def write_tables(units, folder, context):
    units = list(units)
    a = pd.concat([u.arrivals for u in units])
    d = pd.concat([u.detections for u in units])
    a[a.is_pick].drop(columns="is_pick").to_csv(folder/"picks.csv", index=False)
    a.to_parquet(folder/"candidates.parquet")
    d.to_csv(folder/"detections.csv", index=False)
    pd.concat([u.unused for u in units]).to_csv(folder/"unused.csv", index=False)
    pd.concat([u.coverage for u in units]).to_csv(folder/"coverage.csv", index=False)
    return TableCounts(int(a.is_pick.sum()), len(d), len(a), len(units))
