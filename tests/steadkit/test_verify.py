"""Verify and diff: every difference with its trace, and exit codes."""

import random
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import names_of, refused

from steadkit.catalog import read_table, write_csv
from steadkit.errors import InputError
from steadkit.manifest import UNKNOWN, load
from steadkit.verify import Difference, compare, verify


@pytest.fixture
def half(stead, run, tmp_path):
    """Make a subset of 12 traces; returns its path without an ending."""
    source = stead("all.hdf5", names_of(16, 8))
    run("steadkit", "subset", source.hdf5, "--fraction", "0.5", "-o", "half.hdf5")
    return tmp_path / "half"


def manifest(half):
    return load(half.with_suffix(".manifest"))


def differences(half):
    return list(verify(manifest(half), half.with_suffix(".hdf5"), half.with_suffix(".csv")))


def edit(half, change):
    with h5py.File(half.with_suffix(".hdf5"), "r+") as file:
        change(file["data"])


def test_what_was_written_is_what_the_manifest_says(half, run):
    assert differences(half) == []
    result = run("steadkit", "verify", "half.hdf5")
    assert result.exit_code == 0
    assert "as its manifest says" in result.output
    assert manifest(half).digest[:12] in result.output


@pytest.mark.parametrize("sample", [(0, 0), (2999, 1), (5999, 2)])
def test_one_bit_of_a_waveform(half, sample):
    name = manifest(half).traces[4]

    def flip(data):
        bits = data[name][()].view(np.uint32)
        bits[sample] ^= 1
        data[name][...] = bits.view(np.float32)

    edit(half, flip)
    assert differences(half) == [Difference(name, "another waveform")]


@pytest.mark.parametrize(
    "change",
    [
        lambda attributes: attributes.__setitem__("receiver_code", "s0"),
        lambda attributes: attributes.__setitem__("network_code", "XX "),
        lambda attributes: attributes.__delitem__("p_status"),
        lambda attributes: attributes.__setitem__("extra", ""),
        lambda attributes: attributes.__setitem__("trace_name", np.bytes_("x")),
    ],
    ids=["value", "blank", "deleted", "added", "type"],
)
def test_one_attribute(half, change):
    name = manifest(half).traces[0]
    edit(half, lambda data: change(data[name].attrs))
    assert differences(half) == [Difference(name, "other attributes")]


def test_attributes_written_anew_are_the_same(half):
    def rewrite(data):
        for dataset in data.values():
            values = dict(dataset.attrs)
            for name in values:
                del dataset.attrs[name]
            dataset.attrs.update(values)

    edit(half, rewrite)
    assert differences(half) == []


def test_a_file_that_h5py_has_rewritten_is_the_same(half, tmp_path):
    with h5py.File(half.with_suffix(".hdf5")) as old:
        for libver in ("earliest", "latest"):
            path = tmp_path / f"{libver}.hdf5"
            with h5py.File(path, "w", libver=libver) as new:
                old.copy("data", new)
            assert list(verify(manifest(half), path, half.with_suffix(".csv"))) == []


def test_traces_missing_and_too_many(half):
    first, second, third, *_ = manifest(half).traces

    def change(data):
        del data[first]
        data["new"] = data[second]
        data[third][0, 0] = np.nan

    edit(half, change)
    assert differences(half) == [
        Difference(first, "not in half.hdf5"),
        Difference(third, "another waveform"),
        Difference("new", "not in the manifest"),
    ]


def test_what_is_no_waveform_is_said(half):
    name = manifest(half).traces[3]

    def change(data):
        del data[name]
        data[name] = np.zeros((3, 6000), "f4")

    edit(half, change)
    (difference,) = differences(half)
    assert difference.trace_name == name
    assert "shape (3, 6000)" in difference.what


def test_a_name_no_terminal_can_show(half, run):
    edit(half, lambda data: data.create_group(b"bad\xff\nname"))
    result = run("steadkit", "verify", "half.hdf5")
    assert result.exit_code == 1
    assert r"bad\xff\nname: not in the manifest" in result.output


