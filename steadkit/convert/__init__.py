"""Exchange with others: SeisBench's format, ObsPy streams, miniSEED, and records of a region.

===================  ==========================================================
`from_seisbench`     a SeisBench data set into STEAD's layout
`to_seisbench`       STEAD files as a SeisBench data set
`streams`            a trace as an ObsPy Stream
`to_miniseed`        traces as miniSEED, their picks as CSV and QuakeML
`region`             miniSEED or SAC records and a pick table into STEAD's layout
`samples`            what is done to the samples: rate, band, minute
`measure`            SNR, coda end, distance and back azimuth
===================  ==========================================================
"""

from steadkit.convert.dataset_writer import Converted, describe_unread, format_skipped
from steadkit.convert.from_records import RegionConfig, from_records
from steadkit.convert.from_seisbench import from_seisbench
from steadkit.convert.streams import stream_of, to_stream
from steadkit.convert.to_miniseed import to_miniseed
from steadkit.convert.to_seisbench import to_seisbench

__all__ = [
    "Converted",
    "RegionConfig",
    "describe_unread",
    "format_skipped",
    "from_records",
    "from_seisbench",
    "stream_of",
    "to_miniseed",
    "to_seisbench",
    "to_stream",
]
