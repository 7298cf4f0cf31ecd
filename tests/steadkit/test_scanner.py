"""Scans: what is read together is what is read one by one, whatever is damaged in the file."""

import random

import h5py
import numpy as np
import pytest
from conftest import names_of, row, waveform

from steadkit.errors import InputError
from steadkit.store import Reader, locate, open_data, scan
from steadkit.store.open import digest

NAMES = names_of(30, 12)


def by_h5py(path, **options):
    """Write a file as h5py does, headers between the samples."""
    with h5py.File(path, "w", **options) as file:
        for number, name in enumerate(NAMES):
            dataset = file.create_dataset(f"data/{name}", data=waveform(name))
            dataset.attrs.update(row(name, number))


@pytest.fixture(params=["ours", "h5py", "latest"])
def path(request, stead, tmp_path):
    if request.param == "ours":
        return stead("a.hdf5", NAMES).hdf5
    by_h5py(tmp_path / "a.hdf5", **({"libver": "latest"} if request.param == "latest" else {}))
    return tmp_path / "a.hdf5"


def outcome(path, names=NAMES, samples=True):
    """Scan a file; returns of each trace what was read, or what is wrong with it."""
    outcomes = {}
    with open_data(path) as group:
        reader = Reader(group)
        rows, addresses, errors = locate(reader, names)
        for scanned in scan(reader, names, rows, addresses, samples):
            attributes = scanned.attribute_digests()
            values = {
                number: table.attributes(index).decode()
                for numbers, table in scanned.attributes
                for index, number in enumerate(numbers)
            }
            for number, index in enumerate(scanned.rows.tolist()):
                if samples and scanned.digests[number]:
                    assert digest(scanned.waveforms[number]) == scanned.digests[number].hex()
                outcomes[names[index]] = (
                    scanned.digests[number].hex(),
                    attributes[number].hex(),
                    repr(values.get(number)),
                    scanned.unread.get(number),
                    scanned.unread_attributes.get(number),
                )
    return outcomes | {names[index]: str(error) for index, error in errors.items()}


def one_by_one(*_):
    raise InputError("read each by itself")


def test_a_scan_reads_what_is_there(path):
    outcomes = outcome(path)
    assert list(outcomes) == sorted(outcomes, key=list(outcomes).index) and set(outcomes) == set(
        NAMES
    )
    for number, name in enumerate(NAMES):
        samples, attributes, values, *faults = outcomes[name]
        assert samples == digest(waveform(name)) and len(attributes) == 16
        assert faults == [None, None]
        assert row(name, number)["receiver_code"] in values
    without = outcome(path, samples=False)
    assert {name: ("", *outcomes[name][1:]) for name in outcomes} == without


def test_any_order_of_names_is_read_in_the_order_of_the_file(path, monkeypatch):
    monkeypatch.setattr("steadkit.store.scanner.BATCH_TRACES", 5)
    shuffled = random.Random(0).sample(NAMES, len(NAMES))
    assert outcome(path, shuffled) == outcome(path)
    with open_data(path) as group:
        reader = Reader(group)
        rows, addresses, _ = locate(reader, shuffled)
        read = [row for scanned in scan(reader, shuffled, rows, addresses) for row in scanned.rows]
    assert (np.diff(addresses[np.argsort(rows)][read].astype(np.int64)) > 0).all()


def test_damage_is_that_of_one_trace_and_the_same_as_one_by_one(path, monkeypatch):
    content, chance = path.read_bytes(), random.Random(1)
    sound, differing = outcome(path), 0
    with open_data(path) as group:
        headers = [Reader(group).address(name) for name in NAMES]
    for _ in range(60):
        damaged = bytearray(content)
        position = chance.choice(headers) + chance.choice([0, 8, chance.randrange(3000)])
        if chance.random() < 0.3:
            position = chance.randrange(len(content) - 20_000, len(content))
        damaged[position] = chance.choice([0, 1, 16, 255, damaged[position] ^ 4])
        path.write_bytes(damaged)
        try:
            together = outcome(path)
        except InputError:
            continue
        with monkeypatch.context() as patch:
            patch.setattr("steadkit.store.scanner._read_together", one_by_one)
            assert outcome(path) == together
        wrong = [name for name in sound if together.get(name) != sound[name]]
        differing += bool(wrong)
    assert differing


def test_two_names_of_one_trace_and_compressed_ones(path):
    with h5py.File(path, "r+") as file:
        data = file["data"]
        data["second.XX_EV"] = data[NAMES[3]]
        del data[NAMES[7]]
        data.create_dataset(NAMES[7], data=waveform(NAMES[7]), compression="gzip")
        del data[NAMES[8]]
        data[NAMES[8]] = h5py.SoftLink(f"/data/{NAMES[9]}")
        del data[NAMES[10]]
    outcomes = outcome(path, [*NAMES, "second.XX_EV"])
    assert outcomes["second.XX_EV"] == outcomes[NAMES[3]]
    assert outcomes[NAMES[7]][0] == digest(waveform(NAMES[7]))
    assert "link" in outcomes[NAMES[8]] and "no trace" in outcomes[NAMES[10]]
