"""Where: what a condition means row by row, what it refuses, and that it never runs anything."""

import ast
import operator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadkit.catalog import read_table
from steadkit.errors import InputError
from steadkit.expressions import columns, mask, parse

ROWS = pd.DataFrame(
    {
        "trace_name": ["a_EV", "b_EV", "c_EV", "d_NO"],
        "trace_category": ["earthquake_local"] * 3 + ["noise"],
        "network_code": ["TA", "CI", "TA", "None"],
        "receiver_code": ["109C", "1845", "X", "Y"],
        "p_status": ["manual", "autopicker", "manual", ""],
        "s_status": ["manual", "manual", "autopicker", ""],
        "source_magnitude": ["3.6", "2", "None", ""],
        "source_distance_km": ["102.09", "50", "10.5", "nan"],
        "p_arrival_sample": ["700.0", "600", "500", ""],
        "snr_db": ["[ 10. 20. 30.]", "[ 1. 2. 3.]", "[ 5.  5.  5.]", "None"],
        "coda_end_sample": ["[[ 2896.]]", "[[3000.]]", "[[ 1000.]]", "None"],
        "trace_start_time": [
            "2006-07-23 15:59:00.960000",
            "2010-01-01 00:00:00",
            "2018-03-04T05:06:07.5Z",
            "None",
        ],
        "depth_class": ["1", "2", "10", ""],
    },
    dtype=str,
)


def rows_where(text: str) -> str:
    """Name the rows for which a condition is true, by their first letters."""
    chosen = mask(parse(text), ROWS)
    assert chosen.dtype == bool
    return "".join(name[0] for name in ROWS["trace_name"][chosen])


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("source_magnitude > 3", "a"),
        ("source_magnitude >= 2 and source_distance_km < 100", "b"),
        ("source_magnitude > 3 or p_arrival_sample == 500", "ac"),
        ("not source_magnitude > 3", "bcd"),  # what is not known makes the inner one false
        ("source_magnitude != 2", "a"),  # and this one too
        ("not (source_magnitude != 2)", "bcd"),
        ("2 < source_magnitude < 4", "a"),
        ("500 < p_arrival_sample <= 600 < coda_end_sample", "b"),
        ("-source_magnitude < -3", "a"),
        ("source_distance_km / 10 - 5 * (source_magnitude + 1) > -11", "b"),
        ("source_distance_km / (source_magnitude - 2) > 0", "a"),  # by zero: not known
        ("1 / (source_magnitude - 2) is None", "bcd"),
        ("network_code == 'TA'", "ac"),
        ("network_code != 'TA'", "b"),
        ("network_code in ('TA', 'XX')", "ac"),
        ("network_code in ['CI']", "b"),
        ("network_code in 'CI'", "b"),
        ("network_code not in ('CI',)", "ac"),
        ("source_magnitude in (2, 3.6, -1)", "ab"),
        ("receiver_code == '1845'", "b"),
        ("receiver_code < '2'", "ab"),
        ("p_status == s_status", "a"),
        ("p_status != s_status", "bc"),
        ("source_magnitude is None", "cd"),
        ("source_magnitude == None", "cd"),
        ("source_magnitude is not None", "ab"),
        ("None != network_code", "abc"),
        ("trace_start_time is None", "d"),
        ("trace_start_time >= '2010-01-01'", "bc"),
        ("'2006' <= trace_start_time < '2010'", "a"),
        ("trace_start_time == '2018-03-04 05:06:07.500'", "c"),
        ("trace_start_time == '2018-03-04T07:06:07.5+02:00'", "c"),
        ("trace_start_time in ('2010-01-01', '2011-01-01')", "b"),
        ("snr_db >= 5", "ac"),
        ("snr_db_Z > 2 and snr_db_E == 1", "b"),
        ("snr_db_N is None", "d"),
        ("depth_class > 1.5", "bc"),  # a further column is what it is compared with
        ("depth_class > '19'", "b"),
        ("depth_class + 1 == 11", "c"),
        ("depth_class == depth_class", "abc"),
        ("'1' < depth_class and 1 < 2", "bc"),
        ("(network_code == 'TA') == None or trace_category == 'noise'", None),
    ],
)
def test_what_a_condition_means(text, rows):
    if rows is None:
        with pytest.raises(InputError):
            parse(text)
    else:
        assert rows_where(text) == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("source_magnitude = 3", "equality is =="),
        ("source_magnitude >", "cannot be read"),
        ("source_magnitude", "no condition"),
        ("source_magnitude > 3 and p_weight", "'p_weight' is a number, no condition"),
        ("1 < 2", "names no column"),
        ("source_magnitude > '3'", "compares a number with text"),
        ("receiver_code == 1845", "text in quotes"),
        ("trace_start_time > 2010", "a number with a time"),
        ("trace_start_time > 'spring'", "'spring' is not a time"),
        ("trace_start_time > network_code", "'network_code' is text"),
        ("network_code + 1 > 2", "arithmetic needs numbers"),
        ("source_magnitude < None", "compares None with a number"),
        ("source_magnitude is 3", "'is' needs"),
        ("p_status in network_code", "'in' needs a list"),
        ("p_status in ()", "'in' needs a list"),
        ("p_status in (network_code, 'a')", "no columns"),
        ("source_magnitude in (1, 'a')", "compares a number with text"),
        ("source_magnitude > True", "use a number or"),
        ("source_magnitude > 1e999", "not a number"),
        ("source_magnitude > 3j", "use a number or"),
        ("network_code == b'TA'", "use a number or"),
        ("source_magnitude > 3 & p_weight > 1", "and, or, not"),
        ("source_magnitude ** 2 > 3", "not understood"),
        ("~source_magnitude > 3", "not understood"),
        ("abs(source_magnitude) > 3", "not understood"),
        ("source_magnitude.real > 3", "not understood"),
        ("source_magnitude[0] > 3", "not understood"),
        ("[x for x in network_code]", "not understood"),
        ("lambda: network_code", "not understood"),
        ("(x := 3) > 2", "not understood"),
        ("f'{network_code}' == 'a'", "not understood"),
        ("p_weight > (1 if p_weight else 2)", "not understood"),
        ("__import__('os').system('true')", "not understood"),
        ("network_code == 'a'; import os", "cannot be read"),
        ("network_code == 'a\0'", "cannot be read"),
        ("network_code == '\udcff'", "cannot be read"),
        ("(" * 500 + "p_weight > 1" + ")" * 500, "cannot be read"),
        ("not " * 400 + "p_weight > 1", "cannot be read|too deeply"),
        ("-" * 1900 + "p_weight > 1", "cannot be read|too deeply"),
        ("p_weight > 1" + " " * 2000, "at most 2000"),
    ],
)
def test_what_is_refused_when_it_is_read(text, message):
    with pytest.raises(InputError, match=message) as refusal:
        parse(text)
    assert len(str(refusal.value)) < 300
    assert "\n" not in str(refusal.value)


