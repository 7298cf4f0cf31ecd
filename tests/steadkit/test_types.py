"""Numbers and times as text: one grammar, and every place that takes one keeps to it."""

from fractions import Fraction

import click
import numpy as np
import pandas as pd
import pytest
from commands import walk
from conftest import as_csv, names_of, refused, row
from hypothesis import given
from hypothesis import strategies as st

from steadkit.catalog import read_table
from steadkit.cli.options import FractionType, NumberType, WholeType
from steadkit.errors import InputError
from steadkit.manifest import load
from steadkit.paths import INTEGER, NUMBER
from steadkit.types import (
    MAX_MAGNITUDE,
    component_columns,
    number_column,
    parse_cell,
    parse_components,
    parse_fraction,
    parse_integer,
    parse_nanoseconds,
    parse_number,
    parse_numbers,
    parse_time,
    parse_times,
    typed_table,
)

NUMBERS = {"3.6": 3.6, " 7 ": 7.0, "+.5": 0.5, "-1.": -1.0, "1E-2": 0.01, "1e11": 1e11, "-0": 0.0}
NO_NUMBERS = (
    *("1_000", "0x10", "1e999", "-1e999", "9" * 400, "inf", "-Infinity", "nan(1)", "1e", "e5"),
    *("1,5", "1 2", "--1", "1d5", "True", "5%", "\u0661", "\uff11", "soon", "1e5j", "NA"),
)
TIMES = {
    "2006-07-23 15:58:50.88": "2006-07-23T15:58:50.880000",
    "2006-07-23T15:58:50": "2006-07-23T15:58:50.000000",
    "2006-07-23T15:58:50.123456789Z": "2006-07-23T15:58:50.123456",
    "2006-07-23T15:58:50,5+01:30": "2006-07-23T14:28:50.500000",
    "20060723T155850-0800": "2006-07-23T23:58:50.000000",
    " 2006-07-23 ": "2006-07-23T00:00:00.000000",
    "2006-07": "2006-07-01T00:00:00.000000",
    "2006": "2006-01-01T00:00:00.000000",
    "0001-01-01": "0001-01-01T00:00:00.000000",
    "1600-02-29T00:00:00+01": "1600-02-28T23:00:00.000000",
    "2300-01-01T00:00:00Z": "2300-01-01T00:00:00.000000",
    "9999-12-31T23:59:59.999999+00:00": "9999-12-31T23:59:59.999999",
}
NO_TIMES = (
    *("now", "NOW", "today", "yesterday", "noon", "5", "20", "201001", "2010-1-1", "2010.01.31"),
    *("2010/01/31", "2010 01 31", "2010-02-30 10:00:00", "2010-13-01", "2010-01-01 24:00:00"),
    *("2010-01-01 10:00:60", "2010-01-01 10:00:00.", "2010-01-01 10:00:00.1234567890"),
    *("2010-01-01 10:00:00 +01:00", "2010-01-01T10:00:00+24:00", "2010-01-01t10:00:00z"),
    *("0000-01-01 10:00:00", "0001-01-01T00:00+01:00", "9999-12-31T23:59:59-00:01"),
    *("2010-01-01Z", "\u0662010-01-01", "2010-01-01 10:00:00\u00b2", "1e3", "31 Jan 2010"),
)


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_is_read_alike_alone_and_in_a_column(text):
    values, malformed = parse_numbers(pd.Series([text, "None", f"[[{text}]]"], dtype=str))
    assert parse_number(text) == parse_cell(f"[ {text}]") == values[0] == values[2] == NUMBERS[text]
    assert np.isnan(values[1]) and not malformed.any()


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_is_none_alone_and_in_a_column(text):
    values, malformed = parse_numbers(pd.Series([text, "1"], dtype=str))
    assert np.isnan(values[0]) and malformed.tolist() == [True, False]
    assert parse_components(pd.Series([f"[1 {text} 3]"]))[1].tolist() == [True]
    for parse in (parse_number, parse_cell, parse_integer):
        with pytest.raises(ValueError, match="is not a"):
            parse(text)
    with pytest.raises(InputError, match="fraction"):
        parse_fraction(text)


@pytest.mark.parametrize("text", ["", " ", "None", "nan", "NaN", "[]", "[[nan]]", "[ None ]"])
def test_what_is_not_known_is_no_fault(text):
    for parse in (parse_numbers, parse_components, parse_times):
        values, malformed = parse(pd.Series([text], dtype=str))
        assert pd.isna(values).all() and not malformed.any()
    with pytest.raises(ValueError, match="not a number"):
        parse_number(text)


def test_a_figure_is_bounded_and_a_column_of_the_users_own_is_not():
    table = pd.DataFrame({"trace_name": ["a"], "source_depth_km": ["1e308"], "mine": ["1e308"]})
    assert number_column(table, "mine") == 1e308
    with pytest.raises(InputError, match="source_depth_km = '1e308': a number is needed"):
        number_column(table, "source_depth_km")
    assert typed_table(table, on_error="missing")["source_depth_km"].isna().all()
    with pytest.raises(ValueError, match="larger than any figure"):
        parse_cell(str(10 * MAX_MAGNITUDE))


