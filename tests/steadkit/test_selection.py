"""Selection of rows: golden lists, nesting under every option, strata, groups, places, names."""

import hashlib
import json
import random
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadkit.catalog import read_table
from steadkit.errors import InputError
from steadkit.manifest import manifest_of
from steadkit.selection import (
    NameSet,
    Selection,
    excluded_rows,
    name_set,
    needed_columns,
    read_names,
    select,
)

EVENT, NOISE = "earthquake_local", "noise"
TENTH = Fraction(1, 10)

# What seed 0 takes of the 1,000 rows below. It was fixed before there were options, and no
# version may ever select anything else.
GOLDEN = [
    "S32.XX_20200101000328_EV",
    "S0.XX_20200101000481_EV",
    "S20.XX_20200101000242_EV",
    "S11.XX_20200101000640_EV",
    "S14.XX_20200101000088_EV",
    "S9.XX_20200101000712_EV",
    "S6.XX_20200101000672_EV",
    "S39.XX_20200101000039_NO",
    "S22.XX_20200101000059_EV",
    "S33.XX_20200101000477_EV",
]
GOLDEN_DIGEST = "1bcbc9183d23f31025cca5f11a53db02"


def thousand() -> pd.DataFrame:
    """Make the fixed table: 800 events and 200 noise traces, some columns filled."""
    numbers = [*range(800), *range(200)]
    stations = [f"S{i % 37}" for i in range(800)] + [f"S{i % 41}" for i in range(200)]
    suffixes = ["EV"] * 800 + ["NO"] * 200
    event = np.array(suffixes) == "EV"
    table = {
        "trace_name": [
            f"{s}.XX_{20200101000000 + i}_{x}"
            for s, i, x in zip(stations, numbers, suffixes, strict=True)
        ],
        "trace_category": np.where(event, EVENT, NOISE),
        "receiver_code": stations,
        "receiver_latitude": [f"{(i * 7) % 160 - 80}.5" for i in numbers],
        "receiver_longitude": [f"{(i * 13) % 360 - 180}.25" for i in numbers],
        "source_id": [f"q{i // 4}" if i < 700 else "None" for i in range(800)] + [""] * 200,
        "source_origin_time": [f"2020-01-01 00:{i // 8 % 60:02d}:00" for i in range(800)]
        + ["None"] * 200,
        "source_magnitude": [f"{(i // 4) % 50 / 10}" for i in range(800)] + [""] * 200,
        "source_latitude": [f"{(i * 3) % 160 - 80}" for i in range(800)] + ["None"] * 200,
        "source_longitude": [f"{(i * 11) % 360 - 180}" for i in range(800)] + ["None"] * 200,
        "snr_db": [f"[ {i % 60}. {i % 50}. {i % 40}.]" for i in range(800)] + ["None"] * 200,
    }
    return pd.DataFrame(table, dtype=str)


TABLE = thousand()


def names(table: pd.DataFrame, selection: Selection) -> list[str]:
    """Select, and name what was selected, in order."""
    return table["trace_name"].iloc[select(table, selection)].tolist()


def digest(chosen: list[str]) -> str:
    return hashlib.blake2b("\n".join(chosen).encode(), digest_size=16).hexdigest()


def test_seed_0_selects_what_it_always_has():
    chosen = names(TABLE, Selection(TENTH))
    assert chosen[:10] == GOLDEN
    assert len(chosen) == 100
    assert digest(chosen) == GOLDEN_DIGEST


def test_the_golden_list_on_shuffled_rows_and_on_chunks():
    chosen = names(TABLE, Selection(TENTH))
    assert names(TABLE.sample(frac=1, random_state=5), Selection(TENTH)) == chosen
    chunks = [TABLE.iloc[number::6] for number in (3, 0, 5, 1, 4, 2)]
    assert names(pd.concat(chunks, ignore_index=True), Selection(TENTH)) == chosen


