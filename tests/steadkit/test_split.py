"""Splits: nothing on two sides, shares, order; every mode's promise, and the proof of it."""

import json
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from conftest import as_csv, names_of, refused, row
from hypothesis import given
from hypothesis import strategies as st

from steadkit.errors import InputError
from steadkit.manifest import load, manifest_of
from steadkit.sampling import SPLITS
from steadkit.split import (
    SplitConfig,
    assign,
    audit,
    audit_manifest,
    existing_split,
    list_rows,
    load_training_split,
    parse_by,
    parse_shares,
    refuse_leaks,
    split_manifest,
)
from steadkit.split.groups import group_labels, join_groups

EVEN = (Fraction(1, 2), Fraction(1, 4), Fraction(1, 4))
BY_STATION = SplitConfig(by=("station",))


def table_of(quakes, stations=None, prefix="T"):
    """Make rows of events: the quake of each trace, and its station."""
    stations = stations or [f"S{number}" for number in range(len(quakes))]
    rows = [
        row(f"{prefix}{number}.XX_2020_EV") | {"source_id": quake, "receiver_code": station}
        for number, (quake, station) in enumerate(zip(quakes, stations, strict=True))
    ]
    return as_csv(rows)


def splits_by(table, splits, column):
    """Which splits each value of a column has traces in."""
    return table.assign(part=list(splits)).groupby(column)["part"].agg(set)


def counts_of(splits):
    return [int((np.asarray(splits) == split).sum()) for split in SPLITS]


QUAKES = st.lists(st.integers(0, 40).map("q{}".format), min_size=3, max_size=150)


@given(quakes=QUAKES, seed=st.integers(0, 9), shuffle=st.randoms(use_true_random=False))
def test_whole_groups_near_the_shares_whatever_the_order(quakes, seed, shuffle):
    table, config = table_of(quakes), SplitConfig(shares=EVEN, seed=seed)
    sizes = pd.Series(quakes).value_counts()
    if sizes.max() > len(quakes) / 4 or len(sizes) < 4:
        return  # the next tests are about these
    splits, _ = assign(table, config)
    assert splits_by(table, splits, "source_id").map(len).eq(1).all()
    expected = [float(share) * len(quakes) for share in EVEN]
    off = np.abs(np.array(counts_of(splits)) - expected)
    assert (off <= sizes.max()).all()
    mixed = table.iloc[shuffle.sample(range(len(table)), len(table))]
    again = pd.Series(assign(mixed, config)[0], index=mixed["trace_name"])
    assert again[table["trace_name"]].tolist() == splits.tolist()


@given(
    pairs=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=80),
    shuffle=st.randoms(use_true_random=False),
)
def test_what_is_connected_has_one_name(pairs, shuffle):
    quakes, stations = (
        np.array([f"{kind}{i:02}" for i in column], dtype=object)
        for kind, column in zip("qs", zip(*pairs, strict=True), strict=True)
    )
    names = join_groups([quakes, stations])
    # The plain way: spread the smallest name until nothing changes.
    spread = pd.Series(quakes)
    for _ in range(2 * len(pairs)):
        spread = spread.groupby(quakes).transform("min").groupby(stations).transform("min")
    assert names.tolist() == spread.tolist()
    order = shuffle.sample(range(len(pairs)), len(pairs))
    assert join_groups([quakes[order], stations[order]]).tolist() == names[order].tolist()


@given(count=st.integers(60, 200), more=st.integers(1, 6), seed=st.integers(0, 5))
def test_few_groups_move_when_some_are_added(count, more, seed):
    table = table_of([f"q{number}" for number in range(count + more)])
    config = SplitConfig(seed=seed)
    before, after = assign(table[:count], config)[0], assign(table, config)[0]
    # Each of the two small splits may grow by its share of the new ones and by rounding.
    assert (before != after[:count]).sum() <= 2 * (more + 2)