@pytest.mark.parametrize("text", ["1e-100", "1e999999999", "1/0", f"0.{1:041}", "-1/2", "1/2/3"])
def test_a_fraction_that_would_be_expanded_for_ever_is_refused_at_once(text):
    with pytest.raises(InputError, match="fraction"):
        parse_fraction(text)


@given(st.fractions(Fraction(1, 10**9), 1, max_denominator=10**9))
def test_every_fraction_comes_back(fraction):
    assert parse_fraction(str(fraction)) == fraction


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_comes_back_to_the_bit(value):
    values, _ = parse_numbers(pd.Series([repr(value)]), max_magnitude=np.inf)
    assert parse_number(repr(value)) == values[0] == value


@pytest.mark.parametrize("text", TIMES)
def test_a_time_is_read_alike_alone_and_in_a_column(text):
    times, malformed = parse_times(pd.Series([text, "2006-07-23 15:58:50.88"]))
    assert str(parse_time(text)) == str(times[0]) == TIMES[text]
    assert not malformed.any()


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_is_none_alone_and_in_a_column(text):
    times, malformed = parse_times(pd.Series([text, "2006-07-23 15:58:50.88"]))
    assert np.isnat(times).tolist() == malformed.tolist() == [True, False]
    with pytest.raises(ValueError, match=r"time|year"):
        parse_time(text)


def test_nanoseconds_are_kept_where_they_are_asked_for():
    assert parse_nanoseconds("1970-01-01T00:00:01.000000001Z") == 1_000_000_001
    assert parse_nanoseconds("1969-12-31T23:59:59.999999999") == -1


@given(
    text=st.datetimes().map(lambda time: time.isoformat(" ")),
    place=st.integers(0, 25),
    character=st.sampled_from("0129-+:. TZ,\u00b2n"),
)
def test_a_column_and_one_cell_agree_on_times_with_one_character_changed(text, place, character):
    changed = f"{text[:place]}{character}{text[place + 1 :]}"
    for cell in (text, changed):
        try:
            expected = str(parse_time(cell))
        except ValueError:
            expected = "NaT"
        assert str(parse_times(pd.Series([cell, text]))[0][0]) == expected


def test_steads_rows_are_typed_as_ever(shared_data):
    table = read_table(shared_data / "stead_100samples.csv")
    for column in ("source_origin_time", "trace_start_time"):
        times, malformed = parse_times(table[column])
        expected = pd.to_datetime(table[column], format="ISO8601").to_numpy("M8[us]")
        assert (times == expected).all() and not malformed.any()
    typed = typed_table(table)
    assert typed.equals(typed_table(table, on_error="missing"))
    for column in ("receiver_latitude", "p_travel_sec", "source_magnitude"):
        assert typed[column].tolist() == [float(text) for text in table[column]]
    expected = [[float(part) for part in cell.strip("[]").split()] for cell in table["snr_db"]]
    assert component_columns(table).tolist() == expected


COMMANDS = {tuple(name.split()): command for name, command in walk()}
OPTIONS = [
    (words, option)
    for words, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option)
]
SINGLE = [
    (words, option)
    for words, option in OPTIONS
    if not option.multiple and (option.secondary_opts or not option.is_flag)
]
NUMERIC = [
    (words, option)
    for words, option in OPTIONS
    if isinstance(option.type, NumberType | WholeType | FractionType)
]


def called(of):
    return [f"{' '.join(words)} {option.opts[0]}" for words, option in of]


def value_for(option):
    if isinstance(option.type, click.Choice):
        return option.type.choices[0]
    return str(getattr(option.type, "max", None) or "1")


def test_no_option_reads_numbers_as_python_does():
    kinds = (click.types.FloatParamType, click.types.IntParamType)
    loose = [case for case in OPTIONS if isinstance(case[1].type, kinds)]
    assert len(NUMERIC) > 40 and len(SINGLE) > 100
    assert called(loose) == called([case for case in loose if case in NUMERIC])


@pytest.mark.parametrize(("words", "option"), SINGLE, ids=called(SINGLE))
def test_an_option_of_one_value_given_twice_is_refused(run, words, option):
    values = [] if option.is_flag else [value_for(option)] * option.nargs
    result = run(*words, *[option.opts[0], *values] * 2)
    refused(result, f"{option.opts[0]} is given 2 times: give it once")
    assert result.exit_code == 2


@pytest.mark.parametrize(("words", "option"), NUMERIC, ids=called(NUMERIC))
def test_a_number_of_an_option_that_is_none_is_one_line(run, words, option):
    count = sum(isinstance(p, click.Argument) for p in COMMANDS[words].params)
    for text in ("1_0", "0x1", "1e999", "inf", "nan", "9" * 400, "9" * 5000, "\u0661", ""):
        result = run(*words, *["x"] * count, option.opts[0], *[text] * option.nargs)
        refused(result, option.opts[0], repr(text[:40])[:-1])
        assert result.exit_code == 2
        assert len(result.stderr) < 600


