"""HDF5 by ourselves: what we write any reader reads and edits, and what others write we read."""

import os
import random
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from steadkit.hdf5 import (
    ATTRIBUTES_DIGEST,
    DamageError,
    FileReader,
    GlobalHeap,
    Hdf5Writer,
    HeaderTemplates,
    NewStyleError,
    direct_io,
    encode,
    group_by_schema,
    parse_storage,
    read_attributes,
    read_object_header,
    row_table,
)
from steadkit.hdf5.direct_io import aligned_empty
from steadkit.store import Writer

SHAPE = (3,)
VALUES = {
    "word": "manual",
    "empty": "",
    "place": "Öræfajökull 火山",
    "long": "coda " * 3000,
    "number": 0.1 + 0.2,
    "unknown": np.nan,
    "count": -(2**40),
    "small": np.int16(-7),
    "byte": np.uint8(255),
    "single": np.float32(1.5),
    "snr_db": np.array([20.0, 21.0, 22.5]),
    "coda_end_sample": np.array([[2896.0]]),
    "integers": np.arange(6, dtype=np.int32).reshape(2, 3),
    "none": np.zeros((0,)),
    "words": np.array(["P", "", "é" * 50], dtype=object),
    "table": np.array([["a", "b"], ["c", "d"]], dtype=object),
    "fixed": np.bytes_("fixed"),
    "blank": np.bytes_(""),
    "fixed_words": np.array([b"ab", b"c"]),
    "größe_m": 1.0,
    "yes": True,
    "no": np.False_,
}


def write(path, names, attributes=lambda name: {}, group="data"):
    """Write datasets of SHAPE with our own layer; returns where the header of each is."""
    file = Hdf5Writer(path, SHAPE, group)
    start = file.reserve(len(names))
    values = np.repeat(np.arange(len(names), dtype="<f4"), SHAPE[0])
    file.write(start, values.tobytes())
    content, headers = file.layout(
        [
            (np.array([start + number * 4 * SHAPE[0]]), row_table(encode(attributes(name))))
            for number, name in enumerate(names)
        ]
    )
    file.append(content)
    file.finalize(names, np.array(headers, np.uint64))
    file.close()
    return dict(zip(names, headers.tolist(), strict=True))


def attributes_by_us(path, name="x"):
    """Read the attributes of a dataset straight from the bytes of a file."""
    with h5py.File(path) as file:
        group = file["data"]
        link = group.id.links.get_info(name.encode())
        base = file.userblock_size
    with path.open("rb") as file:
        raw = FileReader(file.fileno(), base, path.stat().st_size)
        return read_attributes(read_object_header(raw, link.u), GlobalHeap(raw), {})


def plain(value):
    """Tell type, shape and content apart, NaN equal to itself."""
    array = np.asarray(value)
    return type(value).__name__, array.dtype.str, array.shape, repr(array.tolist())


def with_h5py(path, values, **options):
    with h5py.File(path, "w", **options) as file:
        file.create_dataset("data/x", data=np.zeros(SHAPE, "f4")).attrs.update(values)


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 2048, 2049, 100_000])
def test_every_name_is_found_and_all_are_in_order(tmp_path, count):
    names = [f"{i % 7 * 'X'}S{i * 7919 % 100_003}.Ωμ_EV" for i in range(count)]
    random.Random(count).shuffle(names)
    headers = write(tmp_path / "a.hdf5", names)
    with h5py.File(tmp_path / "a.hdf5") as file:
        group = file["data"]
        assert len(group) == count
        assert list(group) == sorted(names, key=str.encode)
        links = group.id.links
        assert all(links.get_info(name.encode()).u == headers[name] for name in names)
        for number in {*range(0, count, 997), *range(max(0, count - 2), count)}:
            assert group[names[number]][()].tolist() == [number] * SHAPE[0]
        assert "S" not in group
        assert "zzz" not in group