def test_a_fixed_split_stays_fixed():
    splits, _ = assign(table_of([f"q{number}" for number in range(100)]), SplitConfig())
    assert counts_of(splits) == [85, 5, 10]
    assert [n for n, split in enumerate(splits) if split == "validation"] == [21, 46, 82, 89, 92]
    seed_1_splits, _ = assign(
        table_of([f"q{number}" for number in range(100)]), SplitConfig(seed=1)
    )
    assert splits.tolist() != seed_1_splits.tolist()


def test_every_category_gets_its_shares():
    names = names_of(200, 100)
    table = as_csv([row(name) | {"source_id": name} for name in names])
    splits, _ = assign(table, SplitConfig())
    assert counts_of(splits[:200]) == [170, 10, 20]
    assert counts_of(splits[200:]) == [85, 5, 10]


def test_a_large_group_goes_to_the_largest_part():
    quakes = ["big"] * 70 + [f"q{number}" for number in range(30)]
    for seed in range(5):
        splits, _ = assign(table_of(quakes), SplitConfig(seed=seed))
        assert set(splits[:70]) == {"train"}
        assert counts_of(splits) == [85, 5, 10]


@pytest.mark.parametrize(
    ("quakes", "message"),
    [
        (["big"] * 90 + [f"q{n}" for n in range(10)], "holds 90 of 100 traces"),
        (["a", "b", "b", "b"], "no trace left for the"),
        ([], "header only"),
    ],
)
def test_what_cannot_be_split_is_said(quakes, message):
    table = table_of(quakes) if quakes else table_of(["a"])[:0]
    with pytest.raises(InputError, match=message):
        assign(table, SplitConfig())


def test_an_earthquake_without_an_id_goes_by_its_time():
    table = table_of([""] * 40).assign(
        source_origin_time=[f"2020-01-{1 + n // 4:02} 00:00:00" for n in range(40)]
    )
    splits, _ = assign(table, SplitConfig(shares=EVEN))
    by_time = splits_by(table, splits, "source_origin_time")
    assert len(by_time) == 10
    assert by_time.map(len).eq(1).all()


def test_by_station_tells_what_it_does_not_promise():
    # A ring: each quake is seen by two stations.
    quakes = [f"q{n // 2}" for n in range(40)]
    table = table_of(quakes, [f"S{(n + 1) // 2 % 20}" for n in range(40)])
    splits, config = assign(table, SplitConfig(by=("station",), shares=EVEN))
    station, earthquake = audit(table, splits, config)
    assert (station.group_type, station.names, station.is_leak) == ("station", [], True)
    torn = splits_by(table, splits, "source_id")
    assert earthquake.names == sorted(f"source_id {q}" for q in torn[torn.map(len) > 1].index)
    assert earthquake.names
    assert not earthquake.is_leak
    refuse_leaks([station, earthquake], "x")
    with pytest.raises(
        InputError, match=r"x leaks: train and .* share, by earthquake, source_id .* in all"
    ):
        refuse_leaks(audit(table, splits, config, strict=True), "x")
    with pytest.raises(InputError, match="holds 40 of 40"):
        assign(table, SplitConfig(by=("station", "earthquake")))


def test_by_station_and_earthquake_neither_is_torn():
    # Ten islands of two quakes and three stations each.
    quakes = [f"q{n // 3}" for n in range(60)]
    table = table_of(quakes, [f"S{n // 6}{n % 3}" for n in range(60)])
    splits, config = assign(table, SplitConfig(by=("station", "earthquake"), shares=EVEN))
    assert all(not overlap.names for overlap in audit(table, splits, config))
    assert splits_by(table, splits, "receiver_code").map(len).eq(1).all()
    assert all(count >= 12 for count in counts_of(splits))


def test_a_station_is_its_network_too():
    table = table_of(["a", "b"], ["X", "X"]).assign(network_code=["N1", "N2"])
    assert group_labels(table, "station", BY_STATION).tolist() == ["station N1.X", "station N2.X"]
    with pytest.raises(InputError, match="2 traces have no receiver_code"):
        group_labels(table.assign(receiver_code=" "), "station", BY_STATION)


def test_any_column_and_a_value_that_is_not_known():
    table = table_of([f"q{n}" for n in range(40)]).assign(p_status=["manual", "None"] * 20)
    labels = group_labels(table, "p_status", SplitConfig())
    assert labels[0] == "p_status manual"
    assert labels[1] == "trace T1.XX_2020_EV"


