"""Probabilities, picks and detections of ObsPy Streams: `annotate` and `classify`.

Raw counts go in. They are resampled to 100 Hz, band-passed from 1 to 45 Hz as STEAD's waveforms
are, and normalised window by window as the network was trained. Of several instruments of a station
one is used, see `steadkit.records.instruments`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import keras
import numpy as np
import pandas as pd
from obspy import Stream, Trace, UTCDateTime

from eqt.picking.continuous import (
    NS_PER_SAMPLE,
    ComponentRecords,
    StackedProbabilities,
    stack_probabilities,
    step_samples,
)
from eqt.picking.station_picks import PickingConfig, pick_station
from eqt.probabilities import WindowPredict, window_predictor
from steadkit.errors import InputError
from steadkit.records.gapless import Piece, Unused, gapless_records
from steadkit.records.instruments import (
    Instrument,
    choose_components,
    choose_instruments,
    clean_location,
    reject_channel,
    split_channel,
)
from steadkit.schema import SAMPLING_RATE

CHANNELS: Final = ("EQTransformer_Detection", "EQTransformer_P", "EQTransformer_S")
"""Channel codes of the probabilities in a Stream, which are SeisBench's."""

TIME_COLUMNS: Final = ("time", "start", "end", "p_time", "s_time")


class Picks:
    """Picks or detections: a sequence of named tuples, or a table."""

    def __init__(self, table: pd.DataFrame, name: str) -> None:
        self._table, self._name = table, name

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[Any]:
        return self._table.itertuples(index=False, name=self._name)

    def __repr__(self) -> str:
        return f"{len(self)} x {self._name}\n{self._table}"

    def to_dataframe(self) -> pd.DataFrame:
        """Return a table; times are datetime64 in UTC."""
        return self._table.copy()


@dataclass(frozen=True)
class Classification:
    """Picks and detections of a Stream, in order of station and time, and what was not used."""

    picks: Picks
    detections: Picks
    unused: list[tuple[str, Unused]]


class StationRecords(NamedTuple):
    """Filtered records of one instrument, its channel codes by component, what is not used."""

    instrument: Instrument
    records: ComponentRecords
    channels: dict[str, str]
    unused: list[tuple[str, Unused]]


def annotate(
    stream: Stream,
    model: keras.Model,
    config: PickingConfig = PickingConfig(),  # noqa: B008 - frozen
    normalization: str = "std",
    all_instruments: bool = False,
) -> Stream:
    """Return the probabilities of a Stream of raw records.

    Parameters
    ----------
    stream
        Records of any stations, rates of 1 to 1000 Hz, in counts; it is not changed.
    model
        A network of `eqt.build_model` or `eqt.load_model`.
    config
        Overlap and stacking of windows.
    normalization
        As the network was trained, see `steadkit.transforms.normalize`.
    all_instruments
        Whether every instrument of a station is used, not only the best.

    Returns
    -------
    obspy.Stream
        For each gapless stretch of each instrument three traces at 100 Hz, whose channels are
        ``EQTransformer_Detection``, ``EQTransformer_P`` and ``EQTransformer_S``.

    Raises
    ------
    InputError
        No record can be used.
    """
    probabilities = Stream()
    for station, stacked in _stacked(stream, model, config, normalization, all_instruments):
        probabilities += probability_traces(stacked, station.instrument)
    return probabilities


def probability_traces(
    stacked: StackedProbabilities,
    instrument: Instrument,
    channels: Sequence[str] = CHANNELS,
) -> Stream:
    """Return probabilities as traces, three for each stretch that is recorded.

    Parameters
    ----------
    stacked
        Of one instrument.
    instrument
        Its codes.
    channels
        Channel codes of detection, P and S.
    """
    probabilities = Stream()
    edges = np.flatnonzero(np.diff(stacked.is_recorded, prepend=False, append=False))
    for start, end in edges.reshape(-1, 2).tolist():
        header = {
            "network": instrument.network,
            "station": instrument.station,
            "location": instrument.location,
            "sampling_rate": SAMPLING_RATE,
            "starttime": UTCDateTime(ns=(stacked.first + start) * NS_PER_SAMPLE),
        }
        for column, channel in enumerate(channels):
            values = stacked.mean[start:end, column].copy()
            probabilities.append(Trace(values, header | {"channel": channel}))
    return probabilities