def test_damage_anywhere_but_in_samples_is_found_or_of_no_consequence(half):
    """Names, headers and texts, byte by byte: never another error than ours."""
    path, chance = half.with_suffix(".hdf5"), random.Random(0)
    whole, differing = path.read_bytes(), []
    headers = 4096 + len(manifest(half).traces) * 72_000
    for _ in range(300):
        damaged = bytearray(whole)
        for start, stop in [(0, 96), (headers, len(whole)), (len(whole) - 6000, len(whole))]:
            if chance.random() < 0.5:
                damaged[chance.randrange(start, stop)] = chance.choice([0, 1, 16, 255])
        path.write_bytes(damaged)
        try:
            differing.append(len(differences(half)))
        except InputError:
            differing.append(-1)
    assert {-1, 0} < set(differing)


def rewrite_csv(half, change):
    path = half.with_suffix(".csv")
    table = change(read_table(path))
    write_csv(path, table.columns, [table])


def test_rows_of_the_csv(half):
    names = list(manifest(half).traces)
    rewrite_csv(half, lambda table: table.iloc[[1, 0, *range(2, len(table))]])
    (difference,) = differences(half)
    assert difference == Difference(names[1], "in row 2 of half.csv: another order")
    rewrite_csv(half, lambda table: table.iloc[1:].replace({names[5]: "other_EV"}))
    assert differences(half) == [
        Difference(names[1], "not in half.csv"),
        Difference(names[5], "not in half.csv"),
        Difference("other_EV", "in half.csv, but not in the manifest"),
    ]


def cell(row, column, value):
    """Make a change of one cell of a table of text."""
    return lambda table: table.assign(
        **{column: [value if i == row else old for i, old in enumerate(table[column])]}
    )


ROWS_DIFFER = "rows of half.csv are not as the manifest says"


@pytest.mark.parametrize(
    "change",
    [
        cell(3, "p_arrival_sample", "601.5"),
        cell(11, "p_arrival_sample", "601.5"),
        cell(0, "receiver_type", " "),
        cell(2, "source_id", "None"),
        lambda table: table.assign(trace_category="noise"),
        lambda table: table.rename(columns={"p_weight": "p_height"}),
        lambda table: table.assign(remark=""),
        lambda table: table.drop(columns="p_weight"),
        lambda table: table[[*table.columns[1:], table.columns[0]]],
    ],
)
def test_cells_of_the_csv(half, run, change):
    rewrite_csv(half, change)
    (difference,) = differences(half)
    assert difference.trace_name == "" and difference.what.startswith(ROWS_DIFFER)
    result = run("steadkit", "verify", "half.hdf5")
    assert result.exit_code == 1
    assert result.output.startswith(ROWS_DIFFER)
    assert "half.csv is not what the manifest says" in result.stderr


@pytest.mark.parametrize(
    "rewritten",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: ("\ufeff" + text).encode(),
        lambda text: text.replace(",", '","').replace("\n", '"\n"').join('""').encode()[:-2],
        lambda text: (text + "\n\n").encode(),
        lambda text: text.removesuffix("\n").encode(),
    ],
    ids=["Windows", "mark", "quotes", "blank lines", "no last line end"],
)
def test_how_the_csv_is_written_does_not_matter(half, rewritten):
    path = half.with_suffix(".csv")
    old = path.read_bytes()
    path.write_bytes(rewritten(old.decode()))
    assert path.read_bytes() != old and differences(half) == []