def times_of(table, hours):
    starts = pd.Timestamp("2020-01-01") + pd.to_timedelta(list(hours), unit="h")
    return table.assign(trace_start_time=starts.strftime("%Y-%m-%d %H:%M:%S.%f"))


def test_by_time_training_comes_first_and_earthquakes_stay_whole():
    # Two traces a quake, the second an hour later than the first of the next.
    table = times_of(
        table_of([f"q{n // 2}" for n in range(200)]), [n + 2 * (n % 2) for n in range(200)]
    )
    splits, config = assign(table, SplitConfig(by=("time",)))
    assert counts_of(splits) == [170, 10, 20]
    assert splits.tolist() == ["train"] * 170 + ["validation"] * 10 + ["test"] * 20
    assert config.cut == ("2020-01-08T02:00:00.000000Z", "2020-01-08T12:00:00.000000Z")
    time, earthquake = audit(table, splits, config)
    assert not time.names
    assert not earthquake.names
    assert earthquake.is_leak


def test_instants_of_the_user_and_a_gap():
    table = times_of(table_of([f"q{n}" for n in range(100)]), range(100))
    config = SplitConfig(by=("time",), cut=("2020-01-02", "2020-01-03T02:00+02:00"), gap_days=0.25)
    splits, used = assign(table, config)
    expected = ["train"] * 24 + ["-"] * 6 + ["validation"] * 18 + ["-"] * 6 + ["test"] * 46
    assert splits.tolist() == expected
    assert used == config


def test_a_trace_on_the_wrong_side_of_time_is_named():
    table = times_of(table_of([f"q{n}" for n in range(9)]), range(9))
    splits = ["train"] * 3 + ["validation"] * 3 + ["test", "train", "test"]
    time, _ = audit(table, splits, SplitConfig(by=("time",)))
    assert time.names == ["source_id q7"]
    assert time.shared_groups["train", "test"] == ["source_id q7"]
    with pytest.raises(InputError, match=r"'T0[^ ]* has trace_start_time = 'soon'"):
        assign(table.assign(trace_start_time="soon"), SplitConfig(by=("time",)))


def placed(latitudes, longitudes, noise=False):
    table = table_of([f"q{n}" for n in range(len(latitudes))])
    own, other = ("receiver", "source") if noise else ("source", "receiver")
    category = {"trace_category": "noise"} if noise else {}
    return table.assign(
        **{
            f"{own}_latitude": [str(value) for value in latitudes],
            f"{own}_longitude": [str(value) for value in longitudes],
        },
        **{f"{other}_latitude": "", f"{other}_longitude": ""},
        **category,
    )


@pytest.mark.parametrize("noise", [False, True])
def test_cells_of_a_grid_on_both_sides_of_the_date_line(noise):
    table = placed([0.5, 0.9, -0.1, 0.5, 90], [179.5, -180.5, 179.5, -179.5, 540 - 360.5], noise)
    labels = group_labels(table, "region", SplitConfig(by=("region",))).tolist()
    assert labels == ["cell 0 179", "cell 0 179", "cell -1 179", "cell 0 -180", "cell 90 179"]
    with pytest.raises(InputError, match="have no place"):
        group_labels(placed([91], [0], noise), "region", SplitConfig(by=("region",)))


def test_no_cell_is_in_two_parts():
    random = np.random.default_rng(0)
    table = placed(random.uniform(-60, 60, 300), random.uniform(-180, 180, 300))
    splits, config = assign(table, SplitConfig(by=("region",), cell_degrees=10))
    region, _ = audit(table, splits, config)
    assert not region.names
    assert sum(region.groups.values()) == len(set(group_labels(table, "region", config)))


