"""Trace sources and packs: storage layouts, arrivals at the edges, out-of-date packs."""

import os
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import as_csv, names_of, row, waveform

from steadkit.atomic import atomic_write
from steadkit.errors import InputError
from steadkit.manifest import load
from steadkit.pipeline import BatchConfig, BatchLoader, TraceSource, pack_dataset, to_tf_dataset
from steadkit.transforms import PRESETS

NAMES = names_of(5, 3)


def write(path, dtype="f4", scale=1.0, rows=None, **options):
    """Write a STEAD file with h5py, stored in some other way."""
    rows = rows or [row(name, number) for number, name in enumerate(NAMES)]
    with h5py.File(path, "w") as file:
        for name, values in zip(NAMES, rows, strict=True):
            samples = (waveform(name) * np.float32(scale)).astype(dtype)
            dataset = file.create_dataset(f"data/{name}", data=samples, **options)
            dataset.attrs.update(values)
    as_csv(rows).to_csv(path.with_suffix(".csv"), index=False)
    return path


def batch(path, **options):
    return BatchLoader(path, NAMES, BatchConfig(8, **options), seed=0).batch(0)


WAYS = {
    "chunked and compressed": {"chunks": (600, 3), "compression": "gzip"},
    "shuffled": {"chunks": (6000, 1), "shuffle": True, "compression": "lzf"},
    "big-endian": {"dtype": ">f4"},
}


@pytest.mark.parametrize("way", ["chunked and compressed", "shuffled"])
def test_other_storage_gives_the_same_batches(tmp_path, way):
    plain = batch(write(tmp_path / "a.hdf5"), augment=PRESETS["robust"])
    stored = batch(write(tmp_path / "b.hdf5", **WAYS[way]), augment=PRESETS["robust"])
    np.testing.assert_array_equal(plain[0], stored[0])
    for name, values in plain[1].items():
        np.testing.assert_array_equal(values, stored[1][name])


def test_samples_that_are_not_in_one_piece_are_in_the_order_of_the_table(tmp_path):
    records = TraceSource([write(tmp_path / "a.hdf5", **WAYS["shuffled"])], NAMES[::-1])
    assert [records.names[number] for number in records.file_order] == NAMES
    config = BatchConfig(3, shuffle_block=3)
    blocks = [
        BatchLoader(data, config=config, seed=0)
        for data in (records, TraceSource(records.data, NAMES))
    ]
    np.testing.assert_array_equal(*(batches.batch(1)[0] for batches in blocks))


@pytest.mark.parametrize("dtype", ["f8", "i4", ">f4"])
def test_another_type_is_refused_by_name(tmp_path, dtype):
    with pytest.raises(InputError, match=f"{NAMES[0]}.*float32"):
        batch(write(tmp_path / "a.hdf5", dtype))


@pytest.mark.parametrize("augment", [None, PRESETS["eqt"], PRESETS["robust"]])
@pytest.mark.parametrize("scale", [0, 1e-30, 1e9, 1e30])
def test_any_amplitude_gives_finite_batches(tmp_path, scale, augment):
    waveforms, targets = batch(write(tmp_path / "a.hdf5", scale=scale), augment=augment)
    assert np.isfinite(waveforms).all()
    assert (waveforms == 0).all() == (scale == 0)
    if augment is None and scale:
        np.testing.assert_allclose(waveforms.std(axis=1), 1, atol=1e-4)
    assert targets["picker_P"].max() == 1


