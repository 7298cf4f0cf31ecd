"""Subset: the selected traces, complete, identical for any order of the source."""

import hashlib
from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
from conftest import attributes_in, names_of, refused, waveforms_in

from steadkit.manifest import load
from steadkit.selection import Selection


def test_half_of_each_category_whole(stead, run, tmp_path):
    source = stead()
    result = run("steadkit", "subset", source.hdf5, "--fraction", "0.5", "-o", "half.hdf5")
    assert result.exit_code == 0, result.output
    written, original = waveforms_in(tmp_path / "half.hdf5"), waveforms_in(source.hdf5)
    assert len(written) == 6
    assert sum(name.endswith("_EV") for name in written) == 4
    for name, samples in written.items():
        assert samples.dtype == "float32"
        assert (samples == original[name]).all()
    attributes = attributes_in(source.hdf5)
    assert attributes_in(tmp_path / "half.hdf5") == {name: attributes[name] for name in written}
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
    manifests = [load(path.with_suffix(".manifest")) for path in (one, two, three)]
    assert len({replace(manifest, name="one").digest for manifest in manifests}) == 1
    assert len({manifest.digest for manifest in manifests}) == 3  # it covers the name
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


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("--count", "50"), "stead-50"),
        (("--where", "trace_category == 'noise'"), "stead-selected"),
        (("--fraction", "0.1", "--stratify", "none"), "stead-0.1-selected"),
        (("--fraction", "0.1", "--seed", "4"), "steadmini"),
        (("--preset", "steadmicro"), "steadmicro"),
    ],
)
def test_names_of_other_selections(stead, run, tmp_path, options, name):
    stead("merge.hdf5", names_of(100, 100))
    result = run("steadkit", "subset", *options)
    assert result.exit_code == 0, result.output
    assert len(waveforms_in(tmp_path / f"{name}.hdf5")) == len(
        load(tmp_path / f"{name}.manifest").traces
    )


def golden_table() -> pd.DataFrame:
    """Make the fixed table of test_selection, its names and categories alone."""
    rows = [(f"S{i % 37}.XX_{20200101000000 + i}_EV", "earthquake_local") for i in range(800)]
    rows += [(f"S{i % 41}.XX_{20200101000000 + i}_NO", "noise") for i in range(200)]
    return pd.DataFrame(rows, columns=["trace_name", "trace_category"])


@pytest.mark.parametrize("order", ["as it is", "shuffled", "six chunks"])
def test_the_golden_selection_on_the_command_line(run, tmp_path, order):
    table = golden_table()
    if order == "six chunks":
        for number in range(6):
            table.iloc[number::6].to_csv(tmp_path / f"chunk{number + 1}.csv", index=False)
    else:
        rows = table if order == "as it is" else table.sample(frac=1, random_state=2)
        rows.to_csv(tmp_path / "merge.csv", index=False)
    result = run("steadkit", "subset", "--fraction", "0.1", "--manifest-only")
    assert result.exit_code == 0, result.output
    traces = load(tmp_path / "steadmini.manifest").traces
    assert traces[:3] == [
        "S32.XX_20200101000328_EV",
        "S0.XX_20200101000481_EV",
        "S20.XX_20200101000242_EV",
    ]
    digest = hashlib.blake2b("\n".join(traces).encode(), digest_size=16).hexdigest()
    assert digest == "1bcbc9183d23f31025cca5f11a53db02"


def test_all_that_match_with_a_word_on_how_many(stead, run, tmp_path):
    names = names_of(8, 4)
    (tmp_path / "used.txt").write_text(f"{names[0]}\nelsewhere_EV\n")
    stead(names=names)
    result = run(
        *("steadkit", "subset", "chunk.hdf5", "--where", "p_arrival_sample < 605"),
        *("--exclude", "used.txt", "-o", "some"),
    )
    assert result.exit_code == 0, result.output
    assert "1 of the 2 names to exclude are in the sources" in result.output
    assert "4 of 12 traces match" in result.output
    assert sorted(waveforms_in(tmp_path / "some.hdf5")) == sorted(names[1:5])
    recipe = load(tmp_path / "some.manifest").recipe
    assert recipe["where"] == "p_arrival_sample < 605"
    assert recipe["exclude"]["names"] == 2
    assert Selection.from_recipe(recipe).where == "p_arrival_sample < 605"