def test_attributes_are_of_the_types_h5py_gives_them(tmp_path):
    write(tmp_path / "ours.hdf5", ["x"], lambda _: VALUES)
    with_h5py(tmp_path / "theirs.hdf5", VALUES)
    with (
        h5py.File(tmp_path / "ours.hdf5") as our_file,
        h5py.File(tmp_path / "theirs.hdf5") as h5py_file,
    ):
        our_attributes, h5py_attributes = our_file["data/x"].attrs, h5py_file["data/x"].attrs
        assert list(our_attributes) == sorted(VALUES, key=str.encode)
        for name in VALUES:
            assert plain(our_attributes[name]) == plain(h5py_attributes[name]), name
            assert (
                our_attributes.get_id(name).get_type() == h5py_attributes.get_id(name).get_type()
            ), name
            assert our_attributes.get_id(name).shape == h5py_attributes.get_id(name).shape, name


@pytest.mark.parametrize(
    "options",
    [{}, {"libver": ("earliest", "v108")}, {"userblock_size": 2048}, {"fs_strategy": "page"}],
    ids=str,
)
def test_the_digest_tells_the_content_not_the_storage(tmp_path, options):
    known = encode(VALUES)
    with_h5py(tmp_path / "a.hdf5", VALUES, **options)
    read_back = attributes_by_us(tmp_path / "a.hdf5")
    assert read_back.digest() == known.digest()
    assert {key: plain(value) for key, value in read_back.decode().items()} == {
        key: plain(value) for key, value in known.decode().items()
    }


def test_attributes_in_another_order_deleted_and_written_anew(tmp_path):
    path = tmp_path / "a.hdf5"
    with_h5py(path, dict.fromkeys(reversed(VALUES), "for now"))
    for half in (list(VALUES)[::2], list(VALUES)[1::2]):
        with h5py.File(path, "r+") as file:
            attributes = file["data/x"].attrs
            for name in half:
                del attributes[name]
                attributes[name] = VALUES[name]
    assert attributes_by_us(path).digest() == encode(VALUES).digest()


def test_hundreds_of_attributes_in_a_header_of_many_pieces(tmp_path):
    values = {f"column{i}": ["text", i * 0.5, "y" * i][i % 3] for i in range(200)}
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        datasets = [file.create_dataset(f"data/{n}", data=np.zeros(SHAPE, "f4")) for n in "xyz"]
        for name, value in values.items():  # in turn, so that no header can grow in place
            for dataset in datasets:
                dataset.attrs[name] = value
    for dataset in "xyz":
        assert attributes_by_us(path, dataset).digest() == encode(values).digest()


@pytest.mark.parametrize(
    "change",
    [{"number": 0.3}, {"number": np.float32(0.5)}, {"word": "manuaL"}, {"new": ""}],
    ids=str,
)
def test_every_change_of_content_changes_the_digest(change):
    assert encode(VALUES | change).digest() != encode(VALUES).digest()


