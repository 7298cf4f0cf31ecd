"""Picks and detections of one instrument from its stacked probabilities.

A pick is a peak of its probability that reaches the threshold and stands out of its surroundings by
half of it. A detection has the most probable P, and the most probable S after it; other picks,
inside a detection or outside of all, are kept.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pandas as pd
from obspy import UTCDateTime
from scipy.signal import peak_prominences

from eqt.picking.candidates import Peaks, PickCandidates, extract_candidates
from eqt.picking.continuous import (
    NS_PER_SAMPLE,
    ComponentRecords,
    StackedProbabilities,
    cut_waveform,
    cut_waveforms,
)
from eqt.picking.picks import Detection, Thresholds
from eqt.picking.refine import refine_peaks
from eqt.probabilities import Probabilities
from steadkit.errors import InputError
from steadkit.records.instruments import Instrument
from steadkit.records.measure import SNR_WINDOW, snr_db
from steadkit.schema import COMPONENTS

PHASES: Final = ("P", "S")

PICK_COLUMNS: Final = (
    "network",
    "station",
    "location",
    "channel",
    "phase",
    "time",
    "probability",
    "uncertainty",
    "snr_db",
    "amplitude",
    "detection_id",
)
"""Columns of picks; times are ns since 1970, UTC, amplitudes counts between 1 and 45 Hz."""

DETECTION_COLUMNS: Final = (
    "network",
    "station",
    "location",
    "instrument",
    "detection_id",
    "start",
    "end",
    "probability",
    "uncertainty",
    "p_time",
    "s_time",
)

CHUNK: Final = 1000
"""Arrivals whose waveforms are measured together: 12 MB."""

AMPLITUDE_SAMPLES: Final = 200
"""Samples after a pick in which its peak amplitude is measured."""

PROMINENCE_WINDOW: Final = 6001
"""Samples around a peak in which its prominence is measured: a minute."""

PHASE_COMPONENTS: Final = {"P": "Z", "S": "EN"}
"""Components that a phase is read on, where they are recorded."""

ToVelocity = Callable[[np.ndarray, int, Mapping[str, str]], np.ndarray]
"""Maps a waveform in counts, shape (n, 3), the time of its first sample in ns and the channel code
of each component to the waveform in m/s."""

RESPONSE_LEAD: Final = 1000
"""Samples in front of a pick, and behind what is measured, for the removal of a response."""


@dataclass(frozen=True)
class PickingConfig:
    """Settings of continuous picking.

    Parameters
    ----------
    thresholds
        Minimum probabilities of detections and picks.
    overlap
        Share of a window by which the next one overlaps it.
    stacking
        ``mean``, weighted less towards a window's edges, or ``max`` of overlapping windows.
    refine
        Whether picks are moved to the onset near them, see `eqt.picking.refine`.
    floor
        Minimum probability of a candidate, a pick at thresholds that are chosen later.
    mc_samples, seed
        Passes with Monte Carlo dropout and its seed, see `eqt.probabilities.window_predictor`; 0
        for a single pass without dropout.
    """

    thresholds: Thresholds = field(default_factory=lambda: Thresholds(0.3, 0.1, 0.1))
    overlap: float = 0.5
    stacking: str = "mean"
    refine: bool = True
    floor: float = 0.02
    mc_samples: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.floor <= min(self.thresholds.p, self.thresholds.s):
            raise InputError(
                f"a floor of {self.floor:g} is not between 0 and the thresholds of picks "
                f"({self.thresholds.p:g}, {self.thresholds.s:g}): lower it"
            )


def pick_station(
    stacked: StackedProbabilities,
    records: ComponentRecords,
    instrument: Instrument,
    channels: Mapping[str, str],
    config: PickingConfig,
    to_velocity: ToVelocity | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find detections and arrivals in the stacked probabilities of one instrument.

    Parameters
    ----------
    stacked
        See `eqt.picking.continuous.stack_probabilities`.
    records
        The records it was made from, for times, amplitudes, SNR and refinement.
    instrument
        Codes of the instrument.
    channels
        Channel code by component.
    config
        Thresholds and other settings.
    to_velocity
        For amplitudes in m/s; without it they are in counts.

    Returns
    -------
    arrivals
        `PICK_COLUMNS` and ``is_pick``: false for candidates between the floor and the thresholds.
        In order of time.
    detections
        `DETECTION_COLUMNS`, in order of time.
    """
    candidates, picks = _candidates(stacked, records, config)
    detections = picks.detections(config.thresholds)[0]
    codes = dict(zip(Instrument._fields, instrument, strict=True))
    codes = {name: codes[name] for name in ("network", "station", "location")}
    table = _detection_table(detections, stacked.first, records, instrument, codes)
    arrivals = pd.concat(
        [
            _arrivals(phase, peaks, kept, stacked.first, records, channels, to_velocity)
            for phase, peaks, kept in (
                ("P", candidates.p, picks.p),
                ("S", candidates.s, picks.s),
            )
        ]
    )
    arrivals["detection_id"] = _ids_of(arrivals, detections, table["detection_id"])
    arrivals = arrivals.assign(**codes).sort_values(["time", "phase"], kind="stable")
    return arrivals[[*PICK_COLUMNS, "is_pick"]].reset_index(drop=True), table