def test_every_option_at_once(stead, run, tmp_path):
    source = stead(names=names_of(30, 10))
    table = pd.read_csv(source.csv, dtype=str, keep_default_na=False)
    table = table.assign(receiver_latitude="10.5", receiver_longitude=range(40))
    table.to_csv(source.csv, index=False)
    result = run(
        *("steadkit", "subset", "chunk.csv", "--count", "12", "--box", "-5,-10,11,35"),
        *("--circle", "10,20,3000", "--at", "receiver", "--group", "source_id", "--balance"),
        *("--stratify", "trace_category,receiver_longitude:10,20", "--stratify", "network_code"),
        *("--seed", "3", "--manifest-only", "-o", "x"),
    )
    assert result.exit_code == 0, result.output
    manifest = load(tmp_path / "x.manifest")
    assert manifest.recipe == {
        "operation": "subset",
        "count": 12,
        "seed": 3,
        "box": [-5.0, -10.0, 11.0, 35.0],
        "circle": [10.0, 20.0, 3000.0],
        "at": "receiver",
        "stratify": ["trace_category", "receiver_longitude:10,20", "network_code"],
        "balance": True,
        "group": "source_id",
    }
    assert manifest.categories["noise"] >= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "how much?"),
        (("--group", "source_id"), "how much?"),
        (("--fraction", "0.5", "--count", "3"), "--fraction and --count contradict"),
        (("--count", "0"), "x>=1"),
        (("--count", "13"), "use at most 12"),
        (("--where", "source_magnitud > 3"), "did you mean source_magnitude"),
        (("--where", "source_magnitude > 3"), "none of the 12 traces match where source_mag"),
        (("--where", "__import__('os')"), "not understood"),
        (("--where", ""), "--where is empty"),
        (("--fraction", "1", "--group", ""), "--group is empty"),
        (("--box", "1,2,3"), "south, west, north, east"),
        (("--box", "1,2,3,x"), "not numbers"),
        (("--circle", "1,2,-3"), "radius above 0"),
        (("--fraction", "1", "--at", "receiver"), "without a box"),
        (("--fraction", "1", "--rounding", "up"), "nearest"),
        (("--count", "2", "--rounding", "nearest"), "nothing is rounded"),
        (("--fraction", "1", "--stratify", "snr_dbb:1"), "did you mean"),
        (("--fraction", "1", "--group", "nothing_like_it"), "no column"),
        (("--exclude", "missing.txt"), "no file 'missing.txt'"),
        (("--exclude", "chunk.hdf5"), "not a text file"),
        (("--exclude", "chunk.csv"), "without 12 names"),
        (("--preset", "steadmaxi"), "merged, steadmicro, steadmini"),
        (("--balance", "--where", "trace_category == 'noise'"), "balance needs events and noise"),
    ],
)
def test_options_that_cannot_be(stead, run, tmp_path, options, message):
    stead()
    before = sorted(tmp_path.iterdir())
    refused(run("steadkit", "subset", "chunk.hdf5", *options), message)
    assert sorted(tmp_path.iterdir()) == before


def test_a_table_without_rows_is_said_to_be_empty(run, tmp_path):
    (tmp_path / "merge.csv").write_text("trace_name,trace_category\n")
    refused(run("steadkit", "subset", "--fraction", "1", "--manifest-only"), "has no traces")


def test_sources_that_tell_their_earthquakes_differently(run, tmp_path):
    head = "trace_name,trace_category"
    (tmp_path / "a.csv").write_text(
        f"{head},source_id\n" + "".join(f"a{i}_EV,earthquake_local,q{i // 2}\n" for i in range(6))
    )
    (tmp_path / "b.csv").write_text(
        f"{head},source_origin_time\n"
        + "".join(f"b{i}_EV,earthquake_local,t{i // 2}\n" for i in range(6))
    )
    result = run(
        *("steadkit", "subset", "a.csv", "b.csv", "--count", "5", "--group", "source_id"),
        *("--manifest-only", "-o", "x"),
    )
    assert result.exit_code == 0, result.output
    traces = load(tmp_path / "x.manifest").traces
    assert len(traces) == 6
    pairs = Counter((trace[0], int(trace[1]) // 2) for trace in traces)
    assert set(pairs.values()) == {2}


@pytest.mark.parametrize(
    ("fraction", "message"), [("0", "above 0"), ("1.5", "at most 1"), ("abc", "not a number")]
)
def test_fractions_that_are_none(stead, run, tmp_path, fraction, message):
    stead()
    before = sorted(tmp_path.iterdir())
    refused(run("steadkit", "subset", "chunk.hdf5", "--fraction", fraction), message)
    assert sorted(tmp_path.iterdir()) == before


def test_a_fraction_of_nothing(stead, run, tmp_path):
    stead()
    refused(run("steadkit", "subset", "chunk.hdf5", "--fraction", "0.01"), "is none")


def test_an_existing_target_is_kept(stead, run, tmp_path):
    stead()
    foreign = b"\x89HDF\r\n\x1a\n of mine: data\0"
    (tmp_path / "half.hdf5").write_bytes(foreign)
    arguments = ("steadkit", "subset", "chunk.hdf5", "--fraction", "0.5", "-o", "half.hdf5")
    refused(run(*arguments), "half.hdf5", "--overwrite")
    assert (tmp_path / "half.hdf5").read_bytes() == foreign
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
