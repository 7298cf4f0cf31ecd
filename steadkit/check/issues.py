"""Table of data quality issues: code, severity, meaning and remedy."""

from dataclasses import dataclass
from typing import Final

ERROR: Final = "error"
WARNING: Final = "warning"
SUSPICIOUS: Final = "suspect"
SEVERITIES: Final = (ERROR, WARNING, SUSPICIOUS)
"""Provably wrong; usable with care; suspicious by a heuristic."""

TABLE: Final = "table"
SAMPLES: Final = "samples"
ATTRIBUTES: Final = "attributes"
"""Where an issue shows: in the CSV, in the waveforms, in the HDF5 attributes."""


@dataclass(frozen=True)
class Issue:
    """Data quality issue.

    Parameters
    ----------
    code
        Name on the command line and in the findings.
    severity
        ``error``, ``warning`` or ``suspect``.
    shows_in
        ``table``, ``samples`` or ``attributes``.
    meaning
        What is wrong.
    expected
        What a sound trace has instead.
    remedy
        What can be done about it.
    repairs
        Columns that can be computed from other columns.
    usual
        Whether a check looks for it by default.
    """

    code: str
    severity: str
    shows_in: str
    meaning: str
    expected: str
    remedy: str
    repairs: tuple[str, ...] = ()
    usual: bool = True


DROP = "drop it"
CORRECT = "correct the CSV or drop it"