def _candidates(
    stacked: StackedProbabilities, records: ComponentRecords, config: PickingConfig
) -> tuple[PickCandidates, PickCandidates]:
    """Return all candidates and those that are picks at the thresholds."""
    level = config.thresholds
    std = None if stacked.std is None else stacked.std[np.newaxis]
    extracted = extract_candidates(
        [Probabilities(stacked.mean[np.newaxis], std)],
        Thresholds(level.detection, config.floor, config.floor),
        grid=(),
    )
    candidates, picks = {}, {}
    for column, (name, threshold) in enumerate((("p", level.p), ("s", level.s)), start=1):
        peaks: Peaks = getattr(extracted, name)
        prominence = _prominences(stacked.mean[:, column], peaks.sample)
        if config.refine:
            sample = refine_peaks(
                peaks.sample,
                peaks.probability,
                stacked.mean[:, column],
                lambda start, n: cut_waveform(records, stacked.first + start, n),
                column,
            )
            peaks = peaks._replace(sample=sample)
        is_candidate = prominence >= config.floor / 2
        is_pick = (peaks.probability >= threshold) & (prominence >= threshold / 2)
        candidates[name], picks[name] = (
            _select(peaks, is_kept) for is_kept in (is_candidate, is_pick)
        )
    return (
        replace(extracted, p=candidates["p"], s=candidates["s"]),
        replace(extracted, p=picks["p"], s=picks["s"]),
    )


