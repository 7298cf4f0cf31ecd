"""Probabilities and picks of Streams, as the functions and as methods of the class."""

import numpy as np
import pandas as pd
import pytest
from continuous_records import earthquake_times, record
from loud_network import LOUD, save_loud_network
from obspy import Stream

import eqt
from eqt.picking.picks import Thresholds
from eqt.picking.station_picks import PickingConfig
from steadkit.errors import InputError

START = "2024-02-03T05:00:00"
PICKING = PickingConfig(Thresholds(0.3, 0.3, 0.3), floor=0.2)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = save_loud_network(tmp_path_factory.mktemp("model") / "loud.keras", LOUD)
    return eqt.EQTransformer.from_pretrained(path)


@pytest.fixture(scope="module")
def stream() -> Stream:
    times = earthquake_times(START, 60, 200)
    return record(START, 240, times) + record(START, 240, times, "BH", 40.0, "XX.DEF.10")


def test_probabilities_are_traces_of_each_station(model, stream):
    raw = stream.copy()
    probabilities = model.annotate(stream)
    assert {trace.id for trace in probabilities} == {
        f"{station}.EQTransformer_{name}"
        for station in ("XX.ABC.", "XX.DEF.10")
        for name in ("Detection", "P", "S")
    }
    for trace in probabilities:
        assert trace.stats.sampling_rate == 100
        assert 0 <= trace.data.min() <= trace.data.max() <= 1
        assert abs(trace.stats.npts - 24_000) <= 3
    assert stream == raw  # the user's records are not changed
    same = eqt.annotate(stream, model)
    assert all(np.array_equal(a.data, b.data) for a, b in zip(same, probabilities, strict=True))


def test_picks_are_objects_and_a_table(model, stream):
    found = model.classify(stream, config=PICKING)
    table = found.picks.to_dataframe()
    assert len(found.picks) == len(table) > 5
    assert [pick.station for pick in found.picks] == table["station"].tolist()
    assert isinstance(table["time"].dtype, pd.DatetimeTZDtype)
    assert (table["probability"] >= 0.3).all()
    assert set(table["phase"]) == {"P", "S"}
    detections = found.detections.to_dataframe()
    assert (detections["end"] >= detections["start"]).all()
    assert str(len(table)) in repr(found.picks)


def test_picks_are_peaks_of_the_probabilities(model, stream):
    config = PickingConfig(Thresholds(0.3, 0.3, 0.3), floor=0.2, refine=False)
    one = stream.select(station="ABC")
    probabilities = model.annotate(one, config=config).select(channel="EQTransformer_P")[0]
    for pick in eqt.classify(one, model, config).picks:
        if pick.phase == "P":
            sample = round((pick.time.timestamp() - probabilities.stats.starttime.timestamp) * 100)
            assert probabilities.data[sample] == pytest.approx(pick.probability, abs=1e-6)


def test_monte_carlo_needs_a_network_with_dropout(model, stream):
    config = PickingConfig(mc_samples=2)
    with pytest.raises(InputError, match="spatial dropout"):
        model.classify(stream, config=config)


@pytest.mark.parametrize(
    ("channel", "rate"), [("LHZ", 1.0), ("LOG", 100.0), ("HMZ", 100.0), ("HDF", 100.0)]
)
def test_streams_without_ground_motion_are_refused_in_one_line(model, channel, rate):
    records = record(START, 120, (), {"Z": channel}, rate)
    with pytest.raises(InputError, match="no record that can be picked"):
        model.annotate(records)
