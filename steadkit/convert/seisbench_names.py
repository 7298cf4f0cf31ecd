"""Column names of SeisBench's data sets for each column of STEAD.

SeisBench's own copy of STEAD uses the first name of each entry; its other data sets use the
others. A column that STEAD lacks is kept under SeisBench's name.

Sources: the metadata parameters in SeisBench's documentation and its data set classes; Woollam
et al. (2022), SeisBench, a toolbox for machine learning in seismology, SRL 93(3),
doi:10.1785/0220210324; for PNW Ni et al. (2023), Seismica 2(1), doi:10.26443/seismica.v2i1.368; for
INSTANCE Michelini et al. (2021), ESSD 13, doi:10.5194/essd-13-5509-2021; for CEED Zhu et al.
(2025), arXiv:2502.11500.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from steadkit.catalog import SOURCE_LIST

NAMES: Final[Mapping[str, Sequence[str]]] = {
    "network_code": ("station_network_code",),
    "receiver_code": ("station_code",),
    "receiver_type": (
        "trace_channel",
        "station_channel",
        "station_type",
        "station_channel_code",  # PNW
        "station_channels",  # INSTANCE
        "station_instrument",  # CEED
    ),
    "receiver_latitude": ("station_latitude_deg",),
    "receiver_longitude": ("station_longitude_deg",),
    "receiver_elevation_m": ("station_elevation_m",),
    "p_arrival_sample": tuple(
        f"trace_{phase}_arrival_sample" for phase in ("p", "P", "Pg", "Pn", "Pb", "P1")
    ),
    "p_status": (
        *(f"trace_{phase}_status" for phase in ("p", "P", "Pg", "Pn", "Pb", "P1")),
        "trace_eval_P",  # INSTANCE
    ),
    "p_weight": ("trace_p_weight", "trace_P_weight"),
    "p_travel_sec": ("path_p_travel_sec", "path_p_travel_s", "path_travel_time_P_s"),
    "s_arrival_sample": tuple(
        f"trace_{phase}_arrival_sample" for phase in ("s", "S", "Sg", "Sn", "Sb", "S1")
    ),
    "s_status": (
        *(f"trace_{phase}_status" for phase in ("s", "S", "Sg", "Sn", "Sb", "S1")),
        "trace_eval_S",  # INSTANCE
    ),
    "s_weight": ("trace_s_weight", "trace_S_weight"),
    "source_id": ("source_id", "event_id", SOURCE_LIST),
    "source_origin_time": ("source_origin_time",),
    "source_origin_uncertainty_sec": (
        "source_origin_uncertainty_sec",
        "source_origin_uncertainty_s",  # INSTANCE
    ),
    "source_latitude": ("source_latitude_deg",),
    "source_longitude": ("source_longitude_deg",),
    "source_error_sec": ("source_error_sec", "source_stderror_s"),
    "source_gap_deg": ("source_gap_deg",),
    "source_horizontal_uncertainty_km": ("source_horizontal_uncertainty_km",),
    "source_depth_km": ("source_depth_km",),
    "source_depth_uncertainty_km": ("source_depth_uncertainty_km",),
    # PNW's preferred magnitude: as its files call it, and as its description does.
    "source_magnitude": (
        "source_magnitude",
        "preferred_source_magnitude",
        "source_magnitude_preferred",
    ),
    "source_magnitude_type": (
        "source_magnitude_type",
        "preferred_source_magnitude_type",
        "source_magnitude_type_preferred",
    ),
    "source_magnitude_author": ("source_magnitude_author",),
    "source_mechanism_strike_dip_rake": ("source_mechanism_strike_dip_rake",),
    "source_distance_deg": ("source_distance_deg", "path_ep_distance_deg"),
    "source_distance_km": ("source_distance_km", "path_ep_distance_km"),
    "back_azimuth_deg": ("path_back_azimuth_deg", "path_backazimuth_deg"),
    "snr_db": ("trace_snr_db",),
    "coda_end_sample": ("trace_coda_end_sample",),
    "trace_start_time": ("trace_start_time",),
    "trace_category": ("trace_category",),
}
"""STEAD's columns without the trace name, which in SeisBench's format locates the samples."""

ARRIVALS: Final = ("p_arrival_sample", "s_arrival_sample")
"""Label columns: a trace is left out where one of them cannot be read."""

SPLITS: Final[Mapping[str, str]] = {"train": "train", "dev": "validation", "test": "test"}
"""Splits of a manifest by SeisBench's name."""

SAMPLING: Final[Mapping[str, str]] = {
    "trace_sampling_rate_hz": "100.0",
    "trace_dt_s": "0.01",
    "trace_npts": "6000",
}
"""Columns that describe the samples, with their values in STEAD's layout."""

FORMAT_COLUMNS: Final = ("trace_name", "trace_name_original", "trace_component_order", "split")
"""Columns of the format itself; name and split of a trace are kept elsewhere."""