@pytest.mark.parametrize("value", [10**400, -(2**64), float("inf"), float("nan"), True])
def test_json_with_a_number_that_nothing_holds_is_refused(value):
    for form in (INTEGER, NUMBER):
        assert not form.fits(value)
    assert INTEGER.fits(2**63 - 1) and NUMBER.fits(1.5)


def table_with(tmp_path, **columns):
    rows = [row(name, number) | columns for number, name in enumerate(names_of(4, 2))]
    path = tmp_path / "m.csv"
    as_csv(rows).to_csv(path, index=False)
    return path


OF_TABLES = {
    "source_magnitude": ("subset m.csv --manifest-only -o o --where", "source_magnitude > 0"),
    "source_latitude": ("subset m.csv --manifest-only -o o --box", "-90,-180,90,180"),
    "source_depth_km": (
        "subset m.csv --manifest-only -o o --fraction 1 --stratify",
        "source_depth_km:5",
    ),
    "source_longitude": ("split m.csv --by", "region"),
}


@pytest.mark.parametrize("text", ["1_0", "0x1", "1e999", "inf", "9" * 400, "1e308", "soon"])
@pytest.mark.parametrize("column", OF_TABLES)
def test_a_number_of_a_table_that_is_none_is_one_line(tmp_path, run, column, text):
    table_with(tmp_path, **{column: text})
    words, value = OF_TABLES[column]
    refused(run("steadkit", *words.split(), value), f"{column} = {text[:40]!r}"[:-1], "a number is")


@pytest.mark.parametrize("text", ["now", "today", "2010.01.31", "2010-02-30", "1/2/2010", "soon"])
def test_a_time_that_is_none_is_one_line_in_tables_and_options(tmp_path, run, text):
    path = table_with(tmp_path)
    condition = f"trace_start_time > '{text}'"
    for words in (
        ("subset", path, "--manifest-only", "-o", "o", "--where", condition),
        ("split", path, "--by", "time", "--cut", text, "2030-01-01"),
        ("split", path, "--by", "time", "--cut", "2000-01-01", text),
    ):
        refused(run("steadkit", *words), text, "is not a time")
    table_with(tmp_path, trace_start_time=text)
    condition = "trace_start_time > '2000-01-01'"
    for words in (
        ("subset", path, "--manifest-only", "-o", "o", "--where", condition),
        ("split", path, "--by", "time"),
    ):
        refused(run("steadkit", *words), f"trace_start_time = '{text}'", "a time such as")


@pytest.mark.parametrize("year", ["0001", "1600", "2300", "9999"])
def test_times_far_away_are_times_in_tables_and_options(tmp_path, run, year):
    path = table_with(tmp_path, trace_start_time=f"{year}-06-01T00:00:00+01:00")
    condition = f"trace_start_time == '{year}-05-31 23:00:00'"
    words = ("subset", path, "--manifest-only", "-o", "o", "--where", condition)
    assert run("steadkit", *words).exit_code == 0
    info_result = run("steadkit", "info", path)
    assert f"first trace: {year}-05-31 23:00:00" in info_result.output
    assert run("steadkit", "check", path, "--metadata-only").exit_code in (0, 1)
    cut = (f"{year}-05-01", f"{year}-06-01")
    refused(run("steadkit", "split", path, "--by", "time", "--cut", *cut), "no trace left")


def test_conditions_that_are_repeated_must_all_be_true(tmp_path, run):
    path = table_with(tmp_path)
    conditions = ("p_weight > 9 or source_distance_km > 9", "trace_name != 'none'")
    repeated = [word for condition in conditions for word in ("--where", condition)]
    joined = f"({conditions[0]}) and {conditions[1]}"
    for name, words in (("a", repeated), ("b", ("--where", joined))):
        words = ("subset", path, "--manifest-only", "-o", name, *words)
        assert run("steadkit", *words).exit_code == 0
    manifest_a, manifest_b = (load(tmp_path / f"{name}.manifest") for name in "ab")
    assert (manifest_a.traces, manifest_a.recipe) == (manifest_b.traces, manifest_b.recipe)
    assert len(manifest_a.traces) == 4 and manifest_a.recipe["where"] == joined
    repeated_options = ("--where", "p_weight > 1 or", "--where", "snr_db > 1")
    refused(
        run("steadkit", "subset", path, "--manifest-only", "-o", "c", *repeated_options),
        "cannot be read",
    )


@pytest.mark.parametrize("output", ["..", ".", "/", "missing/..", "/dev/null"])
def test_an_output_that_names_no_file_gets_no_ending(tmp_path, run, output):
    path = table_with(tmp_path)
    words = ("subset", path, "--manifest-only", "--count", "1", "-o", output)
    refused(run("steadkit", *words), "not a file: name a file")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.csv"]