def test_the_golden_count_takes_the_nearest_shares():
    chosen = names(TABLE, Selection(count=100))
    assert digest(chosen) == GOLDEN_DIGEST  # a tenth of 800 and of 200 leaves no remainder
    assert names(TABLE, Selection(count=1000, seed=3)) == names(TABLE, Selection(seed=3))


OPTIONS = st.fixed_dictionaries(
    {"seed": st.integers(0, 5)},
    optional={
        "where": st.sampled_from(
            ["source_magnitude > 2", "not snr_db_Z > 10", "receiver_code < 'S2'"]
        ),
        "box": st.sampled_from([(-60, -170, 60, 150), (-90, 100, 90, -100)]),
        "stratify": st.sampled_from(
            [
                (),
                ("trace_category", "source_magnitude:1,2,4"),
                ("snr_db:10,30",),
                ("receiver_code",),
            ]
        ),
        "group": st.sampled_from(["source_id", "source_origin_time"]),
        "balance": st.booleans(),
        "exclude": st.just(name_set([*TABLE["trace_name"][:50], "unheard_of_EV"])),
    },
).map(
    # Noise has no source, and groups that might mix categories have no balance.
    lambda o: (
        o
        | ({"at": "receiver"} if "box" in o else {})
        | ({"balance": False} if o.get("group") == "source_origin_time" else {})
        | ({"where": ""} if o.get("balance") else {})
    )
)


def try_names(table: pd.DataFrame, selection: Selection) -> list[str]:
    """Select; nothing, where a refusal says that a share is none or there are too few."""
    try:
        return names(table, selection)
    except InputError as error:
        assert "is none" in str(error) or "use at most" in str(error)
        return []


@given(options=OPTIONS, count=st.integers(1, 450), fewer=st.integers(1, 450))
def test_a_smaller_count_lies_within_a_larger_one(options, count, fewer):
    small, large = sorted((2 * count, 2 * fewer))  # even, as balance wants
    more = try_names(TABLE, Selection(count=large, **options))
    less = try_names(TABLE, Selection(count=small, **options))
    if more:
        assert set(less) <= set(more)
        if "group" not in options:
            assert (len(less), len(more)) == (small, large)


@given(
    options=OPTIONS,
    parts=st.tuples(st.fractions(Fraction(1, 50), 1), st.fractions(Fraction(1, 50), 1)),
    rounding=st.sampled_from(["floor", "nearest"]),
)
def test_a_smaller_fraction_lies_within_a_larger_one(options, parts, rounding):
    small, large = (Selection(part, rounding=rounding, **options) for part in sorted(parts))
    assert set(try_names(TABLE, small)) <= set(try_names(TABLE, large))


@given(options=OPTIONS, shuffle=st.integers(0, 99))
def test_the_order_of_the_rows_changes_nothing(options, shuffle):
    selection = Selection(Fraction(1, 3), **options)
    mixed = TABLE.sample(frac=1, random_state=shuffle)
    assert try_names(mixed, selection) == try_names(TABLE, selection)


@given(seed=st.integers(0, 9), data=st.data())
def test_new_traces_move_none(seed, data):
    new = data.draw(st.lists(st.integers(0, 10**6), unique=True, max_size=40))
    rows = {"trace_name": [f"N{i}_EV" for i in new], "trace_category": [EVENT] * len(new)}
    larger = pd.concat([TABLE, pd.DataFrame(rows, dtype=str)], ignore_index=True).fillna("")
    selected_before = names(TABLE, Selection(TENTH, seed=seed))
    selected_after = names(larger, Selection(TENTH, seed=seed))
    old = [name for name in selected_after if not name.startswith("N")]
    # A larger stratum has a larger share, but the new ones displace: what stays keeps its order,
    # and the noise, to which nothing was added, is the same.
    common_names = set(old) & set(selected_before)
    assert [name for name in old if name in common_names] == [
        name for name in selected_before if name in common_names
    ]
    assert [n for n in old if n.endswith("_NO")] == [
        n for n in selected_before if n.endswith("_NO")
    ]
    assert names(larger, Selection(seed=seed, exclude=name_set(rows["trace_name"]))) == names(
        TABLE, Selection(seed=seed)
    )