def _prominences(probability: np.ndarray, samples: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        # Where the record ends on a slope, its last sample is a candidate, with a prominence of 0.
        warnings.filterwarnings("ignore", "some peaks have a prominence of 0")
        prominences: np.ndarray = peak_prominences(probability, samples, PROMINENCE_WINDOW)[0]
    return prominences


def _select(peaks: Peaks, is_kept: np.ndarray) -> Peaks:
    """Return some of the peaks in order of time, of several at one sample the most probable.

    Refinement may have changed their order, and moved one to the sample of another.
    """
    rows = np.flatnonzero(is_kept)
    rows = rows[np.lexsort((-peaks.probability[rows], peaks.sample[rows]))]
    rows = rows[np.diff(peaks.sample[rows], prepend=-1) > 0]
    return Peaks(*(values[rows] for values in peaks))


def _times(samples: np.ndarray, first: int, records: ComponentRecords) -> np.ndarray:
    """Return times in ns by the clock of the record: Z's, else that of N or E."""
    nominal = (first + np.asarray(samples, np.int64)) * NS_PER_SAMPLE
    times = nominal.copy()
    for component in COMPONENTS:  # Z last: its clock counts
        if not records.get(component):
            continue
        numbers = records[component].number_at(nominal)
        for number in np.unique(numbers).tolist():
            record = records[component][number]
            inside = (numbers == number) & (nominal >= record.start) & (nominal <= record.end)
            times[inside] = record.times(record.indices(nominal[inside]))
    return times


def _detection_table(
    detections: list[Detection],
    first: int,
    records: ComponentRecords,
    instrument: Instrument,
    codes: Mapping[str, str],
) -> pd.DataFrame:
    samples = {
        "start": [detection.start for detection in detections],
        "end": [detection.end for detection in detections],
        "p_time": [detection.p.sample if detection.p else -1 for detection in detections],
        "s_time": [detection.s.sample if detection.s else -1 for detection in detections],
    }
    values: dict[str, object] = {
        name: pd.array(_times(np.array(column, np.int64), first, records), "Int64")
        for name, column in samples.items()
    }
    table = pd.DataFrame(values)
    for name in ("p_time", "s_time"):
        table.loc[np.array(samples[name], int) < 0, name] = pd.NA
    table["probability"] = [detection.probability for detection in detections]
    table["uncertainty"] = [
        np.nan if detection.uncertainty is None else detection.uncertainty
        for detection in detections
    ]
    table["instrument"] = instrument.receiver_type
    # By the nominal time of its first sample: the same in both days that see it.
    nominal = [(first + start) * NS_PER_SAMPLE for start in samples["start"]]
    table["detection_id"] = [
        ".".join(instrument) + UTCDateTime(ns=time).strftime(".%Y%m%dT%H%M%S%f") for time in nominal
    ]
    return table.assign(**codes)[[*DETECTION_COLUMNS]]


def _arrivals(
    phase: str,
    peaks: Peaks,
    picks: Peaks,
    first: int,
    records: ComponentRecords,
    channels: Mapping[str, str],
    to_velocity: ToVelocity | None,
) -> pd.DataFrame:
    samples = first + peaks.sample
    # In chunks, of which each has its waveforms in memory; one at least, for the columns.
    measures = pd.concat(
        [
            _measure(phase, samples[begin : begin + CHUNK], records, channels, to_velocity)
            for begin in range(0, max(len(samples), 1), CHUNK)
        ],
        ignore_index=True,
    )
    return measures.assign(
        phase=phase,
        sample=peaks.sample,
        time=_times(peaks.sample, first, records),
        probability=peaks.probability,
        uncertainty=peaks.uncertainty,
        is_pick=np.isin(peaks.sample, picks.sample),
    )


def _measure(
    phase: str,
    samples: np.ndarray,
    records: ComponentRecords,
    channels: Mapping[str, str],
    to_velocity: ToVelocity | None,
) -> pd.DataFrame:
    """Return SNR, peak amplitude and channel of arrivals at samples since 1970."""
    if not len(samples):
        return pd.DataFrame({"snr_db": [], "amplitude": [], "channel": []})
    letters = [c for c in PHASE_COMPONENTS[phase] if c in channels] or [*channels]
    columns = [COMPONENTS.index(letter) for letter in letters]
    waveforms = cut_waveforms(records, samples - SNR_WINDOW, 2 * SNR_WINDOW)
    # Components that are not recorded, or not around the arrival, have no SNR.
    decibels = snr_db(waveforms, SNR_WINDOW, np.nan)
    is_live = np.ptp(waveforms, axis=1) > 0
    n_live = is_live.sum(axis=1)
    snr = np.where(n_live > 0, (decibels * is_live).sum(axis=1) / n_live.clip(1), np.nan)
    peaks = np.abs(waveforms[:, SNR_WINDOW : SNR_WINDOW + AMPLITUDE_SAMPLES]).max(axis=1)
    loudest = peaks[:, columns].argmax(axis=1)
    if to_velocity is not None:
        peaks = np.array(
            [_peak_velocity(sample, records, channels, to_velocity) for sample in samples.tolist()]
        )
    return pd.DataFrame(
        {
            "snr_db": snr.round(1),
            "amplitude": _highest(peaks),
            "channel": [channels[letters[number]] for number in loudest.tolist()],
        }
    )


def _highest(peaks: np.ndarray) -> np.ndarray:
    """Return the highest of the components' peaks, NaN where none is known."""
    is_known = ~np.isnan(peaks)
    return np.where(is_known.any(axis=1), np.where(is_known, peaks, 0).max(axis=1), np.nan)


def _peak_velocity(
    sample: int, records: ComponentRecords, channels: Mapping[str, str], to_velocity: ToVelocity
) -> np.ndarray:
    """Return the peak velocity of each component after a sample."""
    start, length = sample - RESPONSE_LEAD, 2 * RESPONSE_LEAD + AMPLITUDE_SAMPLES
    velocity = to_velocity(cut_waveform(records, start, length), start * NS_PER_SAMPLE, channels)
    signal = velocity[RESPONSE_LEAD : RESPONSE_LEAD + AMPLITUDE_SAMPLES]
    return np.abs(signal).max(axis=0)


def _ids_of(arrivals: pd.DataFrame, detections: list[Detection], names: pd.Series) -> list[str]:
    """Return the detection of each arrival: the one whose P or S it is, else the one it is in."""
    ids = {
        (phase, pick.sample): name
        for detection, name in zip(detections, names, strict=True)
        for phase, pick in (("P", detection.p), ("S", detection.s))
        if pick
    }
    starts = np.array([detection.start for detection in detections])
    samples = arrivals["sample"].to_numpy()
    # The last detection that starts no later.
    number = np.searchsorted(starts, samples, side="right") - 1
    return [
        ids.get((phase, sample))
        or (names.iloc[i] if i >= 0 and sample <= detections[i].end else "")
        for phase, sample, i in zip(
            arrivals["phase"], samples.tolist(), number.tolist(), strict=True
        )
    ]