_ROWS = (
    # The CSV cannot be understood, or contradicts itself.
    Issue(
        "malformed-value",
        ERROR,
        TABLE,
        "a number or a time that cannot be read",
        "a number, or a time such as 2006-07-23 15:59:00.96",
        CORRECT,
    ),
    Issue(
        "name-category",
        ERROR,
        TABLE,
        "the name ends in _EV or _NO, and trace_category says the other",
        "_EV for earthquake_local, _NO for noise",
        "look at the waveform, then correct or drop it",
    ),
    Issue(
        "arrivals-missing",
        ERROR,
        TABLE,
        "an event with neither P nor S",
        "P and S samples",
        "pick it or drop it",
    ),
    Issue("s-without-p", ERROR, TABLE, "an event with S but no P", "a P sample", "pick P or drop"),
    Issue("s-missing", ERROR, TABLE, "an event with P but no S", "an S sample", "pick S or drop"),
    Issue(
        "coda-missing",
        WARNING,
        TABLE,
        "an event without coda_end_sample",
        "a coda end",
        "measure it, or train without augmentation that needs it",
    ),
    Issue(
        "noise-with-arrivals",
        ERROR,
        TABLE,
        "noise that has a P, S or coda sample",
        "none in noise",
        "look at the waveform, then correct or drop it",
    ),
    Issue("p-outside", ERROR, TABLE, "P outside the trace", "0 to 5999", CORRECT),
    Issue("s-outside", ERROR, TABLE, "S outside the trace", "0 to 5999", CORRECT),
    Issue("coda-outside", ERROR, TABLE, "coda end outside the trace", "0 to 6000", CORRECT),
    Issue("s-before-p", ERROR, TABLE, "S at or before P", "P before S", CORRECT),
    Issue(
        "coda-before-s",
        WARNING,
        TABLE,
        "coda ends before S",
        "S before coda end",
        "measure it anew",
    ),
    Issue("origin-after-p", ERROR, TABLE, "origin time after P", "origin before P", CORRECT),
    Issue(
        "travel-time",
        ERROR,
        TABLE,
        "p_travel_sec is not P's time less the origin time",
        "start + P - origin",
        "find out which of the three is wrong, or drop it",
    ),
    Issue(
        "coordinates-outside",
        ERROR,
        TABLE,
        "a latitude or longitude that does not exist",
        "latitude -90 to 90, longitude -180 to 180",
        CORRECT,
    ),
    Issue(
        "magnitude-outside",
        ERROR,
        TABLE,
        "a magnitude no local earthquake has",
        "-4 to 10",
        CORRECT,
    ),
    Issue(
        "distance-units",
        ERROR,
        TABLE,
        "source_distance_deg and source_distance_km disagree",
        "111.19 km a degree",
        "--fix computes it from the coordinates",
        ("source_distance_deg",),
    ),
    Issue(
        "distance-coordinates",
        ERROR,
        TABLE,
        "source_distance_km is not that between the coordinates",
        "the distance on WGS84",
        "--fix computes it from the coordinates",
        ("source_distance_km", "source_distance_deg"),
    ),
    Issue(
        "back-azimuth-reversed",
        ERROR,
        TABLE,
        "back_azimuth_deg points from source to station",
        "the azimuth from station to source",
        "--fix computes it from the coordinates",
        ("back_azimuth_deg",),
    ),
    Issue(
        "back-azimuth-off",
        ERROR,
        TABLE,
        "back_azimuth_deg is neither to the source nor away from it",
        "the azimuth from station to source",
        "--fix computes it from the coordinates",
        ("back_azimuth_deg",),
    ),
    Issue(
        "default-depth",
        SUSPICIOUS,
        TABLE,
        "a depth of exactly 33, 5 or 10 km: likely set, not located",
        "a located depth",
        "do not use its depth",
    ),
    Issue(
        "weak-component",
        SUSPICIOUS,
        TABLE,
        "the SNR of a component is 20 dB or more below the best one's",
        "components alike in SNR",
        "look at the waveform: a component may be faulty",
    ),
    Issue(
        "duplicate-window",
        WARNING,
        TABLE,
        "same station, instrument and start time as another trace",
        "one trace",
        "keep one of them",
    ),
    # The waveforms.
    Issue("missing-waveform", ERROR, SAMPLES, "in the CSV, not in the HDF5", "a dataset", DROP),
    Issue(
        "unlisted-waveform",
        WARNING,
        SAMPLES,
        "in the HDF5, not in the CSV",
        "a row in the CSV",
        "add its row; no command sees it without",
    ),
    Issue(
        "unreadable-waveform",
        ERROR,
        SAMPLES,
        "damaged, or not 6000 x 3 float32",
        "6000 x 3 float32",
        "take it from the original file or drop it",
    ),
    Issue("not-finite", ERROR, SAMPLES, "NaN or infinity", "finite samples", DROP),
    Issue("dead-trace", ERROR, SAMPLES, "no component varies", "samples that vary", DROP),
    Issue(
        "dead-component",
        WARNING,
        SAMPLES,
        "one or two components do not vary",
        "samples that vary",
        "keep it only where a missing component is meant",
    ),
    Issue(
        "gap",
        WARNING,
        SAMPLES,
        "a component stays at one value for a second or more",
        "samples that vary",
        "use it only for what lies outside the gap",
    ),
    Issue(
        "clipped",
        WARNING,
        SAMPLES,
        "samples pile up at the largest or smallest value",
        "peaks",
        "do not use its amplitudes",
    ),
    Issue(
        "identical-components",
        WARNING,
        SAMPLES,
        "components that are copies of one another",
        "three records",
        "keep it only where one component is enough",
    ),
    Issue(
        "duplicate-waveform",
        ERROR,
        SAMPLES,
        "the same samples as another trace",
        "one trace",
        "keep one of them",
    ),
    Issue(
        "second-event",
        SUSPICIOUS,
        SAMPLES,
        "energy rises again after the coda: perhaps a second earthquake",
        "a decaying coda",
        "look at the waveform",
        usual=False,
    ),
    Issue(
        "unlabelled-event",
        SUSPICIOUS,
        SAMPLES,
        "energy rises in noise: perhaps an earthquake",
        "steady noise",
        "look at the waveform",
        usual=False,
    ),
    # The attributes.
    Issue(
        "attributes-unreadable",
        ERROR,
        ATTRIBUTES,
        "attributes that are damaged, or of a kind that is not supported",
        "the CSV's columns",
        "take it from the original file or drop it",
    ),
    Issue(
        "attributes-missing",
        WARNING,
        ATTRIBUTES,
        "columns that the CSV has and the attributes lack",
        "the CSV's columns",
        "read the CSV, not the attributes",
    ),
    Issue(
        "attributes-differ",
        ERROR,
        ATTRIBUTES,
        "the attributes say otherwise than the CSV",
        "the CSV's value",
        "find out which is right, or drop it",
    ),
)

ISSUES: Final = {issue.code: issue for issue in _ROWS}
"""Every issue by its code."""