def classify(
    stream: Stream,
    model: keras.Model,
    config: PickingConfig = PickingConfig(),  # noqa: B008 - frozen
    normalization: str = "std",
    all_instruments: bool = False,
) -> Classification:
    """Return the picks and detections of a Stream of raw records.

    Parameters
    ----------
    stream, model, config, normalization, all_instruments
        See `annotate`.

    Returns
    -------
    Classification
        ``picks`` and ``detections``, each with ``to_dataframe()``.

    Raises
    ------
    InputError
        No record can be used.
    """
    picks, detections, unused = [], [], []
    for station, stacked in _stacked(stream, model, config, normalization, all_instruments):
        arrivals, found = pick_station(
            stacked, station.records, station.instrument, station.channels, config
        )
        picks.append(arrivals[arrivals["is_pick"]].drop(columns="is_pick"))
        detections.append(found)
        unused += station.unused
    return Classification(
        Picks(_with_times(pd.concat(picks, ignore_index=True)), "Pick"),
        Picks(_with_times(pd.concat(detections, ignore_index=True)), "Detection"),
        unused,
    )


def _with_times(table: pd.DataFrame) -> pd.DataFrame:
    times = {
        name: pd.to_datetime(table[name], unit="ns", utc=True)
        for name in TIME_COLUMNS
        if name in table
    }
    return table.assign(**times)


def _stacked(
    stream: Stream,
    model: keras.Model,
    config: PickingConfig,
    normalization: str,
    all_instruments: bool,
) -> Iterator[tuple[StationRecords, StackedProbabilities]]:
    predict_station = window_predictor(model, config.mc_samples, config.seed)
    for station in station_records(stream, all_instruments):
        predict = predict_station(".".join(station.instrument))
        yield station, stack_station(predict, station.records, config, normalization)


def stack_station(
    predict: WindowPredict, records: ComponentRecords, config: PickingConfig, normalization: str
) -> StackedProbabilities:
    """Stack the probabilities of all records of one instrument."""
    pieces = [record for component in records.values() for record in component]
    first = min(record.start for record in pieces) // NS_PER_SAMPLE
    last = max(record.end for record in pieces) // NS_PER_SAMPLE
    return stack_probabilities(
        predict,
        records,
        (first, last + 2),
        step_samples(config.overlap),
        normalization,
        config.stacking,
    )


def station_records(stream: Stream, all_instruments: bool = False) -> list[StationRecords]:
    """Sort the traces of a Stream by instrument, choose instruments, and prepare their records.

    Parameters
    ----------
    stream
        Raw records in counts.
    all_instruments
        Whether every instrument of a station is used, not only the best.

    Raises
    ------
    InputError
        No record can be used.
    """
    pieces: dict[Instrument, dict[str, list[tuple[str, Piece]]]] = {}
    reasons = []
    for trace in stream:
        stats = trace.stats
        reason = reject_channel(stats.channel, stats.sampling_rate)
        if reason or not stats.npts:
            reasons.append(reason or "records without samples")
            continue
        receiver_type, letter = split_channel(stats.channel)
        codes = (stats.network.strip(), stats.station.strip(), clean_location(stats.location))
        samples: np.ndarray = np.ma.filled(np.ma.asarray(trace.data, dtype=float), np.nan)
        piece = Piece(stats.starttime.ns, float(stats.sampling_rate), samples)
        of_instrument = pieces.setdefault(Instrument(*codes, receiver_type), {})
        of_instrument.setdefault(letter, []).append((stats.channel, piece))
    stations = [
        prepared
        for instrument in _chosen(pieces, all_instruments)
        if (prepared := _prepare(instrument, pieces[instrument])).records
    ]
    if not stations:
        detail = f": {', '.join(sorted(set(reasons)))}" if reasons else ""
        raise InputError(
            f"the Stream of {len(stream)} traces has no record that can be picked{detail}; give "
            "records of ground motion of a second or more"
        )
    return stations


def _chosen(
    pieces: dict[Instrument, dict[str, list[tuple[str, Piece]]]], all_instruments: bool
) -> list[Instrument]:
    if all_instruments:
        return sorted(pieces)
    amounts = {}
    for instrument, letters in pieces.items():
        of_all = [piece for channel in letters.values() for _, piece in channel]
        seconds = sum(len(piece.samples) / piece.rate for piece in of_all)
        amounts[instrument] = (max(piece.rate for piece in of_all), seconds)
    return list(choose_instruments(amounts))


def _prepare(instrument: Instrument, letters: dict[str, list[tuple[str, Piece]]]) -> StationRecords:
    records, channels, unused = {}, {}, []
    for component, letter in choose_components(letters).items():
        channel = letters[letter][0][0]
        gapless, rejected = gapless_records([piece for _, piece in letters[letter]])
        unused += [(channel, stretch) for stretch in rejected]
        if gapless:
            records[component], channels[component] = gapless, channel
    return StationRecords(instrument, records, channels, unused)
