"""Conversion from and to other formats: SeisBench, ObsPy streams, miniSEED, local records.

===================  ==========================================================
`from_seisbench`     a SeisBench data set into STEAD's layout
`to_seisbench`       STEAD files as a SeisBench data set
`streams`            a trace as an ObsPy Stream
`to_miniseed`        traces as miniSEED, their picks as CSV and QuakeML
`from_records`       miniSEED or SAC records and a pick table into STEAD's layout
`record_windows`     windows of events and noise cut from records, with their rows
`dataset_writer`     streams traces into a new data set
`seisbench_files`    chunks, layout and samples of SeisBench's format
`seisbench_plan`     name, category and split of each trace, before samples are read
`seisbench_columns`  column names of SeisBench's data sets; a row as a row of STEAD
===================  ==========================================================

Reading of records, picks, stations and times: `steadkit.records`.
"""

from steadkit.convert.dataset_writer import Converted, describe_unread, format_skipped
from steadkit.convert.from_records import from_records
from steadkit.convert.from_seisbench import from_seisbench
from steadkit.convert.record_windows import RecordsConfig
from steadkit.convert.streams import read_stream, to_stream
from steadkit.convert.to_miniseed import to_miniseed
from steadkit.convert.to_seisbench import to_seisbench

__all__ = [
    "Converted",
    "RecordsConfig",
    "describe_unread",
    "format_skipped",
    "from_records",
    "from_seisbench",
    "read_stream",
    "to_miniseed",
    "to_seisbench",
    "to_stream",
]