def test_hard_texts_in_cells(half, run, tmp_path):
    """What needs quotes is told from what does not, and a copy knows its digest."""
    texts = ["a,b", 'says "P"', "two\nlines", "lone\rreturn", "\u2028", " x ", "", '"', "\r\n"]
    for i, text in enumerate(texts):
        rewrite_csv(half, cell(i, "receiver_type", text))
    assert differences(half)[0].what.startswith(ROWS_DIFFER)
    assert run("steadkit", "merge", "half.hdf5", "-o", "copy.hdf5").exit_code == 0
    assert read_table(tmp_path / "copy.csv")["receiver_type"].tolist()[: len(texts)] == texts
    assert run("steadkit", "verify", "copy.hdf5").exit_code == 0
    rewrite_csv(tmp_path / "copy", cell(2, "receiver_type", "two\r\nlines"))
    assert run("steadkit", "verify", "copy.hdf5").exit_code == 1


def as_version_1(path):
    """Let a manifest be as an earlier steadkit wrote it."""
    old = replace(load(path), csv=UNKNOWN, version=1)
    path.write_text(old.to_text())
    return old


def test_version_1_verifies_but_does_not_cover_the_csv(half, run):
    as_version_1(half.with_suffix(".manifest"))
    rewrite_csv(half, cell(3, "p_arrival_sample", "601.5"))
    result = run("steadkit", "verify", "half.hdf5")
    assert result.exit_code == 0
    assert "as its manifest says" in result.output
    assert "but for the cells of half.csv, which it does not cover" in result.output
    edit(half, lambda data: data[manifest(half).traces[0]].attrs.__setitem__("p_status", "other"))
    assert run("steadkit", "verify", "half.hdf5").exit_code == 1


def test_which_manifests_cover_a_csv(half, run, tmp_path, stead):
    listed_manifest = (
        "subset",
        "all.hdf5",
        "--fraction",
        "0.5",
        "-o",
        "list.hdf5",
        "--manifest-only",
    )
    for command in (
        listed_manifest,
        ("split", "half.hdf5"),
        ("split", "all.hdf5"),
        ("merge", "half.hdf5", "-o", "merged.hdf5"),
        ("build", "list.manifest", "--source", "all.hdf5", "-o", "built.hdf5"),
        ("demo", "demo", "--events", "3", "--noise", "2"),
        ("convert", "to-seisbench", "demo/chunk2.hdf5", "-o", "sb"),
        ("convert", "from-seisbench", "sb", "-o", "back.hdf5"),
    ):
        assert run("steadkit", *command).exit_code == 0, command
    csv = {path.stem: load(path).csv for path in tmp_path.rglob("*.manifest")}
    covered = {name for name, digest in csv.items() if digest != UNKNOWN}
    assert covered == {"half", "half.split", "merged", "built", "back", "chunk1", "chunk2"}
    assert csv["half"] == csv["half.split"] == csv["merged"] == csv["built"]
    for name in ("half", "merged", "built", "back", "demo/chunk1", "demo/chunk2"):
        result = run("steadkit", "verify", f"{name}.hdf5")
        assert result.exit_code == 0 and "cover" not in result.output


def test_a_manifest_without_digests_knows_only_names(half):
    listed_manifest = manifest(half)
    bare = replace(listed_manifest, waveforms=(), attributes=())
    edit(half, lambda data: data[listed_manifest.traces[0]].write_direct(np.ones((6000, 3), "f4")))
    files = half.with_suffix(".hdf5"), half.with_suffix(".csv")
    assert list(verify(bare, *files)) == []
    unknown = [UNKNOWN] * len(listed_manifest.traces)
    assert list(verify(replace(listed_manifest, waveforms=unknown), *files)) == []
    assert len(list(verify(listed_manifest, *files))) == 1


def test_the_command_names_differences_and_reports_all(half, run, tmp_path):
    def change(data):
        for dataset in data.values():
            dataset.attrs["receiver_code"] = "other"
            dataset[0, 0] += 1

    edit(half, change)
    result = run("steadkit", "verify", "half.hdf5", "--report", "found.csv")
    assert result.exit_code == 1
    assert "and 4 more" in result.output
    assert "12 traces are not what the manifest says" in result.stderr
    report = pd.read_csv(tmp_path / "found.csv")
    names = manifest(half).traces
    assert report["trace_name"].tolist() == [name for name in names for _ in range(2)]
    assert set(report["what"]) == {"another waveform", "other attributes"}
    refused(run("steadkit", "verify", "half.hdf5", "--report", "found.csv"), "found.csv", "exists")


