"""Faults of the objects in an HDF5 file: links, cycles, types, shapes, storage, attributes."""

import random
import re
import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from campaigns.mutations.texts import HOSTILE

SHAPE = (6000, 3)
HUGE = 2**40

Change = Callable[[h5py.Group, str, random.Random], object]
"""Changes a trace, given by its group and name."""


def replaced(group: h5py.Group, name: str, chance: random.Random, **how: object) -> h5py.Dataset:
    """Put another dataset in place of a trace, with the same attributes."""
    attributes = dict(group[name].attrs)
    del group[name]
    dataset = group.create_dataset(name, **how)
    for key, value in attributes.items():
        dataset.attrs[key] = value
    return dataset


def with_type(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Store samples of another type."""
    text, pair = h5py.string_dtype(), np.dtype([("a", "<f4"), ("b", "<i8")])
    odd = ["<f8", ">f4", "<f2", "<i4", "u1", "?", "S4", "V4", "<c8", text, pair]
    odd += [h5py.vlen_dtype(np.float32), h5py.enum_dtype({"A": 1}), h5py.ref_dtype]
    replaced(group, name, chance, shape=SHAPE, dtype=chance.choice(odd))


def with_shape(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Store samples of another shape."""
    odd: list[tuple[int, ...]] = [(3, 6000), (6000,), (6000, 4), (5999, 3), (0, 3), (), (1,) * 32]
    odd += [(6000, 3, 1), (18000, 1)]
    replaced(group, name, chance, shape=chance.choice(odd), dtype="<f4")


def huge(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Claim 2**40 samples that were never written."""
    replaced(group, name, chance, shape=(HUGE, 3), dtype="<f4", chunks=(HUGE >> 12, 1))


def huge_extent(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Claim no bounds."""
    how = {"maxshape": (None, 3), "chunks": (6000, 3)}
    replaced(group, name, chance, shape=SHAPE, dtype="<f4", **how).resize((HUGE, 3))


def empty(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Store no samples at all: a null dataspace."""
    replaced(group, name, chance, data=h5py.Empty("<f4"))


def never_written(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Declare samples without writing any."""
    replaced(group, name, chance, shape=SHAPE, dtype="<f4")


def with_filter(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Store samples through a filter of HDF5's, which is allowed."""
    samples = group[name][()]
    how = chance.choice(
        [{"compression": "lzf"}, {"fletcher32": True}, {"shuffle": True, "compression": 9}]
    )
    replaced(group, name, chance, data=samples, chunks=(600, 3), **how)


def damaged_chunk(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Write rubbish where a compressed chunk should be."""
    data = group[name][()]
    new = replaced(group, name, chance, data=data, chunks=(600, 3), compression="gzip")
    new.id.write_direct_chunk((0, 0), chance.randbytes(chance.choice((1, 100, 10_000))))


def not_finite(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Let a sample be NaN or infinite."""
    group[name][chance.randrange(6000), 0] = chance.choice([np.nan, np.inf, -np.inf])


def extreme(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Let the samples be the greatest that there are, which is no fault."""
    group[name][:] = chance.choice([3.4e38, -3.4e38, 1e-45, 0.0])


def external_storage(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Keep the samples in another file."""
    files = [(chance.choice(["secret", "../in/secret", "/etc/passwd", "/dev/zero"]), 0, 72_000)]
    replaced(group, name, chance, shape=SHAPE, dtype="<f4", external=files)


def virtual(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Make the samples a view of another file's, or of themselves."""
    attributes = dict(group[name].attrs)
    del group[name]
    layout = h5py.VirtualLayout(shape=SHAPE, dtype="<f4")
    source = chance.choice(["b.hdf5", "secret", "/dev/zero", "."])
    layout[:] = h5py.VirtualSource(source, f"data/{name}", shape=SHAPE)
    dataset = group.create_virtual_dataset(name, layout)
    for key, value in attributes.items():
        dataset.attrs[key] = value


def group_instead(group: h5py.Group, name: str, _: random.Random) -> None:
    """Put a group where a trace should be."""
    del group[name]
    group.create_group(name).create_dataset("x", data=1)


def type_instead(group: h5py.Group, name: str, _: random.Random) -> None:
    """Put a named datatype where a trace should be."""
    del group[name]
    group[name] = np.dtype("<f4")


def named_type(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Let the dataset share a datatype that is an object of its own."""
    samples = group[name][()]
    group.file["shared"] = np.dtype("<f4")
    replaced(group, name, chance, data=samples, dtype=group.file["shared"])


def cycle(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Link a group into itself, in place of a trace or besides."""
    if chance.random() < 0.5:
        del group[name]
    else:
        name = "loop"
    group[name] = chance.choice([group, group.file["/"]])


def soft_link(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Put a soft link where a trace should be: to another, to nothing, to itself."""
    other = chance.choice([key for key in group if key != name])
    del group[name]
    path = chance.choice([f"/data/{other}", "/nothing", f"/data/{name}", "/", "x" * 9999])
    group[name] = h5py.SoftLink(path)


def external_link(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Put a link to another file where a trace should be."""
    del group[name]
    file = chance.choice(["b.hdf5", "nothing.hdf5", "/etc/passwd", "a.hdf5", "../in/b.hdf5"])
    group[name] = h5py.ExternalLink(file, chance.choice([f"/data/{name}", "/"]))


def second_name(group: h5py.Group, name: str, _: random.Random) -> None:
    """Give a trace a second name, which no CSV lists."""
    group["second"] = group[name]


def one_for_two(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Let two names stand for one trace."""
    other = chance.choice([key for key in group if key != name])
    del group[name]
    group[name] = group[other]


def no_trace(group: h5py.Group, name: str, _: random.Random) -> None:
    """Take a trace away."""
    del group[name]


def more_traces(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Add traces with hostile names that no CSV lists."""
    for number, text in enumerate(HOSTILE.values()):
        if text.strip("./ ") and "\0" not in text and "/" not in text:
            group.create_dataset(text.encode(), data=np.full(SHAPE, number, "<f4"))


def data_group(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Let ``data`` be missing, a dataset, a type, or a link."""
    file = group.file
    file["kept"] = group
    del file["data"]
    kind = chance.randrange(6)
    if kind == 1:
        file["data"] = np.zeros(3)
    elif kind == 2:
        file["data"] = np.dtype("<f4")
    elif kind == 3:
        file["data"] = h5py.SoftLink(chance.choice(["/kept", "/data", "/none"]))
    elif kind == 4:
        file["data"] = h5py.ExternalLink(chance.choice(["b.hdf5", "none", "a.hdf5"]), "/data")
    elif kind == 5:
        file["data"] = file["/"]


def no_attributes(group: h5py.Group, name: str, _: random.Random) -> None:
    """Take all attributes of a trace away, which is no fault of the file."""
    for key in list(group[name].attrs):
        del group[name].attrs[key]


def odd_attribute(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Give an attribute a value of another kind or size."""
    ragged = np.empty(2, object)
    ragged[:] = [np.arange(3, dtype="<f4"), np.arange(2, dtype="<f4")]
    values = [
        h5py.Empty("f4"), np.zeros(8000), np.zeros((2, 0)), np.nan, 2**63 - 1, 1j, True,
        b"\xff\xfe",
        np.zeros(3, [("a", "<f4"), ("b", "S3")]), np.array([b"a", b"bc"]), "x" * 60_000,
        group.ref, np.array(["a", "\u202e"], h5py.string_dtype()), np.void(b"12345"), "a\x1b[31m",
    ]  # fmt: skip
    key = chance.choice([*group[name].attrs, "new"])
    if chance.random() < 0.1:
        group[name].attrs.create(key, ragged, dtype=h5py.vlen_dtype("<f4"))
    else:
        group[name].attrs[key] = chance.choice(values)


def odd_attribute_name(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Give an attribute a hostile name."""
    key = chance.choice([text for text in HOSTILE.values() if text and "\0" not in text])
    group[name].attrs[key] = 1.5


def many_attributes(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Give a trace far more attributes than 35."""
    for number in range(chance.choice((100, 1500))):
        group[name].attrs[f"extra{number}"] = number


def hostile_trace(group: h5py.Group, name: str, chance: random.Random) -> None:
    """Rename a trace, in the CSV too, to something hostile that HDF5 can hold."""
    fit = [t for t in HOSTILE.values() if t and not {"\0", "/", "\n", "\r"} & set(t) and t != ".."]
    new = chance.choice(fit)
    group.move(name, new)
    csv = Path(group.file.filename).with_suffix(".csv")
    csv.write_text(csv.read_text(encoding="utf-8").replace(name, new), encoding="utf-8", newline="")


OBJECTS: dict[str, Change] = {
    "another type": with_type,
    "another shape": with_shape,
    "huge shape": huge,
    "huge extent": huge_extent,
    "null dataspace": empty,
    "never written": never_written,
    "filters": with_filter,
    "damaged chunk": damaged_chunk,
    "NaN or infinity": not_finite,
    "extreme samples": extreme,
    "external storage": external_storage,
    "virtual dataset": virtual,
    "group for a trace": group_instead,
    "type for a trace": type_instead,
    "shared type": named_type,
    "group cycle": cycle,
    "soft link": soft_link,
    "external link": external_link,
    "second name": second_name,
    "two names, one trace": one_for_two,
    "trace missing": no_trace,
    "more traces": more_traces,
    "odd data group": data_group,
    "no attributes": no_attributes,
    "odd attribute": odd_attribute,
    "odd attribute name": odd_attribute_name,
    "many attributes": many_attributes,
    "hostile name": hostile_trace,
}
"""Faults of objects, by what they do."""


def mutate_objects(path: Path, change: Change, chance: random.Random) -> None:
    """Change one trace, or what is around it, with h5py."""
    # A file begun in the newer style is gone on with in that style.
    libver = "latest" if path.read_bytes()[:9][-1:] >= b"\x02" else "earliest"
    with h5py.File(path, "r+", libver=(libver, "latest")) as file:
        group = file["data"]
        change(group, chance.choice(sorted(group)), chance)


def claim(path: Path, chance: random.Random) -> None:
    """Let the dataspace of one trace claim a number of rows that it has not got."""
    content = path.read_bytes()
    shape = struct.pack("<QQ", *SHAPE)
    at = chance.choice([found.start() for found in re.finditer(re.escape(shape), content)])
    rows = chance.choice((HUGE, 2**64 - 1, 2**63, 0, SHAPE[0] - 1, SHAPE[0] + 1))
    path.write_bytes(content[:at] + struct.pack("<Q", rows) + content[at + 8 :])
