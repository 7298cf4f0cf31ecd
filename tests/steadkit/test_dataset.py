"""Data sets: the same traces as the commands, read lazily, each step a changed copy."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import names_of, refused, waveform

import steadkit
from steadkit.errors import InputError
from steadkit.manifest import load
from steadkit.pipeline import BatchConfig
from steadkit.transforms import normalize

NAMES = names_of(24, 12)


@pytest.fixture
def traces(stead):
    return steadkit.open_dataset(stead("data.hdf5", NAMES).hdf5)


def test_what_is_opened_is_what_is_there(traces):
    assert len(traces) == 36
    assert traces.names == NAMES
    assert traces.metadata["p_arrival_sample"].iloc[1] == 601.0
    assert np.isnan(traces.metadata["p_arrival_sample"].iloc[30])
    np.testing.assert_array_equal(traces.get_waveforms(), [waveform(name) for name in NAMES])


def test_the_default_is_that_of_the_commands(stead, monkeypatch, tmp_path):
    stead("merge.hdf5", NAMES)
    monkeypatch.setenv("STEAD_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path.parent)
    assert steadkit.open_dataset().names == NAMES


@pytest.mark.parametrize(
    ("which", "names"),
    [
        (slice(2, 5), NAMES[2:5]),
        ([5, -1, 0], [NAMES[5], NAMES[-1], NAMES[0]]),
        ([NAMES[7], NAMES[3]], [NAMES[7], NAMES[3]]),
        (np.arange(36) % 10 == 0, NAMES[::10]),
        ([], []),
    ],
    ids=["slice", "numbers", "names", "mask", "none"],
)
def test_indexing_takes_traces_in_the_order_asked_for(traces, which, names):
    selected = traces[which]
    assert selected.names == names
    assert selected.metadata["trace_name"].tolist() == names
    expected = np.array([waveform(name) for name in names]).reshape(-1, 6000, 3)
    np.testing.assert_array_equal(selected.get_waveforms(), expected)
    np.testing.assert_array_equal(traces.get_waveforms(which), expected)
    assert len(traces) == 36, "the original has changed"


def test_a_mask_of_the_metadata(traces):
    late = traces[traces.metadata["p_arrival_sample"] > 620]
    assert late.names == NAMES[21:24]
    assert late[[0]][[0]].names == NAMES[21:22]


@pytest.mark.parametrize("which", [np.ones(3, bool), [99], [1.5]], ids=str)
def test_what_takes_nothing_sensible_is_refused(traces, which):
    with pytest.raises(InputError):
        traces[which]


@pytest.mark.parametrize("which", [36, -37, "none of them"])
def test_a_trace_that_is_not_there(traces, which):
    with pytest.raises(IndexError, match="36"):
        traces[which]


def test_one_trace(traces):
    trace = traces[NAMES[3]]
    assert (trace.name, trace.is_event) == (NAMES[3], True)
    assert (trace.p_arrival_sample, trace.s_arrival_sample, trace.coda_end_sample) == (
        603.0,
        903.0,
        2000.0,
    )
    np.testing.assert_array_equal(trace.snr_db, [20.0, 21.0, 22.5])
    np.testing.assert_array_equal(trace.waveform, waveform(NAMES[3]))
    samples, row = traces.get_sample(3)
    np.testing.assert_array_equal(samples, trace.waveform)
    assert row["source_id"] == "source1"


def test_iterating_reads_every_trace_once_in_order(traces):
    noise = traces.where("trace_category == 'noise'")
    seen = list(noise)
    assert [trace.name for trace in seen] == NAMES[24:]
    for trace in seen:
        np.testing.assert_array_equal(trace.waveform, waveform(trace.name))
        assert np.isnan(trace.p_arrival_sample)


def test_several_files_are_one_collection(stead):
    first = stead("a.hdf5", NAMES[:20])
    second = stead("b.hdf5", NAMES[20:])
    merged = steadkit.open_dataset(first.hdf5, second.hdf5)
    assert merged.names == NAMES
    np.testing.assert_array_equal(merged[[30, 2]].get_waveforms()[0], waveform(NAMES[30]))
    waveforms, _ = merged[[30, 2]].batches().batch(0)
    np.testing.assert_allclose(waveforms[0], normalize(waveform(NAMES[30])), atol=1e-5)


def test_a_trace_in_two_files_is_refused(stead):
    first, second = stead("a.hdf5", NAMES[:20]), stead("b.hdf5", NAMES[19:])
    with pytest.raises(InputError, match="merge them first"):
        len(steadkit.open_dataset(first.hdf5, second.hdf5))


def test_the_same_subset_as_the_command_makes(traces, run, tmp_path):
    saved = traces.subset(0.5, seed=3).save("mine.hdf5")
    result = run("steadkit", "subset", "data.hdf5", "--fraction", "0.5", "--seed", "3", "-o", "x")
    assert result.exit_code == 0, result.output
    for suffix in ("hdf5", "csv"):
        assert (tmp_path / f"mine.{suffix}").read_bytes() == (tmp_path / f"x.{suffix}").read_bytes()
    saved_again, x = (load(tmp_path / f"{name}.manifest") for name in ("mine", "x"))
    assert replace(saved_again, name="x") == x and saved_again.csv == x.csv
    assert saved.names == traces.subset(0.5, seed=3).names
    refused(run("steadkit", "subset", "data.hdf5", "--fraction", "0.5", "-o", "x"), "exists")


def test_a_condition_keeps_the_order(traces):
    assert traces.where("p_arrival_sample >= 610 and p_arrival_sample < 613").names == NAMES[10:13]
    with pytest.raises(InputError, match="p_arival"):
        traces.where("p_arival_sample > 0")


def test_a_split_keeps_earthquakes_together(traces, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cut = traces.subset(count=30).split(shares="0.5,0.25,0.25")
    parts = [cut.get_split(name) for name in ("train", "validation", "test")]
    assert sorted(name for part in parts for name in part.names) == sorted(cut.names)
    events = [set(part.metadata["source_id"]) - {""} for part in parts]
    assert not (events[0] & events[1] or events[0] & events[2] or events[1] & events[2])
    cut.save("cut.hdf5")
    manifest = load(tmp_path / "cut.manifest")
    assert list(manifest.splits) == cut.splits.tolist()
    assert manifest.recipe["operation"] == "split"
    assert manifest.recipe["before"][0]["count"] == 30
    with pytest.raises(InputError, match="split first"):
        traces.get_split("train")


def test_batches_for_training(traces):
    batches = traces.subset(0.5).batches(BatchConfig(batch_size=4))
    waveforms, targets = batches.batch(0)
    assert waveforms.shape == (4, 6000, 3)
    assert set(targets) == {"detector", "picker_P", "picker_S"}
