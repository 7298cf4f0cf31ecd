"""What is sound but not supported is named, never called damaged."""

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import names_of, refused, waveform

from steadkit.errors import InputError
from steadkit.hdf5.attributes import MAX_ELEMENTS
from steadkit.hdf5.object_header import MAX_BYTES
from steadkit.store import Reader, get_attributes, open_data

NAMES = names_of(8, 4)
ODD = NAMES[3]


@pytest.fixture
def odd(stead):
    """Alter one trace of a file, which the library writes the oldest or the newest way."""

    def write(change, lib="earliest"):
        source = stead()
        if lib == "latest":
            newer = source.hdf5.with_name("newer.hdf5")
            with h5py.File(source.hdf5) as old, h5py.File(newer, "w", libver=lib) as new:
                for name, dataset in old["data"].items():
                    copied = new.create_dataset(f"data/{name}", data=dataset[()])
                    copied.attrs.update(dataset.attrs)
            newer.replace(source.hdf5)
        with h5py.File(source.hdf5, "r+", libver=lib) as file:
            change(file["data"])
        return source

    return write


def attribute(value):
    def change(group):
        group[ODD].attrs["odd"] = value

    return change


def many(group):
    for number in range(80):
        group[ODD].attrs[f"a{number:02}"] = np.zeros(8100)


def samples(data, **options):
    def change(group):
        del group[ODD]
        group.create_dataset(ODD, data=data, **options)

    return change


ATTRIBUTES = {
    "empty": (attribute(h5py.Empty("f4")), "'odd'", "Empty"),
    "empty text": (attribute(h5py.Empty(h5py.string_dtype())), "'odd'", "Empty"),
    "many values": (attribute(np.zeros(5000, "u1")), "'odd'", f"{MAX_ELEMENTS:,} values"),
    "complex": (attribute(1 + 2j), "'odd'", "real numbers"),
    "compound": (attribute(np.zeros(2, "i4,f4")), "'odd'", "real numbers"),
}
LARGE = {"400 kB": (attribute(np.zeros(100_000, "f4")), "'odd'", "400,000 bytes")}
CASES = [("earliest", category) for category in ATTRIBUTES]
CASES += [("latest", category) for category in ATTRIBUTES | LARGE]


def found_in(run, source, issue):
    """Check a file for one issue; returns what was found of it."""
    run("steadkit", "check", source.hdf5, "--only", issue, "-o", "findings.csv")
    findings = pd.read_csv(source.hdf5.with_name("findings.csv"))
    assert findings["trace_name"].tolist() == [ODD]
    return findings["value"].item()


@pytest.mark.parametrize(("lib", "category"), CASES)
def test_attributes_that_cannot_be_copied_are_not_damage(odd, run, tmp_path, lib, category):
    change, *message = (ATTRIBUTES | LARGE)[category]
    source = odd(change, lib)
    with open_data(source.hdf5) as group, pytest.raises(InputError) as refusal:
        get_attributes(group, ODD)
    assert "damaged" not in str(refusal.value) and "original" not in str(refusal.value)
    result = run("steadkit", "subset", source.hdf5, "--fraction", "1", "-o", "copy.hdf5")
    refused(result, ODD, source.hdf5.name, *message)
    assert "damaged" not in result.output
    finding = found_in(run, source, "attributes-unreadable")
    assert all(word in finding for word in message) and "damaged" not in finding


def test_a_header_larger_than_is_read_is_not_damage(odd):
    source = odd(many)
    assert MAX_BYTES < 80 * 8 * 8100
    with (
        open_data(source.hdf5) as group,
        pytest.raises(InputError, match="read at most") as refusal,
    ):
        get_attributes(group, ODD)
    assert "damaged" not in str(refusal.value)


def test_a_text_larger_than_is_read_is_not_damage(odd):
    source = odd(attribute("x" * (20 << 20)))
    with (
        open_data(source.hdf5) as group,
        pytest.raises(InputError, match="read at most") as refusal,
    ):
        get_attributes(group, ODD)
    assert "damaged" not in str(refusal.value)


@pytest.mark.parametrize(
    ("dtype", "message"),
    [(">f4", "float32 in big-endian order"), ("c8", "complex64"), ("f8", "float64")],
)
@pytest.mark.parametrize("options", [{}, {"chunks": (600, 3)}], ids=["contiguous", "chunked"])
@pytest.mark.parametrize("lib", ["earliest", "latest"])
def test_samples_of_another_type_are_named(odd, run, lib, dtype, message, options):
    source = odd(samples(waveform(ODD).astype(dtype), **options), lib)
    commands = {
        "subset": ["subset", source.hdf5, "--fraction", "1", "-o", "copy.hdf5"],
        "trace": ["plot", "trace", source.hdf5, ODD],
    }
    for command in commands.values():
        result = run("steadkit", *command)
        refused(result, ODD, message, "rewrite")
        assert "damaged" not in result.output
    finding = found_in(run, source, "unreadable-waveform")
    assert message in finding and "damaged" not in finding


def test_what_is_damaged_is_still_called_so(odd):
    source = odd(attribute(np.ones(500, "u1")))
    content = bytearray(source.hdf5.read_bytes())
    position = content.index(b"odd\0")
    # The number of values, behind the version and padding of the dataspace, says too many.
    size = content.index((500).to_bytes(8, "little"), position)
    content[size : size + 8] = (2**40).to_bytes(8, "little")
    source.hdf5.write_bytes(content)
    with open_data(source.hdf5) as group:
        reader = Reader(group)
        with pytest.raises(InputError, match=r"is damaged: .*'odd' cut short"):
            reader.attributes(reader.locate(ODD), reader.heaps())