def test_boxes_and_what_lies_in_neither():
    table = placed([10, 20, 30, 31], [5, 5, 5, 5]).assign(source_id=["a", "b", "c", "c"])
    config = SplitConfig(by=("region",), validation_box=(15, 0, 25, 10), test_box=(30.5, 0, 40, 10))
    splits, _ = assign(table, config)
    # The last two are one earthquake: the test box takes it whole.
    assert splits.tolist() == ["train", "validation", "test", "test"]
    region, _ = audit(table, ["train", "train", "test", "test"], config)
    assert region.names == ["source_id b"]
    with pytest.raises(InputError, match="lies in both boxes"):
        assign(
            table, SplitConfig(by=("region",), validation_box=(0, 0, 50, 9), test_box=(9, 0, 11, 9))
        )


def test_the_same_samples_go_together():
    table = table_of([f"q{n}" for n in range(40)])
    digests = [f"{n % 20:032x}" for n in range(38)] + ["-", "-"]
    splits, config = assign(table, SplitConfig(shares=EVEN), digests)
    assert splits[:18].tolist() == splits[20:38].tolist()
    spoilt = splits.copy()
    spoilt[0] = "test" if splits[0] != "test" else "train"
    (*_, samples) = audit(table, spoilt, config, digests)
    assert samples.names == [f"waveform {0:032x}"]
    with pytest.raises(InputError, match="same samples"):
        refuse_leaks([samples], "x")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"by": ()}, "nothing to split by"),
        ({"by": ("station", "station")}, "name each once"),
        ({"by": ("time", "station")}, "cannot be joined"),
        ({"shares": EVEN[:2]}, "add up to 1"),
        ({"cut": ("2020-01-01", "2020-01-02")}, "add --by time"),
        ({"by": ("time",), "cut": ("2020-01-02", "2020-01-01")}, "is not before"),
        ({"by": ("time",), "cut": ("now", "2020-01-01")}, "'now' is not a time"),
        ({"by": ("time",), "gap_days": -1.0}, "gap of -1 days"),
        ({"by": ("time",), "gap_days": float("nan")}, "gap of nan days"),
        ({"by": ("region",), "cell_degrees": 0.0}, "cells of 0 degrees"),
        ({"by": ("region",), "test_box": (0, 0, 1, 1)}, "one box is missing"),
        ({"by": ("region",), "test_box": (9, 0, 1, 1), "validation_box": (0, 0, 1, 1)}, "south"),
        ({"test_box": (0, 0, 1, 1), "validation_box": (2, 0, 3, 1)}, "add --by region"),
        ({"stratify": ("p_status:1,2",)}, "text and has no bins"),
    ],
)
def test_rules_that_contradict_themselves(settings, message):
    with pytest.raises(InputError, match=message):
        SplitConfig(**settings)


@pytest.mark.parametrize(
    "config",
    [
        SplitConfig(),
        SplitConfig(by=("station", "earthquake"), shares=EVEN, seed=7, stratify=()),
        SplitConfig(by=("time",), cut=("2020-01-01", "2021-01-01"), gap_days=2.5),
        SplitConfig(by=("region",), cell_degrees=0.5),
        SplitConfig(by=("region",), validation_box=(0, 0, 1, 1), test_box=(2, 170, 3, -170)),
    ],
)
def test_a_recipe_gives_the_rule_back(config):
    recipe = json.loads(json.dumps(config.to_recipe("3f9a")))
    assert recipe["of"] == "3f9a"
    assert SplitConfig.from_recipe(recipe) == config


@pytest.mark.parametrize("spoilt", [{"by": 5}, {"shares": ["x"]}, {"cut": [1, 2], "by": ["time"]}])
def test_a_recipe_that_was_spoilt(spoilt):
    with pytest.raises(InputError):
        SplitConfig.from_recipe({"operation": "split"} | spoilt)


def test_what_is_written_on_a_command_line():
    assert parse_by(["station,earthquake", "region"]) == ("station", "earthquake", "region")
    assert parse_shares("0.8, 0.1,0.1") == (Fraction(4, 5), Fraction(1, 10), Fraction(1, 10))
    with pytest.raises(InputError):
        parse_shares("a,b,c")


