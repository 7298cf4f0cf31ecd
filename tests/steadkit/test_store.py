"""HDF5: what is read is what was written; what is not STEAD is refused by name."""

import h5py
import numpy as np
import pytest
from conftest import names_of, waveform

from steadkit.errors import InputError
from steadkit.store import (
    Reader,
    Waveforms,
    Writer,
    get_attributes,
    open_data,
    read_waveform,
)

NAMES = names_of(8, 4)


def edit(source, change):
    with h5py.File(source.hdf5, "r+") as file:
        change(file)


def replace(name, data, **options):
    def change(file):
        del file[f"data/{name}"]
        file.create_dataset(f"data/{name}", data=data, **options)

    return change


def test_waveforms_in_any_order(stead):
    reader = Waveforms(stead().hdf5, NAMES)
    batch = reader.read([5, 0, 11, 5])
    assert batch.dtype == np.float32
    for got, index in zip(batch, [5, 0, 11, 5], strict=True):
        np.testing.assert_array_equal(got, waveform(NAMES[index]))


@pytest.mark.parametrize(
    "options", [{"compression": "gzip"}, {"chunks": (600, 3)}, {"shuffle": True}], ids=str
)
def test_chunked_and_compressed_waveforms_are_read_too(stead, options):
    source = stead()
    edit(source, replace(NAMES[2], waveform(NAMES[2]), **options))
    batch = Waveforms(source.hdf5, NAMES).read([1, 2, 3])
    for got, index in zip(batch, [1, 2, 3], strict=True):
        np.testing.assert_array_equal(got, waveform(NAMES[index]))


def test_a_file_with_a_user_block(stead, tmp_path):
    source = stead()
    shifted = tmp_path / "shifted.hdf5"
    with h5py.File(source.hdf5) as old, h5py.File(shifted, "w", userblock_size=512) as new:
        old.copy("data", new)
        new["data"].create_dataset("empty", shape=(6000, 3), dtype="<f4")
    batch = Waveforms(shifted, [*NAMES, "empty"]).read([12, 4])
    np.testing.assert_array_equal(batch[0], np.zeros((6000, 3)))
    np.testing.assert_array_equal(batch[1], waveform(NAMES[4]))


@pytest.mark.parametrize(
    ("data", "pattern"),
    [
        (np.zeros((3, 6000), "f4"), r"shape \(3, 6000\)"),
        (np.zeros((6000, 3), "f8"), "float64"),
        (np.zeros((6000, 3), "i4"), "int32"),
        (np.zeros((6000, 3), ">f4"), ">f4"),
        ("text", "shape"),
        (np.full((6000, 3), np.nan, "f4"), "NaN"),
        (
            np.where(np.arange(6000)[:, None] == 7, np.inf, np.zeros((6000, 3), "f4")).astype("f4"),
            "NaN",
        ),
    ],
    ids=["shape", "float64", "int32", "big-endian", "scalar", "nan", "inf"],
)
def test_what_is_not_a_waveform_is_refused(stead, data, pattern):
    source = stead()
    edit(source, replace(NAMES[0], data))
    with open_data(source.hdf5) as group, pytest.raises(InputError, match=pattern):
        read_waveform(group, NAMES[0])
    with pytest.raises(InputError, match=pattern):
        Waveforms(source.hdf5, NAMES).read([0])


def test_samples_of_a_thousand_million_are_fine(stead):
    source = stead()
    edit(source, replace(NAMES[0], np.full((6000, 3), 1e9, "f4")))
    assert Waveforms(source.hdf5, NAMES).read([0]).max() == np.float32(1e9)


def test_links_out_of_the_file_are_refused(stead, tmp_path):
    source = stead()
    with h5py.File(tmp_path / "other.hdf5", "w") as other_file:
        other_file["secret"] = np.zeros((6000, 3), "f4")

    def link(file):
        del file[f"data/{NAMES[0]}"], file[f"data/{NAMES[1]}"]
        file["data"][NAMES[0]] = h5py.ExternalLink("other.hdf5", "/secret")
        file["data"][NAMES[1]] = h5py.SoftLink(f"/data/{NAMES[2]}")

    edit(source, link)
    with open_data(source.hdf5) as group:
        for name in NAMES[:2]:
            with pytest.raises(InputError, match="link"):
                read_waveform(group, name)


def test_samples_kept_in_another_file_are_refused(stead, tmp_path):
    source = stead()
    (tmp_path / "raw").write_bytes(b"\0" * 72000)

    def external(file):
        del file[f"data/{NAMES[0]}"]
        file["data"].create_dataset(
            NAMES[0], (6000, 3), "<f4", external=[(str(tmp_path / "raw"), 0, 72000)]
        )

    edit(source, external)
    with open_data(source.hdf5) as group, pytest.raises(InputError, match="another file"):
        read_waveform(group, NAMES[0])


