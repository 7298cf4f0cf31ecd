"""Subset: the right traces, whole, the same bytes whatever the order of the source."""

import pandas as pd
import pytest
from conftest import attributes_in, names_of, refused, waveforms_in

from steadkit.manifest import load


def test_half_of_each_category_whole(stead, run, tmp_path):
    source = stead()
    result = run("steadkit", "subset", source.hdf5, "--fraction", "0.5", "-o", "half.hdf5")
    assert result.exit_code == 0, result.output
    taken, given = waveforms_in(tmp_path / "half.hdf5"), waveforms_in(source.hdf5)
    assert len(taken) == 6
    assert sum(name.endswith("_EV") for name in taken) == 4
    for name, samples in taken.items():
        assert samples.dtype == "float32"
        assert (samples == given[name]).all()
    attributes = attributes_in(source.hdf5)
    assert attributes_in(tmp_path / "half.hdf5") == {name: attributes[name] for name in taken}
    assert all(len(row) == 35 for row in attributes.values())


def test_csv_and_manifest_list_the_traces_in_one_order(stead, run, tmp_path):
    source = stead()
    run("steadkit", "subset", source.hdf5, "--fraction", "0.5", "-o", "half")
    table = pd.read_csv(tmp_path / "half.csv", dtype=str, keep_default_na=False)
    original = pd.read_csv(source.csv, dtype=str, keep_default_na=False)
    assert table["trace_name"].tolist() == load(tmp_path / "half.manifest").traces
    merged = table.merge(original, how="left", indicator=True)
    assert (merged["_merge"] == "both").all()


def test_row_order_and_chunks_do_not_matter(stead, run, tmp_path):
    names = names_of(20, 10)
    stead("whole.hdf5", names)
    stead("chunk1.hdf5", names[20:])
    stead("chunk2.hdf5", names[:20])
    whole = tmp_path / "whole.csv"
    run("steadkit", "subset", "whole.hdf5", "--fraction", "0.3", "-o", "one")
    pd.read_csv(whole, dtype=str, keep_default_na=False).sample(frac=1, random_state=1).to_csv(
        whole, index=False
    )
    run("steadkit", "subset", "whole.hdf5", "--fraction", "0.3", "-o", "two")
    run("steadkit", "subset", "--fraction", "0.3", "-o", "three")  # the chunks, by default
    one, two, three = (tmp_path / f"{name}.hdf5" for name in ("one", "two", "three"))
    assert load(one.with_suffix(".manifest")).digest == load(two.with_suffix(".manifest")).digest
    assert load(one.with_suffix(".manifest")).digest == load(three.with_suffix(".manifest")).digest
    assert one.read_bytes() == two.read_bytes()
    assert len({path.with_suffix(".csv").read_bytes() for path in (one, two, three)}) == 1
    # HDF5 places what it copies out of another file a little differently; it is the same content.
    assert attributes_in(one) == attributes_in(three)
    for name, samples in waveforms_in(one).items():
        assert (samples == waveforms_in(three)[name]).all()


def test_twice_the_same_bytes(stead, run, tmp_path):
    stead()
    for name in ("one", "two"):
        run("steadkit", "subset", "chunk.hdf5", "--fraction", "0.5", "-o", name)
    for suffix in (".hdf5", ".csv"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


@pytest.mark.parametrize(
    ("fraction", "name"), [("0.5", "stead-0.5"), ("0.1", "steadmini"), ("0.01", "steadmicro")]
)
def test_names_by_default(run, tmp_path, fraction, name):
    rows = "".join(f"S{i}_EV,earthquake_local\n" for i in range(100))
    (tmp_path / "merge.csv").write_text("trace_name,trace_category\n" + rows)
    result = run("steadkit", "subset", "merge.csv", "--fraction", fraction, "--manifest-only")
    assert result.exit_code == 0, result.output
    assert load(tmp_path / f"{name}.manifest").name == name


def test_the_studys_counts(run, tmp_path):
    # STEAD's true size, but for micro only: the whole table is in the benchmarks.
    events = "".join(f"E{i}_EV,earthquake_local\n" for i in range(103_023))
    noise = "".join(f"N{i}_NO,noise\n" for i in range(23_542))
    (tmp_path / "merge.csv").write_text("trace_name,trace_category\n" + events + noise)
    run("steadkit", "subset", "merge.csv", "--fraction", "0.1", "--manifest-only")
    manifest = load(tmp_path / "steadmini.manifest")
    assert dict(manifest.categories) == {"earthquake_local": 10_302, "noise": 2_354}
    assert len(manifest.traces) == 12_656


@pytest.mark.parametrize(
    ("fraction", "words"), [("0", "above 0"), ("1.5", "at most 1"), ("abc", "not a number")]
)
def test_fractions_that_are_none(stead, run, tmp_path, fraction, words):
    stead()
    before = sorted(tmp_path.iterdir())
    refused(run("steadkit", "subset", "chunk.hdf5", "--fraction", fraction), words)
    assert sorted(tmp_path.iterdir()) == before


def test_a_fraction_of_nothing(stead, run, tmp_path):
    stead()
    refused(run("steadkit", "subset", "chunk.hdf5", "--fraction", "0.01"), "is none")


def test_an_existing_target_is_kept(stead, run, tmp_path):
    stead()
    (tmp_path / "half.hdf5").write_text("mine")
    arguments = ("steadkit", "subset", "chunk.hdf5", "--fraction", "0.5", "-o", "half.hdf5")
    refused(run(*arguments), "half.hdf5", "--overwrite")
    assert (tmp_path / "half.hdf5").read_text() == "mine"
    assert run(*arguments, "--overwrite").exit_code == 0
    assert len(waveforms_in(tmp_path / "half.hdf5")) == 6


@pytest.mark.parametrize("output", ["chunk.hdf5", "chunk.h5"])
def test_a_source_is_never_written_over(stead, run, tmp_path, output):
    source = stead()
    before = (source.hdf5.read_bytes(), source.csv.read_bytes())
    result = run(
        "steadkit", "subset", "chunk.hdf5", "--fraction", "0.5", "-o", output, "--overwrite"
    )
    refused(result, "is a source")
    assert (source.hdf5.read_bytes(), source.csv.read_bytes()) == before
    assert not (tmp_path / "chunk.h5").exists()


def test_a_list_alone_does_not_replace_that_of_a_file(stead, run, tmp_path):
    stead()
    run("steadkit", "subset", "chunk.hdf5", "--fraction", "0.5", "-o", "half")
    before = (tmp_path / "half.manifest").read_bytes()
    listing = ("subset", "chunk.csv", "--fraction", "1", "--manifest-only", "--overwrite")
    refused(run("steadkit", *listing, "-o", "half"), "would not fit")
    assert (tmp_path / "half.manifest").read_bytes() == before


def test_a_trace_in_two_sources_is_refused(stead, run):
    stead("one.hdf5")
    stead("two.hdf5")
    result = run("steadkit", "subset", "one.hdf5", "two.hdf5", "--fraction", "1", "-o", "x")
    refused(result, "one.csv", "two.csv", "merge")