def test_another_manifest_may_be_given(half, run, tmp_path):
    half.with_suffix(".manifest").rename(tmp_path / "other.manifest")
    refused(run("steadkit", "verify", "half.hdf5"), "half.manifest")
    assert run("steadkit", "verify", "half.csv", "--manifest", "other.manifest").exit_code == 0


def test_nothing_differs_from_itself(half, run):
    manifest_a = manifest(half)
    assert not any(compare(manifest_a, manifest_a).values())
    result = run("steadkit", "diff", "half.manifest", "half.manifest")
    assert result.exit_code == 0
    assert "the same 12 traces" in result.output


def changed(values, place, value):
    return [*values[:place], value, *values[place + 1 :]]


@pytest.mark.parametrize(
    ("field", "category"),
    [
        ("splits", "another split"),
        ("waveforms", "another waveform"),
        ("attributes", "other attributes"),
    ],
)
def test_manifests_that_differ_in_one_value(half, field, category):
    manifest_a = manifest(half)
    value = "test" if field == "splits" else manifest_a.digest[: len(getattr(manifest_a, field)[0])]
    manifest_b = replace(manifest_a, **{field: changed(getattr(manifest_a, field), 6, value)})
    differing = compare(manifest_a, manifest_b)
    assert differing.pop(category) == [manifest_a.traces[6]]
    assert not any(differing.values())
    if field != "splits":  # what is not known differs from nothing
        unknown = replace(manifest_a, **{field: changed(getattr(manifest_a, field), 6, UNKNOWN)})
        assert not any(compare(unknown, manifest_b).values())
        assert not any(compare(manifest_a, replace(manifest_a, **{field: ()})).values())


def test_manifests_of_different_csv_files(half, run, tmp_path):
    manifest_a = manifest(half)
    differing = compare(manifest_a, replace(manifest_a, csv="0" * 64))
    assert differing.pop("other rows in the CSV") == ["half", "half"]
    assert not any(differing.values())
    assert not any(compare(manifest_a, replace(manifest_a, csv=UNKNOWN)).values())
    replace(manifest_a, csv="0" * 64).write(tmp_path / "other.manifest")
    result = run("steadkit", "diff", "half.manifest", "other.manifest")
    assert result.exit_code == 1 and "other rows in the CSV" in result.output


def test_manifests_that_differ_in_traces_and_order(half):
    manifest_a = manifest(half)
    manifest_b = replace(
        manifest_a, traces=["new_EV", *manifest_a.traces[2:], manifest_a.traces[1]]
    )
    differing = compare(manifest_a, manifest_b)
    assert differing["only in the first"] == [manifest_a.traces[0]]
    assert differing["only in the second"] == ["new_EV"]
    assert differing["another order"] == list(manifest_a.traces[1:])
    assert differing["another recipe"] == []


def test_diff_as_a_command(half, run, tmp_path):
    run("steadkit", "subset", "all.hdf5", "--fraction", "0.25", "-o", "less.hdf5")
    result = run("steadkit", "diff", "half.manifest", "less.manifest")
    assert result.exit_code == 1
    assert "only in the first" in result.output
    assert "another recipe" in result.output
    assert "only in the second" not in result.output  # a smaller fraction lies within
    less, whole = (load(tmp_path / f"{name}.manifest") for name in ("less", "half"))
    assert len(compare(whole, less)["only in the first"]) == len(whole.traces) - len(less.traces)
    refused(run("steadkit", "diff", "half.manifest", "half.csv"), "half.csv", "manifest")
    refused(run("steadkit", "diff", "none", "half.manifest"), "no file 'none'")