def test_strata_in_bins_give_their_shares_each():
    selection = Selection(TENTH, stratify=("trace_category", "source_magnitude:1,2.5"))
    chosen = TABLE.iloc[select(TABLE, selection)]

    def parts(table: pd.DataFrame) -> Counter:
        values = pd.to_numeric(table["source_magnitude"])
        edges = np.where(values.isna(), "none", np.where(values < 1, "low", "mid"))
        return Counter(np.where(values >= 2.5, "high", edges).tolist())

    assert parts(chosen) == {part: count // 10 for part, count in parts(TABLE).items()}
    assert set(parts(TABLE)) == {"none", "low", "mid", "high"}


def test_no_strata_is_one_draw_over_all():
    order = names(TABLE, Selection())
    assert names(TABLE, Selection(count=77, stratify=())) == order[:77]


def test_rounding_to_the_nearest():
    selected = Counter(name[-2:] for name in names(TABLE, Selection(Fraction(1, 16))))
    nearest = Selection(Fraction(9, 400), rounding="nearest")
    assert selected == {"EV": 50, "NO": 12}
    assert Counter(name[-2:] for name in names(TABLE, nearest)) == {"EV": 18, "NO": 5}  # 4.5


def test_balance_takes_as_many_of_each_as_the_smaller_has():
    for selection, expected in (
        (Selection(balance=True), 200),
        (Selection(TENTH, balance=True), 20),
        (Selection(count=100, balance=True, stratify=()), 50),
        (Selection(TENTH, balance=True, stratify=("source_magnitude:1,2,3",)), None),
    ):
        selected = Counter(name[-2:] for name in names(TABLE, selection))
        assert selected["EV"] == selected["NO"] == (expected or selected["EV"])
    one_stratum = names(TABLE, Selection(TENTH, balance=True))
    assert set(one_stratum) <= set(names(TABLE, Selection(TENTH)))


def test_balance_of_one_category_is_refused():
    with pytest.raises(InputError, match="800 earthquake_local and 0 noise"):
        select(TABLE[:800], Selection(balance=True))
    with pytest.raises(InputError, match="use --at receiver"):
        select(TABLE, Selection(balance=True, box=(-90, -180, 90, 180)))


@pytest.mark.parametrize("seed", range(5))
def test_whole_earthquakes_by_id_and_else_by_time(seed):
    chosen = TABLE.iloc[select(TABLE, Selection(Fraction(1, 5), seed=seed, group="source_id"))]
    for column, rows in (("source_id", TABLE[:700]), ("source_origin_time", TABLE[700:800])):
        selected = set(chosen[column][chosen.index.isin(rows.index)])
        expected = rows["trace_name"][rows[column].isin(selected)]
        assert selected
        assert set(expected) <= set(chosen["trace_name"])
    events = (chosen["trace_category"] == EVENT).sum()
    assert 160 <= events < 160 + 8  # the largest earthquake has 8 traces
    assert (chosen["trace_category"] == NOISE).sum() == 40


def test_whole_stations_though_they_have_events_and_noise():
    chosen = TABLE.iloc[select(TABLE, Selection(Fraction(1, 4), group="receiver_code"))]
    stations = set(chosen["receiver_code"])
    assert len(chosen) == TABLE["receiver_code"].isin(stations).sum()
    assert 250 <= len(chosen) < 250 + 2 * TABLE["receiver_code"].value_counts().max()


def test_a_box_holds_sources_and_no_noise_or_receivers():
    box = (-10.0, 20.0, 30.0, 90.0)
    latitude, longitude = (
        pd.to_numeric(TABLE[f"source_{axis}"].replace("None", ""))
        for axis in ("latitude", "longitude")
    )
    expected = TABLE[latitude.between(-10, 30) & longitude.between(20, 90)]
    assert sorted(names(TABLE, Selection(box=box))) == sorted(expected["trace_name"])
    stations = names(TABLE, Selection(box=box, at="receiver"))
    assert any(name.endswith("_NO") for name in stations)


def test_excluded_names_are_never_taken(tmp_path):
    used = names(TABLE, Selection(TENTH))
    (tmp_path / "a.txt").write_text("# used\n\n" + "\n".join(used[:30]) + "\nnot_here_EV\n")
    table = TABLE[TABLE["trace_name"].isin(used[20:60])]
    table.to_csv(tmp_path / "b.csv", index=False)
    manifest = manifest_of("c", {}, used[60:], ["noise"] * 40)
    (tmp_path / "c.manifest").write_text(manifest.to_text())
    exclude = read_names([tmp_path / name for name in ("a.txt", "b.csv", "c.manifest")])
    assert exclude == name_set([*used, "not_here_EV"])
    assert len(excluded_rows(TABLE, exclude)) == 100
    remaining = names(TABLE, Selection(exclude=exclude))
    assert sorted(remaining) == sorted(set(TABLE["trace_name"]) - set(used))


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (
            Selection(where="source_magnitude > 9"),
            "none of the 1,000 traces match where source_mag",
        ),
        (Selection(box=(89, 0, 90, 1)), "noise has no source"),
        (Selection(exclude=name_set(TABLE["trace_name"])), "without 1,000 names"),
        (Selection(count=1001), "use at most 1000"),
        (Selection(count=801, where="source_magnitude >= 0"), "800 traces that match"),
        (Selection(Fraction(1, 2000)), "0.0005 of 1000 traces is none"),
        (Selection(count=402, balance=True), "use at most 400"),
        (Selection(stratify=("p_statu",)), "no column 'p_statu'"),
        (Selection(group="receiver_cod"), "did you mean receiver_code"),
        (Selection(exclude=NameSet(3, "ab")), "give the list again"),
    ],
)
def test_what_no_row_can_satisfy_is_refused(selection, message):
    with pytest.raises(InputError, match=message):
        select(TABLE, selection)