def test_texts_do_not_run_into_one_another():
    assert encode({"a": "ab", "b": "c"}).digest() != encode({"a": "a", "b": "bc"}).digest()
    assert encode({"a": ["ab", "c"]}).digest() != encode({"a": ["a", "bc"]}).digest()


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
NUMBERS = arrays.arrays(
    st.sampled_from(["<f4", "<f8", "<i2", "<i8", "|u1"]),
    arrays.array_shapes(max_dims=3, max_side=4),
)
ATTRIBUTES = st.dictionaries(
    TEXT.filter(bool),
    TEXT
    | st.floats()
    | st.integers(-(2**63), 2**63 - 1)
    | NUMBERS
    | st.binary(min_size=1, max_size=9).map(np.bytes_)
    | st.lists(TEXT, min_size=1, max_size=4).map(lambda texts: np.array(texts, dtype=object)),
    max_size=12,
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("hdf5")


@given(values=ATTRIBUTES)
def test_what_we_write_h5py_reads(scratch, values):
    path = scratch / "ours.hdf5"
    path.unlink(missing_ok=True)
    write(path, ["x"], lambda _: values)
    with_h5py(scratch / "theirs.hdf5", values)
    with h5py.File(path) as our_file, h5py.File(scratch / "theirs.hdf5") as h5py_file:
        our_attributes, h5py_attributes = (
            dict(our_file["data/x"].attrs),
            dict(h5py_file["data/x"].attrs),
        )
    assert {k: plain(v) for k, v in our_attributes.items()} == {
        k: plain(v) for k, v in h5py_attributes.items()
    }


@given(values=ATTRIBUTES)
def test_what_h5py_writes_we_read(scratch, values):
    with_h5py(scratch / "theirs.hdf5", values)
    read_back, known = attributes_by_us(scratch / "theirs.hdf5"), encode(values)
    assert read_back.digest() == known.digest()
    read, meant = read_back.decode(), known.decode()
    assert {k: plain(v) for k, v in read.items()} == {k: plain(v) for k, v in meant.items()}
    for name, value in values.items():
        if isinstance(value, str | int | float):
            assert repr(read[name]) == repr(value)


def contents(path):
    """Read everything with plain h5py: data, and attributes with their types."""
    with h5py.File(path) as file:
        return {
            name: (dataset[()].tolist(), {k: plain(v) for k, v in dataset.attrs.items()})
            for name, dataset in file["data"].items()
        }


def test_h5py_may_edit_what_we_write(tmp_path):
    path = tmp_path / "a.hdf5"
    names = [f"S{i:05d}_EV" for i in range(0, 6000, 2)]
    write(path, names, lambda name: {"trace_name": name, "p_weight": 0.5, "note": "n" * 30})
    expected = contents(path)
    with h5py.File(path, "r+") as file:
        group = file["data"]
        for number in range(1, 6000, 2):
            name = f"S{number:05d}_EV"
            group[name] = np.full(SHAPE, number, "f4")
            group[name].attrs["trace_name"] = name
            expected[name] = ([float(number)] * 3, {"trace_name": plain(name)})
        for name in names[:600]:
            attributes, (_, known) = group[name].attrs, expected[name]
            attributes["p_weight"] = 0.75
            attributes["added"] = "long " * 2000
            del attributes["note"], known["note"]
            known |= {"p_weight": plain(np.float64(0.75)), "added": plain("long " * 2000)}
        for name in names[300:1500]:
            del group[name], expected[name]
        group[names[-1]][1] = -1
        expected[names[-1]][0][1] = -1.0
        file.create_group("more")["x"] = [1]
    assert contents(path) == expected
    assert attributes_by_us(path, "S00001_EV").decode() == {"trace_name": "S00001_EV"}
    changed = {"trace_name": names[5], "p_weight": 0.75, "added": "long " * 2000}
    assert attributes_by_us(path, names[5]).digest() == encode(changed).digest()


def test_h5py_copies_what_we_write_into_another_file(tmp_path):
    write(tmp_path / "a.hdf5", list("abc"), lambda name: VALUES | {"name": name})
    with h5py.File(tmp_path / "a.hdf5") as old, h5py.File(tmp_path / "b.hdf5", "w") as new:
        old.copy("data", new)
    assert contents(tmp_path / "b.hdf5") == contents(tmp_path / "a.hdf5")
    assert (
        attributes_by_us(tmp_path / "b.hdf5", "b").digest()
        == encode(VALUES | {"name": "b"}).digest()
    )


def test_a_reader_that_shares_no_code_with_hdf5_reads_it(tmp_path):
    pyfive = pytest.importorskip("pyfive")
    names = [f"S{i}" for i in range(100)]
    values = {k: v for k, v in VALUES.items() if k not in ("none", "blank")}
    write(tmp_path / "a.hdf5", names, lambda name: values | {"name": name})
    expected = contents(tmp_path / "a.hdf5")
    with pyfive.File(tmp_path / "a.hdf5") as file:
        group = file["data"]
        assert sorted(group) == sorted(names)
        for name in names:
            data, known = expected[name]
            assert group[name][:].tolist() == data
            read_back = dict(group[name].attrs)
            assert read_back.keys() == known.keys()
            for key in ("word", "empty", "place", "long"):
                assert as_text(read_back[key]) == VALUES[key]
            assert [as_text(word) for word in read_back["words"]] == list(VALUES["words"])
            assert read_back["coda_end_sample"].tolist() == [[2896.0]]
            assert (read_back["number"], read_back["count"]) == (VALUES["number"], VALUES["count"])


def as_text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def test_the_same_content_gives_the_same_bytes(tmp_path):
    for name in "ab":
        write(tmp_path / f"{name}.hdf5", ["y", "x"], lambda _: VALUES)
    assert (tmp_path / "a.hdf5").read_bytes() == (tmp_path / "b.hdf5").read_bytes()


def test_a_header_of_the_newer_kind_is_told_apart(tmp_path):
    with_h5py(tmp_path / "a.hdf5", VALUES, libver="latest")
    with pytest.raises(NewStyleError):
        attributes_by_us(tmp_path / "a.hdf5")


@pytest.mark.parametrize("category", ["reference", "region", "compound", "complex"])
def test_kinds_that_cannot_be_copied_are_named(tmp_path, category):
    path = tmp_path / "a.hdf5"
    with_h5py(path, {})
    with h5py.File(path, "r+") as file:
        dataset = file["data/x"]
        dataset.attrs["odd"] = {
            "reference": dataset.ref,
            "region": dataset.regionref[0:2],
            "compound": np.zeros(2, "i4,f4"),
            "complex": 1 + 2j,
        }[category]
    with pytest.raises(DamageError, match="'odd' of a kind that cannot be copied"):
        attributes_by_us(path)


@pytest.mark.parametrize("value", [1 + 2j, object(), np.array([1, "a"], object), None])
def test_what_is_neither_text_nor_number_is_refused(value):
    with pytest.raises(TypeError, match=r"'odd'.*text or numbers"):
        encode({"odd": value})


def test_no_damage_leads_anywhere_but_to_its_name(tmp_path):
    """Flip bytes of headers and heaps: an error of ours, or something read; never another error."""
    path = tmp_path / "a.hdf5"
    headers = write(path, ["x", "y"], lambda _: VALUES)
    content = path.read_bytes()
    chance = random.Random(0)
    first, refused = min(headers.values()), 0
    for _ in range(1500):
        damaged = bytearray(content)
        for _ in range(chance.choice([1, 1, 2, 8])):
            damaged[chance.randrange(first, len(damaged))] = chance.choice([0, 1, 16, 255])
        del damaged[chance.randrange(len(damaged)) if chance.random() < 0.1 else len(damaged) :]
        refused += not readable(tmp_path / "b", bytes(damaged), headers)
    assert 50 < refused < 1500


def readable(path: Path, content: bytes, headers) -> bool:
    path.write_bytes(content)
    with path.open("rb") as file:
        raw = FileReader(file.fileno(), 0, len(content))
        try:
            for address in headers.values():
                header = read_object_header(raw, address)
                parse_storage(header)
                assert (
                    len(read_attributes(header, GlobalHeap(raw), {}).digest()) == ATTRIBUTES_DIGEST
                )
        except (DamageError, NewStyleError):
            return False
    return True


def by_us(path):
    headers = write(path, ["x", "y"], lambda _: VALUES)
    return headers["x"], headers["y"]


def by_h5py(path):
    """Write with h5py, the attributes in several blocks each, continued wherever there was room."""
    with h5py.File(path, "w") as file:
        for name in ("x", "y"):
            data = file.create_dataset(f"data/{name}", data=np.ones(SHAPE, "f4"))
            data.attrs.update(VALUES)
            del data.attrs["single"]  # leaves an empty message behind
        group = file["data"]
        return tuple(group.id.links.get_info(name).u for name in (b"x", b"y"))


@pytest.mark.parametrize("writer", [by_us, by_h5py])
def test_headers_read_by_template_are_read_as_one_by_one_or_not_at_all(tmp_path, writer):
    path = tmp_path / "a.hdf5"
    x, y = writer(path)
    content = path.read_bytes()
    templates, outcomes = HeaderTemplates(), Counter()
    with path.open("rb") as file:
        raw = FileReader(file.fileno(), 0, len(content))
        assert templates.read(raw, [x, y], GlobalHeap(raw)) == []
        for address in (x, y):  # their blocks need not be of the same lengths
            header = read_object_header(raw, address)
            templates.learn(header, {})
        storage = parse_storage(header)
        both = templates.read(raw, [x, y], GlobalHeap(raw))
        assert sorted(row for alike in both for row in alike.rows) == [0, 1]
        assert templates.read(raw, [2**64 - 1, len(content), 0], GlobalHeap(raw)) == []
    chance = random.Random(0)
    positions = [
        position
        for position in range(min(x, y), len(content))
        if content[position] or chance.random() < 0.1
    ]
    for _ in range(1500):
        damaged = bytearray(content)
        damaged[chance.choice(positions)] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with path.open("rb") as file:
            raw = FileReader(file.fileno(), 0, len(content))
            read_back = templates.read(raw, [y], GlobalHeap(raw))
            for alike in read_back:
                header = read_object_header(raw, y)
                assert parse_storage(header) == storage._replace(address=alike.data_addresses[0])
                attributes = read_attributes(header, GlobalHeap(raw), {})
                assert attributes == alike.attributes.attributes(0)
                assert [attributes.digest()] == alike.attributes.digests()
        outcomes[len(read_back)] += 1
    assert min(outcomes.values()) > 20


def test_a_file_left_before_its_end_is_no_hdf5_file(tmp_path):
    with pytest.raises(RuntimeError), Writer(tmp_path / "a.hdf5") as writer:
        writer.add("x", np.zeros((6000, 3), np.float32), VALUES)
        raise RuntimeError
    assert not h5py.is_hdf5(tmp_path / "a.hdf5")


@pytest.mark.parametrize("names", [["a"], [f"N{number}" for number in range(3000)]])
def test_past_the_cache_a_file_has_the_same_bytes(tmp_path, monkeypatch, names):
    write(tmp_path / "a.hdf5", names, lambda name: {"name": name})
    monkeypatch.setattr(direct_io, "MIN_DIRECT_BYTES", 1)
    write(tmp_path / "b.hdf5", names, lambda name: {"name": name})
    assert (tmp_path / "a.hdf5").read_bytes() == (tmp_path / "b.hdf5").read_bytes()


@pytest.mark.parametrize("address", [0, 8, 4095, 4096, 10_000])
@pytest.mark.parametrize("aligned", [True, False])
def test_a_stretch_wherever_it_lies_in_memory(tmp_path, address, aligned):
    """Where memory does not suit the disk, it goes through the cache."""
    content = aligned_empty(20_000, address if aligned else address + 1)
    content[:] = np.arange(20_000) % 251
    with (tmp_path / "a").open("wb") as file:
        out = direct_io.DirectWriter(file.fileno())
        out.write(address, content.data)
        out.close()
    assert (tmp_path / "a").read_bytes() == bytes(address) + content.tobytes()


@pytest.mark.parametrize("at_once", [1, 5, 13, 10**6])
def test_what_is_written_in_pieces_is_all_written(tmp_path, monkeypatch, at_once):
    """The system may write less than it is asked to."""
    parts = [bytes([number]) * (number % 7) for number in range(150)]
    pwritev, pwrite = os.pwritev, os.pwrite

    def less(descriptor, buffers, address):
        return pwrite(descriptor, b"".join(buffers)[:at_once], address)

    monkeypatch.setattr(os, "pwritev", less)
    monkeypatch.setattr(
        os, "pwrite", lambda fd, content, position: pwrite(fd, content[:at_once], position)
    )
    assert pwritev is not os.pwritev
    with (tmp_path / "a").open("wb") as file:
        direct_io.write_at(file.fileno(), 3, *parts)
    assert (tmp_path / "a").read_bytes() == bytes(3) + b"".join(parts)


def test_values_of_many_are_those_of_each():
    each = [
        encode(VALUES | {"number": i / 7, "word": "x" * i, "words": ["a" * i, "", "é" * (5 - i)]})
        for i in range(5)
    ]
    ((_, table),) = group_by_schema([(np.array([0]), row_table(attributes)) for attributes in each])
    for names in (set(VALUES), {"words", "count"}, {"nothing"}):
        values = table.values(names)
        assert values.keys() == names & VALUES.keys()
        for row, attributes in enumerate(each):
            known = attributes.decode()
            assert {n: repr(listed[row]) for n, listed in values.items()} == {
                n: repr(known[n]) for n in values
            }