@pytest.fixture
def csv(tmp_path):
    """Make a table of 90 quakes of two traces each, and 60 noise traces."""
    names = names_of(180, 60)
    rows = [
        row(name) | {"source_id": f"q{n // 2}" if n < 180 else ""} for n, name in enumerate(names)
    ]
    as_csv(rows).to_csv(tmp_path / "x.csv", index=False)
    return tmp_path / "x.csv"


def test_the_order_of_the_rows_changes_no_byte(csv, run):
    assert run("steadkit", "split", csv, "-o", "one.manifest").exit_code == 0
    table = pd.read_csv(csv, dtype=str, keep_default_na=False)
    table.sample(frac=1, random_state=1).to_csv(csv, index=False)
    assert run("steadkit", "split", csv, "-o", "other.manifest").exit_code == 0
    manifest_a, manifest_b = (
        csv.with_name(f"{name}.manifest").read_bytes() for name in ("one", "other")
    )
    assert manifest_a == manifest_b


def test_a_split_by_its_command_and_the_proof(csv, run):
    result = run("steadkit", "split", csv)
    assert result.exit_code == 0, result.output
    split = load(csv.with_name("x.split.manifest"))
    assert counts_of(split.splits) == [204, 12, 24]
    assert split.recipe["by"] == ["earthquake"]
    base, _ = list_rows(csv)
    assert split.recipe["of"] == base.digest
    proof = run("steadkit", "split", "--check", csv)
    assert proof.exit_code == 0
    assert proof.output.endswith("x.split.manifest: no leak\n")
    refused(run("steadkit", "split", csv), "exists", "--overwrite")
    refused(run("steadkit", "split", csv, "-o", csv, "--overwrite"), ".manifest")


def test_a_leak_is_named_and_the_exit_code_is_1(csv, run):
    base, table = list_rows(csv)
    splits = np.array(["train", "validation", "test"] * 80)
    leaking = manifest_of(
        "x", {"operation": "by hand"}, base.traces, table["trace_category"], splits
    )
    leaking.write(csv.with_name("x.manifest"))
    result = run("steadkit", "split", "--check", "x.manifest")
    assert result.exit_code == 1
    refused(result, "leaks", "by earthquake, source_id q")
    assert "LEAK" in result.stdout
    assert run("steadkit", "split", "--check", "x.manifest", "--by", "p_status").exit_code == 0
    # Both what is forbidden and what is allowed is counted right.
    pairs = splits_by(table, splits, "source_id").drop("")
    (earthquake,) = audit_manifest(leaking, table)
    assert earthquake.names == sorted(f"source_id {q}" for q in pairs[pairs.map(len) > 1].index)


def test_a_subset_is_split_by_its_manifest(stead, run, tmp_path):
    stead("chunk.hdf5", names_of(60, 20))
    assert run("steadkit", "subset", "chunk.hdf5", "--fraction", "0.5", "-o", "half").exit_code == 0
    subset = load(tmp_path / "half.manifest")
    assert run("steadkit", "split", "half.manifest", "--fractions", "0.5,0.25,0.25").exit_code == 0
    split = load(tmp_path / "half.split.manifest")
    assert split.recipe["of"] == subset.digest
    assert list(split.traces) == list(subset.traces)
    assert list(split.waveforms) == list(subset.waveforms)
    (tmp_path / "half.csv").rename(tmp_path / "elsewhere.csv")
    again = ("steadkit", "split", "half.manifest", "--overwrite", "--fractions", "0.5,0.25,0.25")
    refused(run(*again), "--metadata")
    assert run(*again, "--metadata", "chunk.csv").exit_code == 0
    assert load(tmp_path / "half.split.manifest") == split


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("x.csv", "--by", "statoin"), "no column 'statoin'"),
        (("x.csv", "--fractions", "0.5,0.5"), "add up to 1"),
        (("x.csv", "--fractions", "9,-4,-4"), "fraction"),
        (("x.csv", "--stratify", "nothing"), "no column 'nothing'"),
        (("x.csv", "--by", "region"), "have no place"),
        (("x.csv", "--by", "time", "--cut", "2020", "now"), "is not a time"),
        (("x.csv", "--by", "network_code"), "holds 240 of 240"),
        (("x.csv", "--check"), "no split beside"),
        (("none.csv",), "no file 'none.csv'"),
        (("none.manifest",), "no file 'none.manifest'"),
        (("x.csv", "--metadata", "x.csv", "--metadata", "x.csv"), "is named twice"),
    ],
)
def test_hostile_options_get_one_line(csv, run, arguments, message):
    before = sorted(csv.parent.iterdir())
    refused(run("steadkit", "split", *arguments), message)
    assert sorted(csv.parent.iterdir()) == before