def test_files_that_are_not_stead(tmp_path, stead):
    (tmp_path / "text.hdf5").write_text("not HDF5")
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["data"] = [1, 2]
    content = stead().hdf5.read_bytes()
    (tmp_path / "cut.hdf5").write_bytes(content[: len(content) // 2])
    cases = {
        "none": "no file",
        "text": "not an HDF5 file",
        "other": "no group 'data'",
        "cut": "truncated",
    }
    for name, pattern in cases.items():
        with pytest.raises(InputError, match=pattern), open_data(tmp_path / f"{name}.hdf5"):
            raise AssertionError(f"{name} was opened")


def test_a_file_that_shrinks_while_it_is_read(stead):
    source = stead()
    reader = Waveforms(source.hdf5, NAMES)
    with source.hdf5.open("r+b") as file:
        file.truncate(5000)
    with pytest.raises(InputError, match="shorter"):
        reader.read([0])


VALUES = {
    "trace_name": "x",
    "remark": "Öræfajökull",
    "empty": "",
    "long": "coda " * 3000,
    "p_weight": 0.5,
    "count": 7,
    "snr_db": np.array([20.0, 21.0, 22.5]),
    "coda_end_sample": np.array([[2896.0]]),
    "words": np.array(["P", "", "S"], dtype=object),
    "fixed": np.bytes_("fixed"),
}


@pytest.mark.parametrize("more", [0, 100], ids=["few", "many"])
@pytest.mark.parametrize(
    "options",
    [{}, {"libver": "latest"}, {"track_order": True}, {"userblock_size": 512}],
    ids=str,
)
def test_the_digest_of_attributes_tells_their_content_not_their_storage(tmp_path, options, more):
    values = VALUES | {f"column{i}": ["text", i / 7][i % 2] for i in range(more)}
    with h5py.File(tmp_path / "a.hdf5", "w", **options) as file:
        data = file.create_group("data", track_order=options.get("track_order"))
        dataset = data.create_dataset("x", data=waveform("x"), **of_dataset(options))
        for name in reversed(values):
            dataset.attrs[name] = values[name]
    with Writer(tmp_path / "ours.hdf5") as writer:
        known = writer.add("x", waveform("x"), values)
    for path in (tmp_path / "a.hdf5", tmp_path / "ours.hdf5"):
        with open_data(path) as group:
            reader = Reader(group)
            stored = reader.locate("x")
            samples = np.empty((6000, 3), np.float32)
            reader.read_into(stored, samples)
            np.testing.assert_array_equal(samples, waveform("x"))
            assert reader.attributes(stored, reader.heaps()).digest() == known
            assert get_attributes(group, "x") == {
                name: np.asarray(value).tolist() if name != "fixed" else "fixed"
                for name, value in sorted(values.items())
            }


def of_dataset(options):
    return {key: value for key, value in options.items() if key == "track_order"}


def test_many_traces_at_once_are_read_as_one_by_one(stead):
    source = stead()
    with h5py.File(source.hdf5, "r+") as file:
        for number, name in enumerate(NAMES):
            file["data"][name].attrs[f"kind{number % 3}"] = "k" * number
    with open_data(source.hdf5) as group:
        reader = Reader(group)
        for _ in range(2):  # once to learn the kinds, once to know them
            traces = sorted((reader.address(name), name) for name in NAMES)
            batch = reader.read_batch([(name, address) for address, name in traces])
            attributes_of_trace = {
                number: table.attributes(row)
                for numbers, table in batch.attributes
                for row, number in enumerate(numbers)
            }
            samples = reader.samples(batch)
            for number, (_, name) in enumerate(traces):
                read_attributes, location = attributes_of_trace[number], batch.locations[number]
                alone = Reader(group).attributes(Reader(group).locate(name), reader.heaps())
                assert location.name == name
                assert samples[number] == waveform(name).tobytes()
                assert read_attributes.digest() == alone.digest()
                assert repr(read_attributes.decode()) == repr(alone.decode())


def test_a_writer_refuses_what_is_no_trace(tmp_path):
    with Writer(tmp_path / "a.hdf5") as writer:
        writer.add("x", waveform("x"), {})
        with pytest.raises(ValueError, match="in the file already"):
            writer.add("x", waveform("x"), {})
        with pytest.raises(ValueError, match="shape"):
            writer.add("y", waveform("y").T, {})
        with pytest.raises(TypeError, match="'odd'"):
            writer.add("z", waveform("z"), {"odd": object()})
    with open_data(tmp_path / "a.hdf5") as group:
        assert list(group) == ["x"]
    with pytest.raises(FileExistsError):
        Writer(tmp_path / "a.hdf5")


@pytest.mark.parametrize("count", [0, 1, 1023, 1024, 1025])
def test_a_writer_that_writes_headers_now_and_then(tmp_path, count):
    with Writer(tmp_path / "a.hdf5") as writer:
        for number in range(count):
            samples = np.full((6000, 3), number, np.float32)
            writer.add(f"S{number}", samples, {"number": number, "text": f"t{number}"})
    with h5py.File(tmp_path / "a.hdf5") as file:
        assert len(file["data"]) == count
        for number in range(0, count, 31):
            dataset = file["data"][f"S{number}"]
            assert (dataset[()] == number).all()
            assert dict(dataset.attrs) == {"number": number, "text": f"t{number}"}