@pytest.mark.parametrize("augment", [None, PRESETS["eqt"]])
def test_arrivals_at_the_edges_and_missing_ones(tmp_path, augment):
    rows = [row(name, number) for number, name in enumerate(NAMES)]
    rows[0] |= {"p_arrival_sample": 5999.0, "s_arrival_sample": "", "coda_end_sample": ""}
    rows[1] |= {"s_arrival_sample": "", "coda_end_sample": ""}
    rows[2] |= {"p_arrival_sample": 0.0, "s_arrival_sample": 5999.0, "coda_end_sample": ""}
    data = BatchLoader(
        write(tmp_path / "a.hdf5", rows=rows), NAMES, BatchConfig(8, augment=augment), seed=0
    )
    waveforms, targets = data.batch(0)
    place = data.trace_numbers(0).tolist().index
    p, s, detector = (targets[n][..., 0] for n in ("picker_P", "picker_S", "detector"))
    # None of them has room to move, or it is not known where it ends.
    assert p[place(0)].argmax() == 5999 and p[place(0)].sum() < 14
    assert s[place(0)].max() == 0 and np.flatnonzero(detector[place(0)]).tolist() == [5999]
    assert p[place(1)].argmax() == 601 and s[place(1)].max() == 0
    assert np.flatnonzero(detector[place(1)])[[0, -1]].tolist() == [601, 1601]
    assert p[place(2)].argmax() == 0 and s[place(2)].argmax() == 5999
    assert detector[place(2)].all()
    assert np.isfinite(waveforms).all()


@pytest.mark.parametrize("end", ["nan", "3", "1e11", "[[ 2000.]]"])
def test_a_coda_end_that_cannot_be_does_no_harm(tmp_path, end):
    rows = [row(name, number) | {"coda_end_sample": end} for number, name in enumerate(NAMES)]
    path = write(tmp_path / "a.hdf5", rows=rows)
    data = BatchLoader(path, NAMES, BatchConfig(8, augment=PRESETS["robust"]), seed=0)
    for example in data.examples(0):
        assert all(0 <= p < s < 6000 for p, s in zip(example.p, example.s, strict=True))


@pytest.mark.parametrize("end", ["inf", "-inf", "1e300", "1_000", "soon"])
def test_a_coda_end_that_is_no_number_is_refused(tmp_path, end):
    rows = [row(name, number) | {"coda_end_sample": end} for number, name in enumerate(NAMES)]
    with pytest.raises(InputError, match=r"coda_end_sample = .* a number is needed"):
        TraceSource([write(tmp_path / "a.hdf5", rows=rows)], NAMES)


@pytest.mark.parametrize(
    ("gone", "column"), [("snr_db", "coda_end"), ("coda_end_sample", "snr_db")]
)
def test_each_column_that_augmentation_asks_for_is_read_for_itself(tmp_path, gone, column):
    """Else a table without a coda end would lose its SNR, and the augmentation be off unsaid."""
    path = write(tmp_path / "a.hdf5")
    whole = TraceSource([path], NAMES)
    table = pd.read_csv(path.with_suffix(".csv"), dtype=str, keep_default_na=False)
    table.drop(columns=gone).to_csv(path.with_suffix(".csv"), index=False)
    data = TraceSource([path], NAMES)
    np.testing.assert_array_equal(getattr(data, column), getattr(whole, column))
    assert np.isnan(getattr(data, gone.removesuffix("_sample"))).all()
    assert not np.isnan(getattr(whole, column)).all()


def test_a_table_without_coda_end_and_snr_will_do(tmp_path):
    path = write(tmp_path / "a.hdf5")
    text = path.with_suffix(".csv").read_text()
    header, _, rest = text.partition("\n")
    header = header.replace("snr_db", "x_db").replace("coda_end_sample", "x_end")
    path.with_suffix(".csv").write_text(f"{header}\n{rest}")
    records = TraceSource([path], NAMES)
    assert np.isnan(records.snr_db).all() and np.isnan(records.coda_end).all()
    assert batch(path, augment=PRESETS["eqt"])[1]["picker_P"].max() == 1


def test_a_file_that_has_become_shorter(tmp_path):
    path = write(tmp_path / "a.hdf5")
    data = BatchLoader(path, NAMES, BatchConfig(8))
    os.truncate(path, 100_000)
    with pytest.raises(InputError, match="shorter"):
        data.batch(0)


