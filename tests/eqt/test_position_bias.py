"""The position test: it finds the bias of a picker that has one, and none where there is none."""

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from conftest import as_csv, names_of, row

from eqt.model_io import load_model
from eqt.picking.picks import Thresholds
from eqt.picking.refine import refine_detections
from eqt.position_bias import (
    by_position,
    by_second,
    figures,
    position_section,
    position_test,
    summary,
    write_position_test,
)
from eqt.position_bias.bias import explained_variance
from eqt.position_bias.report import verdicts
from eqt.probabilities import Probabilities, predictor
from steadkit.errors import InputError
from steadkit.pipeline import BatchConfig, BatchLoader
from steadkit.store import Writer
from steadkit.transforms import PRESETS

NAMES = names_of(20, 4)
GAP = 300


@pytest.fixture
def data(tmp_path):
    """Make events whose P is a spike on Z and whose S is one on E, in faint noise."""
    random = np.random.default_rng(0)
    rows = [row(name, 100 * number) for number, name in enumerate(NAMES)]
    with Writer(tmp_path / "data.hdf5") as writer:
        for name, values in zip(NAMES, rows, strict=True):
            waveform = random.normal(size=(6000, 3)).astype(np.float32)
            if name.endswith("_EV"):
                values["p_arrival_sample"] = p = 600.0
                values["s_arrival_sample"] = s = p + GAP
                waveform[int(p), 2] = waveform[int(s), 0] = 1000
            writer.add(name, waveform, values)
    as_csv(rows).to_csv(tmp_path / "data.csv", index=False)
    return BatchLoader(tmp_path / "data.hdf5", NAMES, BatchConfig(7))


def peaked(picks):
    """Give probabilities of one at the picked samples of each trace: P, and S."""
    mean = np.zeros((len(picks), 6000, 3))
    for trace_probabilities, (p, s) in zip(mean, picks, strict=True):
        trace_probabilities[p, 1] = trace_probabilities[s, 2] = 0.9
    return Probabilities(mean)


def spikes_of(waveforms):
    return np.stack([waveforms[..., 2].argmax(axis=1), waveforms[..., 0].argmax(axis=1)], axis=1)


def snapping(waveforms):
    """Pick P on the nearest whole second, and S where it is."""
    spikes = spikes_of(waveforms)
    spikes[:, 0] = np.clip(np.round(spikes[:, 0] / 100) * 100, 0, 5999)
    return peaked(spikes)


def careless(seed=0):
    """Pick both up to 20 samples off, by chance alone."""
    random = np.random.default_rng(seed)

    def predict(waveforms):
        spikes = spikes_of(waveforms)
        return peaked(np.clip(spikes + random.integers(-20, 21, spikes.shape), 0, 5999))

    return predict


def test_every_event_is_placed_where_asked_and_picked_there(data):
    result = position_test(lambda w: peaked(spikes_of(w)), data, positions=(200, 650, 5500, 5900))
    # At 5900 S does not fit.
    p, s = result.rows_of("P"), result.rows_of("S")
    assert p["position"].tolist() == [200, 650, 5500] * 20
    assert p["trace_name"].tolist() == np.repeat(NAMES[:20], 3).tolist()
    for rows, gap in ((p, 0), (s, GAP)):
        np.testing.assert_array_equal(rows["arrival"], rows["position"] + gap)
        np.testing.assert_array_equal(rows["pick"], rows["arrival"])
        assert rows["hit"].all() and not rows["residual"].any()
    assert result.left_out == 0
    assert np.isnan(result.bias["P"]["second"].share)  # nothing to explain