def test_a_manifest_that_does_not_fit_its_table(csv):
    base, table = list_rows(csv)
    manifest_of("x", {}, base.traces[:9], table["trace_category"][:9]).write(
        csv.with_suffix(".manifest")
    )
    with pytest.raises(InputError, match="lists 9 traces"):
        list_rows(csv)
    manifest_of("x", {}, ["other_EV"], ["noise"]).write(csv.with_suffix(".manifest"))
    with pytest.raises(InputError, match="'other_EV' for one"):
        list_rows(csv.with_suffix(".manifest"))
    manifest_of("x", {}, base.traces, ["noise"] * 240).write(csv.with_suffix(".manifest"))
    with pytest.raises(InputError, match="the CSV that they came from"):
        list_rows(csv)


def test_training_finds_the_split_beside_its_data(csv):
    base, table = list_rows(csv)
    assert existing_split(csv) is None
    base.write(csv.with_suffix(".manifest"))
    assert existing_split(csv) is None
    split, _ = split_manifest(base, table, SplitConfig())
    split.write(csv.with_suffix(".manifest"))
    assert existing_split(csv) == csv.with_suffix(".manifest")
    split.write(csv.with_name("x.split.manifest"))
    assert existing_split(csv) == csv.with_name("x.split.manifest")
    assert load_training_split(existing_split(csv), csv).digest == split.digest


def test_training_on_fewer_traces_than_were_split(csv):
    base, table = list_rows(csv)
    split, _ = split_manifest(base, table, SplitConfig())
    split.write(csv.with_name("all.manifest"))
    pd.read_csv(csv, dtype=str, keep_default_na=False)[::2].to_csv(csv, index=False)
    training_manifest = load_training_split(csv.with_name("all.manifest"), csv)
    assert len(training_manifest.traces) == 120
    split_by_name = dict(zip(split.traces, split.splits, strict=True))
    assert [split_by_name[name] for name in training_manifest.traces] == list(
        training_manifest.splits
    )
    assert training_manifest.recipe == {"operation": "restrict", "of": split.digest}


def spoil(split, how):
    """Change the splits of a manifest, or what it says of itself."""
    splits = list(split.splits)
    if how == "leak":
        splits[splits.index("train")] = "test"
    if how == "left out":
        splits[0] = "-"
    if how == "no test":
        splits = [name.replace("test", "train") for name in splits]
    rows = slice(1, None) if how == "other data" else slice(None)
    names = list(split.traces)[rows]
    categories = ["noise" if name.endswith("NO") else "earthquake_local" for name in names]
    return manifest_of("x", split.recipe, names, categories, splits[rows])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("leak", "train and test share, by earthquake"),
        ("left out", "no split"),
        ("no test", "no trace for the test split"),
        ("other data", "the split of other data"),
    ],
)
def test_splits_that_training_refuses(csv, how, message):
    events = pd.read_csv(csv, dtype=str, keep_default_na=False)[:180]
    events.to_csv(csv, index=False)
    split, _ = split_manifest(*list_rows(csv), SplitConfig())
    spoil(split, how).write(csv.with_name("x.split.manifest"))
    with pytest.raises(InputError, match=message):
        load_training_split(csv.with_name("x.split.manifest"), csv)


def test_training_takes_a_split_by_station_as_it_is(csv):
    base, table = list_rows(csv, BY_STATION)
    split, overlaps = split_manifest(base, table, BY_STATION)
    assert any(overlap.names for overlap in overlaps)
    split.write(csv.with_name("x.split.manifest"))
    assert load_training_split(csv.with_name("x.split.manifest"), csv).digest == split.digest