def test_a_pack_is_the_same_and_is_made_once(tmp_path):
    path = write(tmp_path / "a.hdf5", chunks=(600, 3), compression="gzip")
    target = pack_dataset(path, tmp_path / "pack.hdf5", NAMES[::-1])
    inode = target.stat().st_ino
    assert list(load(target.with_suffix(".manifest")).traces) == NAMES[::-1]
    np.testing.assert_array_equal(batch(target)[0], batch(path)[0])
    assert pack_dataset(path, tmp_path / "pack.hdf5", NAMES[::-1]).stat().st_ino == inode


@pytest.mark.parametrize("change", ["traces", "data", "lost"])
def test_a_stale_pack_is_made_anew(tmp_path, change):
    path = write(tmp_path / "a.hdf5")
    target = pack_dataset(path, tmp_path / "pack.hdf5")
    names = NAMES[:4] if change == "traces" else NAMES
    if change == "data":
        write(path, scale=2)
    elif change == "lost":
        target.with_suffix(".csv").unlink()
    assert pack_dataset(path, target, names) == target
    data = TraceSource([target], names)
    samples = np.empty((len(names), 6000, 3), np.float32)
    data.read(np.arange(len(names)), samples)
    factor = np.float32(2 if change == "data" else 1)
    np.testing.assert_array_equal(samples, [waveform(name) * factor for name in names])


def test_what_is_no_pack_is_never_replaced(tmp_path, stead):
    path = write(tmp_path / "a.hdf5")
    stored = stead("other.hdf5")
    before = stored.hdf5.read_bytes()
    with pytest.raises(InputError, match="not a pack"):
        pack_dataset(path, stored.hdf5)
    assert stored.hdf5.read_bytes() == before
    with pytest.raises(InputError, match="no trace 'X_EV'"):
        pack_dataset(path, tmp_path / "pack.hdf5", ["X_EV"])
    assert not list(tmp_path.glob("pack*"))


def test_one_process_packs_at_a_time(tmp_path):
    path = write(tmp_path / "a.hdf5")
    target = tmp_path / "pack.hdf5"
    targets = [target.with_suffix(".csv"), target]
    with pytest.raises(InputError, match="another process"), atomic_write(targets):
        pack_dataset(path, target)
    assert pack_dataset(path, target) == target


@pytest.mark.parametrize("content", [b"", b"no HDF5"])
def test_a_file_without_anything_is_not_packed(tmp_path, content):
    path = write(tmp_path / "a.hdf5")
    path.write_bytes(content)
    with pytest.raises(InputError, match="not an HDF5 file"):
        pack_dataset(path, tmp_path / "pack.hdf5")
    assert not (tmp_path / "pack.hdf5").exists()


def test_seisbench_data_are_packed_and_streamed(tmp_path, shared_data):
    folder = tmp_path / "dummy"
    shutil.copytree(shared_data / "seisbench_dummy", folder, copy_function=shutil.copyfile)
    table = pd.read_csv(folder / "metadata.csv")  # 20 Hz, and nobody has picked them
    table.assign(trace_p_arrival_sample=200, trace_s_arrival_sample=300).to_csv(
        folder / "metadata.csv", index=False
    )
    target = pack_dataset(folder, tmp_path / "dummy.hdf5")
    names = list(load(target.with_suffix(".manifest")).traces)
    data = BatchLoader(target, names, BatchConfig(50, augment=PRESETS["eqt"]), seed=0)
    assert sum(len(waveforms) for waveforms, _ in to_tf_dataset(data)) == len(names) > 90
    assert {len(example.p) for example in data.examples(0)} <= {1, 2}
    inode = target.stat().st_ino
    assert pack_dataset(folder, target).stat().st_ino == inode
    os.utime(folder / "metadata.csv")
    assert pack_dataset(folder, target).stat().st_ino != inode


def test_a_seisbench_folder_says_how_to_use_it(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder"):
        BatchLoader(tmp_path / "folder", ["x"])
