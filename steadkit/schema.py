"""What STEAD looks like on disk: columns, units, shapes, categories and HDF5 paths.

Source: Mousavi, Sheng, Zhu and Beroza (2019), STanford EArthquake Dataset (STEAD): A Global
Data Set of Seismic Signals for AI, IEEE Access 7, doi:10.1109/ACCESS.2019.2947848.
"""

from typing import Final

SAMPLING_RATE: Final = 100.0
"""Samples per second."""

N_SAMPLES: Final = 6000
"""Samples in a trace: one minute."""

COMPONENTS: Final = ("E", "N", "Z")
"""The order of the columns of a waveform."""

TRACE_SHAPE: Final = (N_SAMPLES, len(COMPONENTS))
"""Shape of one waveform, in counts, stored as float32."""

EVENT: Final = "earthquake_local"
NOISE: Final = "noise"
CATEGORIES: Final = (EVENT, NOISE)

DATA_GROUP: Final = "data"
"""The HDF5 group that holds one dataset per trace, ``data/<trace_name>``."""

MISSING: Final = ("", "None", "nan", "NaN")
"""How the CSV and the attributes write a value that is not known."""

COLUMNS: Final = (
    "network_code",
    "receiver_code",
    "receiver_type",
    "receiver_latitude",
    "receiver_longitude",
    "receiver_elevation_m",
    "p_arrival_sample",
    "p_status",
    "p_weight",
    "p_travel_sec",
    "s_arrival_sample",
    "s_status",
    "s_weight",
    "source_id",
    "source_origin_time",
    "source_origin_uncertainty_sec",
    "source_latitude",
    "source_longitude",
    "source_error_sec",
    "source_gap_deg",
    "source_horizontal_uncertainty_km",
    "source_depth_km",
    "source_depth_uncertainty_km",
    "source_magnitude",
    "source_magnitude_type",
    "source_magnitude_author",
    "source_mechanism_strike_dip_rake",
    "source_distance_deg",
    "source_distance_km",
    "back_azimuth_deg",
    "snr_db",
    "coda_end_sample",
    "trace_start_time",
    "trace_category",
    "trace_name",
)
"""The 35 columns of the CSV, in its order; the same names are attributes of each dataset."""

TEXT_COLUMNS: Final = (
    "network_code",
    "receiver_code",
    "receiver_type",
    "p_status",
    "s_status",
    "source_id",
    "source_origin_time",
    "source_magnitude_type",
    "source_magnitude_author",
    "source_mechanism_strike_dip_rake",
    "trace_start_time",
    "trace_category",
    "trace_name",
)
"""Columns that are text even where they look like numbers (``source_id``, a station ``1845``)."""

ARRAY_COLUMNS: Final = ("snr_db", "coda_end_sample")
"""Columns that hold an array in brackets: one SNR per component, and the coda end as 1 x 1."""