def test_unknown_columns_are_refused_with_close_ones():
    with pytest.raises(InputError, match="did you mean source_magnitude"):
        mask(parse("source_magnitud > 3"), ROWS)
    with pytest.raises(InputError, match=r"did you mean .*snr_db_Z"):
        mask(parse("snr_db_z > 3"), ROWS)
    with pytest.raises(InputError, match="the table has trace_name"):
        mask(parse("wholly_else > 3"), ROWS)


def test_a_value_that_is_not_what_its_column_promises_is_named():
    for column, value, message in (
        ("source_magnitude", "large", "'b_EV' has source_magnitude = 'large': a number"),
        ("trace_start_time", "2010-13-45", "'b_EV' has trace_start_time = '2010-13-45': a time"),
        ("depth_class", "deep", "'b_EV' has depth_class = 'deep': a number"),
    ):
        spoilt = ROWS.assign(**{column: ROWS[column].where(ROWS.index != 1, value)})
        literal = "'2010'" if column == "trace_start_time" else "1"
        with pytest.raises(InputError, match=message):
            mask(parse(f"{column} > {literal}"), spoilt)


def test_only_the_columns_named_are_needed():
    condition = parse("snr_db_Z > 1 and (p_weight > 0 or snr_db > 3) and depth_class == 'x'")
    assert sorted(columns(condition)) == ["depth_class", "p_weight", "snr_db"]


def test_equal_conditions_have_one_spelling():
    spellings = [
        "source_magnitude>3 and network_code in ['TA',\"CI\"]",
        "(source_magnitude > 3) and (network_code in ('TA', 'CI'))",
        "source_magnitude > 3\nand network_code in {'TA', 'CI'}  # a remark",
    ]
    assert len({parse(text) for text in spellings}) == 1
    assert parse("p_weight == None").text == "p_weight is None"


