"""Sampling: golden selections, nesting, independence of the order."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadkit.errors import InputError
from steadkit.sampling import (
    allocate,
    draw_per_stratum,
    draw_rows,
    fraction_count,
    majority_stratum,
    shuffled_order,
    stratum_counts,
)
from steadkit.types import parse_fraction

NAMES = st.lists(st.text("abc019._", min_size=1, max_size=8), unique=True, min_size=1, max_size=60)
FRACTIONS = st.fractions(Fraction(1, 1000), 1)
SIZES = st.dictionaries(st.text("abc", max_size=3), st.integers(1, 40), min_size=1, max_size=8)


def test_a_fixed_selection_stays_fixed():
    names = [f"S{i}.XX_20200101000000_EV" for i in range(1000)]
    chosen = draw_rows(names, ["earthquake_local"] * 1000, Fraction(1, 100), seed=0)
    assert chosen.tolist() == [556, 8, 397, 640, 319, 904, 435, 764, 757, 405]


@given(names=NAMES, small=FRACTIONS, large=FRACTIONS, seed=st.integers(0, 99))
def test_a_smaller_fraction_lies_within_a_larger_one(names, small, large, seed):
    small, large = sorted((small, large))
    strata = [name[0] for name in names]
    fewer, more = draw_rows(names, strata, small, seed), draw_rows(names, strata, large, seed)
    assert set(fewer) <= set(more)


@given(names=NAMES, fraction=FRACTIONS, shuffle=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(names, fraction, shuffle):
    mixed = list(names)
    shuffle.shuffle(mixed)
    selections = [
        [rows[i] for i in draw_rows(rows, [name[0] for name in rows], fraction, 7)]
        for rows in (names, mixed)
    ]
    assert selections[0] == selections[1]


@given(names=NAMES, fraction=FRACTIONS)
def test_every_stratum_gives_its_share(names, fraction):
    strata = [name[0] for name in names]
    chosen = [strata[i] for i in draw_rows(names, strata, fraction, 0)]
    assert all(chosen.count(s) == fraction_count(strata.count(s), fraction) for s in set(strata))


def test_another_seed_is_another_order():
    names = [f"T{i}" for i in range(50)]
    assert shuffled_order(names, 0).tolist() != shuffled_order(names, 1).tolist()
    assert shuffled_order(names, 0).tolist() != shuffled_order(names, 0, "split").tolist()


@pytest.mark.parametrize(
    ("total", "text", "expected"),
    [
        (100, "0.29", 29),  # in binary floating point it would be 28
        (1_030_231, "0.01", 10_302),
        (235_426, "0.01", 2_354),
        (1_030_231, "0.1", 103_023),
        (235_426, "0.1", 23_542),
        (3, "1/3", 1),
        (7, "1", 7),
    ],
)
def test_shares_are_exact(total, text, expected):
    assert fraction_count(total, parse_fraction(text)) == expected


@pytest.mark.parametrize(
    ("total", "text", "expected"),
    [(235_426, "0.1", 23_543), (200_000, "0.1", 20_000), (5, "0.1", 1), (4, "0.1", 0)],
)
def test_shares_to_the_nearest_round_halves_up(total, text, expected):
    assert fraction_count(total, parse_fraction(text), "nearest") == expected


@given(sizes=SIZES, data=st.data())
def test_a_count_is_met_exactly_and_a_smaller_one_lies_within_it(sizes, data):
    total = sum(sizes.values())
    large = data.draw(st.integers(0, total))
    small = data.draw(st.integers(0, large))
    more, fewer = allocate(sizes, large), allocate(sizes, small)
    assert sum(more.values()) == large
    assert sum(fewer.values()) == small
    assert all(fewer[s] <= more[s] <= sizes[s] for s in sizes)
    mixed = dict(data.draw(st.permutations(list(sizes.items()))))
    assert allocate(mixed, large) == more


@given(sizes=SIZES, fraction=FRACTIONS)
def test_a_count_as_large_as_the_nearest_shares_gives_just_these(sizes, fraction):
    nearest = stratum_counts(sizes, fraction, "nearest")
    # Where halves are rounded up in several strata at once, one count stands between them.
    assert allocate(sizes, sum(nearest.values())) == nearest


def test_the_largest_remainder_would_take_a_trace_away_and_the_count_does_not():
    # Alabama's paradox: of 10 traces the largest remainder gives c two, of 11 only one.
    sizes = {"a": 600, "b": 600, "c": 200}
    seats = [allocate(sizes, count)["c"] for count in range(1401)]
    assert seats == sorted(seats)
    assert allocate(sizes, 10) == {"a": 5, "b": 4, "c": 1}
    assert allocate(sizes, 11) == {"a": 5, "b": 5, "c": 1}


@given(
    groups=st.lists(st.integers(0, 12).map(str), min_size=1, max_size=60),
    seed=st.integers(0, 9),
    data=st.data(),
)
def test_groups_are_taken_whole_until_the_share_is_reached(groups, seed, data):
    names = [f"T{i}" for i in range(len(groups))]
    strata = [str(int(group) % 2) for group in groups]
    sizes = Counter(strata)
    large = {s: data.draw(st.integers(0, sizes[s])) for s in sizes}
    small = {s: data.draw(st.integers(0, large[s])) for s in sizes}
    more = draw_per_stratum(names, strata, large, seed, groups)
    fewer = draw_per_stratum(names, strata, small, seed, groups)
    assert set(fewer) <= set(more)
    taken_groups = {groups[i] for i in more}
    assert set(more) == {i for i, group in enumerate(groups) if group in taken_groups}
    for stratum, wanted in large.items():
        n_taken = sum(strata[i] == stratum for i in more)
        group_sizes = [groups.count(g) for g in taken_groups if int(g) % 2 == int(stratum)]
        assert wanted <= n_taken < wanted + max(group_sizes, default=1)


@given(names=NAMES, seed=st.integers(0, 9), shuffle=st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order_of_the_rows(names, seed, shuffle):
    mixed = list(names)
    shuffle.shuffle(mixed)
    taken_groups = [
        [
            rows[i]
            for i in draw_per_stratum(rows, [""] * len(rows), {"": 7}, seed, [n[:2] for n in rows])
        ]
        for rows in (names, mixed)
    ]
    assert taken_groups[0] == taken_groups[1]


@given(names=NAMES, strata=st.data())
def test_groups_of_one_row_each_give_their_share_exactly(names, strata):
    labels = strata.draw(st.lists(st.sampled_from("xy"), min_size=len(names), max_size=len(names)))
    wanted = {s: n // 2 for s, n in Counter(labels).items()}
    chosen = draw_per_stratum(names, labels, wanted, 1, groups=names)
    assert Counter(labels[i] for i in chosen) == Counter(wanted)


def test_a_group_in_several_strata_counts_where_most_of_it_is():
    groups = ["one"] * 3 + ["two"] * 2
    assert majority_stratum(groups, ["noise", "event", "noise", "noise", "event"]) == [
        *["noise"] * 3,
        *["event"] * 2,
    ]


@pytest.mark.parametrize("text", ["0", "-0.1", "1.5", "abc", "", "nan", "inf", "1/0", "1e-999999"])
def test_fractions_that_are_none_are_refused(text):
    with pytest.raises(InputError, match="fraction"):
        parse_fraction(text)