def test_a_picker_that_snaps_to_seconds_is_found_out(data):
    result = position_test(snapping, data, count=30)
    bias = result.bias["P"]["second"]
    assert bias.share > 0.9 and bias.chance == 0.002 and bias.is_real
    # Its S is right, and where in the window P lies does not matter.
    assert np.isnan(result.bias["S"]["second"].share)
    assert not result.bias["P"]["window"].is_real
    p = summary(result).set_index("phase").loc["P"]
    assert p["snapped"] == 1 > 0.03 > summary(result)["snapped"][1]
    assert p["on_seconds"] < 5 < 25 < p["between"]
    folded = by_second(result).query("phase == 'P'").set_index("position")
    assert folded.index.tolist() == [*range(0, 100, 10)]
    assert folded.loc[0, "mean_error"] < 6 and folded.loc[30, "mean_error"] == pytest.approx(30, 2)
    assert folded.loc[30, "mean"] < -25 and folded.loc[70, "mean"] > 25
    said = verdicts(result)
    assert "100% of the hits are picked on a whole second" in said[0]
    assert "P: P's place in the second matters" in said[1]


def test_a_picker_that_is_off_by_chance_has_no_bias(data):
    chances = []
    for seed in range(6):
        result = position_test(careless(seed), data, count=20, seed=seed)
        biases = [result.bias[phase][where] for phase in "PS" for where in ("second", "window")]
        assert all(bias.share < 0.1 for bias in biases)
        chances += [bias.chance for bias in biases]
    # One in twenty of 24 may look real; were the judgement wrong, most would.
    assert sum(chance < 0.05 for chance in chances) <= 4 and max(chances) > 0.5


def test_the_share_is_what_was_put_in():
    random = np.random.default_rng(0)
    traces, places = np.repeat(np.arange(400), 10), random.integers(0, 10, 4000)
    # Half of the variance comes from the place; that each trace has its own mean is no matter.
    effect = np.linspace(-1, 1, 10)[places]
    size = 50 + 10 * traces + effect + random.normal(0, effect.std(), 4000)
    bias = explained_variance(size, traces, places, random)
    assert bias.share == pytest.approx(0.5, abs=0.04) and bias.is_real
    # A trace with a mean of its own that comes at one place only says nothing of the place.
    apart = explained_variance(
        traces * 10.0 + random.normal(0, 1, 4000), traces, traces % 10, random
    )
    assert apart.share < 0.05


def test_positions_follow_from_the_seed_and_go_everywhere(data):
    first, again, other_seed = (
        position_test(careless(), data, count=100, seed=seed) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first.windows, again.windows)
    assert not first.windows["position"].equals(other_seed.windows["position"])
    drawn = first.rows_of("P")["position"].to_numpy()
    assert 100 <= drawn.min() < 150 and 5450 < drawn.max() <= 5500
    counts = np.bincount(drawn % 100 // 10, minlength=10)
    # Chi square of 9 degrees of freedom: mean 9, deviation 4.2.
    assert ((counts - 200) ** 2 / 200).sum() < 9 + 4 * 4.2


def test_misses_and_wrong_picks_are_no_hits(data):
    far = position_test(lambda w: peaked(np.clip(spikes_of(w) - 51, 0, None)), data, count=2)
    assert not far.windows["hit"].any()
    near = position_test(lambda w: peaked(np.clip(spikes_of(w) - 50, 0, None)), data, count=2)
    assert near.windows["hit"].all()
    weak = Thresholds(p=0.95, s=0.5)
    unsure = position_test(snapping, data, count=2, thresholds=weak)
    assert not unsure.rows_of("P")["hit"].any() and unsure.rows_of("S")["hit"].all()
    table = by_position(far)
    assert (table["hit_rate"] == 0).all() and table["mean_error"].isna().all()
    assert verdicts(far) == ["Too few picks are right to judge."]
    assert "&mdash;" in position_section(far)


def test_tables_count_every_window_once(data):
    result = position_test(careless(), data, count=9)
    for table in (by_position(result), by_second(result)):
        assert table.groupby("phase")["windows"].sum().tolist() == [180, 180]
    per = by_position(result, 500).query("phase == 'P'")
    sizes = result.rows_of("P").assign(size=lambda t: t["residual"].abs())
    expected = sizes.groupby(sizes["position"] // 500)["size"].mean()
    np.testing.assert_allclose(per["mean_error"], expected)


def change(records, row, **values):
    """Give one trace other arrivals; the columns that processes share are not written to."""
    for name, value in values.items():
        column = getattr(records, name).copy()
        column[row] = value
        setattr(records, name, column)


def test_an_event_with_p_at_its_start_is_left_out_and_counted(data):
    # Of an event that reaches to the end there is no room in a circle.
    change(data.data_source, 3, p=20.0, coda_end=5900.0)
    result = position_test(careless(), data, positions=(3000, 5500))
    assert result.left_out == 1
    assert NAMES[3] not in result.windows["trace_name"].tolist()
    assert "1 event could not be moved" in position_section(result)


def test_an_event_without_s_counts_for_p(data):
    change(data.data_source, 3, s=np.nan)
    result = position_test(careless(), data, count=2)
    assert len(result.rows_of("P")) == 40 and len(result.rows_of("S")) == 38


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"positions": (6000,)}, "position 6000 must be"),
        ({"positions": (10.5,)}, r"position 10\.5 must be"),
        ({"count": 0}, "0 positions"),
    ],
)
def test_positions_that_cannot_be_are_refused(data, arguments, message):
    with pytest.raises(InputError, match=message):
        position_test(careless(), data, **arguments)