def test_only_the_columns_needed_are_read():
    selection = Selection(
        where="snr_db_Z > 1",
        circle=(0, 0, 5),
        at="receiver",
        stratify=("snr_db:10",),
        group="source_id",
    )
    assert needed_columns(selection) == [
        *("trace_name", "trace_category", "snr_db", "receiver_latitude", "receiver_longitude"),
        *("source_id", "source_origin_time"),
    ]
    assert needed_columns(
        Selection(group="source_id"), TABLE.drop(columns="source_id").columns
    ) == [*("trace_name", "trace_category", "source_origin_time")]
    with pytest.raises(InputError, match="no column 'source_id'"):
        needed_columns(Selection(group="source_id"), ["trace_name", "trace_category"])


def test_the_options_of_a_recipe_select_the_same_rows():
    selection = Selection(count=60, where="snr_db > 5", stratify=("source_magnitude:1,3",), seed=4)
    restored = Selection.from_recipe(json.loads(json.dumps(selection.to_recipe())))
    assert names(TABLE, restored) == names(TABLE, selection)
    assert names(TABLE, replace(restored, seed=5)) != names(TABLE, selection)


def test_real_rows(shared_data: Path):
    table = read_table(shared_data / "stead_100samples.csv")
    selection = Selection(
        count=20, where="source_magnitude > 3", stratify=("snr_db:20,40",), group="source_id"
    )
    chosen = table.iloc[select(table, selection)]
    assert len(chosen) >= 20
    assert (pd.to_numeric(chosen["source_magnitude"]) > 3).all()
    rows = list(range(len(table)))
    random.Random(1).shuffle(rows)
    assert names(table.iloc[rows], selection) == chosen["trace_name"].tolist()