def test_an_empty_table_has_an_empty_mask():
    assert mask(parse("snr_db > 3 and trace_start_time > '2010'"), ROWS[:0]).shape == (0,)


def test_real_rows_by_hand(shared_data):
    table = read_table(shared_data / "stead_100samples.csv")
    magnitudes = pd.to_numeric(table["source_magnitude"].replace("None", ""), errors="coerce")
    distances = pd.to_numeric(table["source_distance_km"].replace("None", ""), errors="coerce")
    expected = ((magnitudes > 3) & (distances < 100)).to_numpy()
    assert 0 < expected.sum() < 100
    assert (
        mask(parse("source_magnitude > 3 and source_distance_km < 100"), table) == expected
    ).all()
    years = table["trace_start_time"].str[:4].astype(int).to_numpy()
    late = mask(parse("trace_start_time >= '2010-01-01'"), table)
    assert (late == (years >= 2010)).all()


NUMBERS = ("source_magnitude", "source_distance_km", "p_arrival_sample", "snr_db_E", "3", "-0.5")
TEXTS = ("network_code", "p_status", "s_status", "'TA'", "'manual'")
OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
COMPARISONS = st.tuples(
    st.one_of(
        st.tuples(st.sampled_from(NUMBERS[:4]), st.sampled_from(NUMBERS)),
        st.tuples(st.sampled_from(TEXTS[:3]), st.sampled_from(TEXTS)),
    ),
    st.sampled_from(sorted(OPERATORS)),
).map(lambda drawn: (drawn[1], *drawn[0]))
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner), st.tuples(st.sampled_from(["and", "or"]), inner, inner)
    ),
    max_leaves=8,
)


def spell(condition: tuple) -> str:
    """Write a drawn condition as a user would, with all brackets."""
    head, *parts = condition
    if head == "not":
        return f"(not {spell(parts[0])})"
    if head in ("and", "or"):
        return f"({spell(parts[0])} {head} {spell(parts[1])})"
    return f"({parts[0]} {head} {parts[1]})"


def by_hand(condition: tuple, row: dict[str, object]) -> bool:
    """Decide a drawn condition for one row, in plain Python."""
    head, *parts = condition
    if head == "not":
        return not by_hand(parts[0], row)
    if head in ("and", "or"):
        row_results = [by_hand(part, row) for part in parts]
        return all(row_results) if head == "and" else any(row_results)
    values = [row[part] if part in row else ast.literal_eval(part) for part in parts]
    return None not in values and OPERATORS[head](*values)


def plain_rows() -> list[dict[str, object]]:
    """Read the rows as Python values, by another way than the package's."""
    rows = []
    for cells in ROWS.to_dict("records"):
        row = {k: None if v in ("", "None", "nan") else v for k, v in cells.items()}
        for column in NUMBERS[:3]:
            row[column] = None if row[column] is None else float(row[column])
        snr = cells["snr_db"].strip("[] ").split()
        rows.append(row | {"snr_db_E": float(snr[0]) if len(snr) == 3 else None})
    return rows


@given(condition=CONDITIONS)
def test_any_condition_means_what_python_would_make_of_each_row(condition):
    parsed = parse(spell(condition))
    expected = [by_hand(condition, row) for row in plain_rows()]
    assert mask(parsed, ROWS).tolist() == expected
    reparsed = parse(parsed.text)
    assert reparsed == parsed
    assert mask(reparsed, ROWS).tolist() == expected


@given(
    text=st.text(max_size=60) | st.text("()[]'\"<>=!+-*/., \\\n#anotrinp_weight0123e", max_size=80)
)
def test_any_text_is_a_condition_or_is_refused_in_one_line(text):
    try:
        condition = parse(text)
    except InputError as error:
        assert len(str(error)) < 400
    else:
        assert parse(condition.text) == condition


def test_many_values_in_a_list_are_one_look_up():
    values = ", ".join(map(str, range(300)))
    table = pd.DataFrame({"trace_name": ["x"] * 1000, "p_weight": list(map(str, range(1000)))})
    assert mask(parse(f"p_weight in ({values})"), table).tolist() == [True] * 300 + [False] * 700
    assert np.array_equal(mask(parse(f"p_weight not in ({values})"), table), np.arange(1000) >= 300)