def test_traces_without_events_or_moved_already_are_refused(data):
    noise = BatchLoader(data.data_source.data, NAMES[20:])
    with pytest.raises(InputError, match="no event among the 4 traces"):
        position_test(careless(), noise)
    moved = BatchLoader(
        data.data_source.data, NAMES, BatchConfig(4, augment=PRESETS["uniform"]), seed=0
    )
    with pytest.raises(InputError, match="without augmentation"):
        position_test(careless(), moved)


def test_pictures_section_and_files_show_it(data, tmp_path):
    result = position_test(snapping, data, count=20)
    drawn = figures(result)
    assert list(drawn) == ["window", "second"]
    cloud, running = drawn["second"].axes[0].lines[:2]
    assert len(cloud.get_xdata()) == result.rows_of("P")["hit"].sum()
    # The running median is the saw's tooth: 20 samples late is picked 20 early.
    assert running.get_ydata()[20] == pytest.approx(-20, abs=3)
    text = position_section(result)
    assert text.count("<img") == 2 and "on seconds" in text
    out = tmp_path / "out"
    out.mkdir()
    files = write_position_test(result, out)
    assert sorted(path.name for path in files) == sorted(path.name for path in out.iterdir())
    back = pd.read_csv(out / "position_windows.csv")
    assert back["hit"].mean() == result.windows["hit"].mean()
    with pytest.raises(InputError, match="exists"):
        write_position_test(result, out)
    write_position_test(result, out, overwrite=True)


@lru_cache
def published(path):
    return load_model(path)


def real_events(shared_data):
    """Take 24 real earthquakes."""
    names = [line.rpartition(",")[2] for line in (shared_data / "ncedc_a.csv").read_text().split()]
    events = [name for name in names if name.endswith("_EV")][:24]
    return BatchLoader(shared_data / "ncedc_a.hdf5", events, BatchConfig(24))


def test_the_published_weights_are_biased_on_real_records(shared_data):
    """The finding itself: on whole seconds they pick better than between."""
    batches = real_events(shared_data)
    model = published(shared_data / "eqt_conservative.h5")
    result = position_test(predictor(model), batches, positions=(600, 625, 750, 800))
    errors = by_second(result).query("phase == 'P'").set_index("position")["mean_error"]
    assert errors[0] < 2 and errors[30] > 6 and errors[50] > 4
    assert result.bias["P"]["second"].chance < 0.01


def test_picks_on_real_records_are_refined_by_where_the_signal_begins(shared_data):
    predict = predictor(published(shared_data / "eqt_conservative.h5"))
    plain, better = (
        summary(position_test(picker, real_events(shared_data), count=4)).set_index("phase")
        for picker in (predict, refine_detections(predict))
    )
    assert better.loc["P", "mean_error"] < 0.75 * plain.loc["P", "mean_error"]
    assert (better["hit_rate"] > plain["hit_rate"] - 0.02).all()
