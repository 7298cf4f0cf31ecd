"""The CSV: STEAD's real rows, traps of parsing, hostile files."""

import csv
import random

import numpy as np
import pandas as pd
import pytest
from conftest import as_csv, names_of, row
from hypothesis import given
from hypothesis import strategies as st

from steadkit.catalog import (
    columns_of,
    counts,
    earthquakes_of,
    iter_chunks,
    iter_rows_named,
    read_table,
    write_csv,
)
from steadkit.catalog.validate import CHUNK_BYTES, line_starts
from steadkit.errors import InputError
from steadkit.schema import COLUMNS
from steadkit.types import typed_table

HEADER = "trace_name,trace_category,p_arrival_sample\n"


def test_real_rows_are_typed(shared_data):
    typed = typed_table(read_table(shared_data / "stead_100samples.csv"))
    first = typed.iloc[0]
    assert len(typed) == 100
    assert first["trace_name"] == "109C.TA_20060723155859_EV"
    assert first["source_id"] == "8556349"
    assert [first[f"snr_db_{c}"] for c in "ENZ"] == [56.79999924, 55.40000153, 47.40000153]
    assert (first["p_arrival_sample"], first["coda_end_sample"]) == (700.0, 2896.0)
    assert np.isnan(first["source_depth_uncertainty_km"])
    assert first["source_mechanism_strike_dip_rake"] == ""


def test_text_survives_reading_and_writing(shared_data, tmp_path):
    path = shared_data / "stead_100samples.csv"
    table = read_table(path)
    write_csv(tmp_path / "copy.csv", COLUMNS, [table])
    assert (tmp_path / "copy.csv").read_text() == path.read_text()


def test_pieces_give_the_rows_wanted(shared_data):
    path = shared_data / "ncedc_a.csv"
    names = read_table(path)["trace_name"].tolist()[3:50:7]
    rows = pd.concat(list(iter_rows_named(path, names)))
    assert rows["trace_name"].tolist() == names


def test_station_codes_that_look_like_numbers_stay_text(shared_data):
    table = read_table(shared_data / "ncedc_a.csv")
    assert "1845" in set(table["receiver_code"])


def test_the_earthquake_of_a_trace():
    table = pd.DataFrame(
        {
            "trace_name": ["a_EV", "b_EV", "c_EV", "d_NO"],
            "source_id": ["1", "None", "", ""],
            "source_origin_time": ["x", "2020", "", ""],
        }
    )
    assert earthquakes_of(table).tolist() == [
        "source_id 1",
        "source_origin_time 2020",
        "trace c_EV",
        "trace d_NO",
    ]


def test_counts_name_both_categories():
    assert counts(["noise"] * 2) == {"earthquake_local": 0, "noise": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a STEAD CSV"),
        (b"a,b\n1,2\n", "no column 'trace_name'"),
        (b"\x89HDF\r\n\x1a\n\xff\xfe", "not a"),
        (HEADER.encode() + b"a_EV,earthquake_local,1\na_EV,earthquake_local,1\n", "twice"),
        (HEADER.encode() + b"../x,noise,\n", "trace name '../x'"),
        (HEADER.encode() + b"..,noise,\n", "trace name"),
        (HEADER.encode() + b"data/x,noise,\n", "trace name"),
        (HEADER.encode() + b",noise,\n", "trace name ''"),
        (HEADER.encode() + b"a\tb,noise,\n", "trace name"),
        (HEADER.encode() + b"a" * 10_000 + b",noise,\n", "at most 200 bytes"),
        (HEADER.encode() + b"a_EV,volcano,1\n", "trace_category 'volcano'"),
        (HEADER.encode() + b"a_EV,earthquake_local,1,2,3\n", "5 fields in line 2, its header 3"),
        (HEADER.encode() + b"a_EV,earthquake_local,1,\n", "a comma in a field needs quotes"),
        (HEADER.encode() + b"a_EV,earthquake_local\n", "2 fields in line 2, its header 3"),
        (HEADER.encode() + b"a_EV,earthquake_local,1\nb_EV,ear", "line 3, its header 3: it has"),
        (HEADER.encode() + b"\n\na_EV,earthquake_local,1\n", "0 fields in line 2"),
        (HEADER.encode() + b'a_EV,"earthquake_local,1\n', "it has been cut"),
        (HEADER.encode() + b'a_EV,earthquake_local,"1\n', "not a STEAD CSV"),
        (b"\0" + HEADER.encode() + b"a_EV,earthquake_local,1\n", "NUL"),
        (HEADER.encode() + b"a_EV,earthquake_local,\0001\n", "NUL"),
        (b"trace_name," + HEADER.encode() + b"a,a_NO,noise,1\n", "column 'trace_name' twice"),
        (HEADER.encode() + b"a_EV,earthquake_local,\xff\n", "not a text file"),
        (HEADER.encode() + b"a_EV,earthquake_local,\xc3", "not a text file"),
        (HEADER.encode() + b"a" * 3_000_000, "a line of more than"),
    ],
)
def test_hostile_tables_get_one_line(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.csv") as refusal:
        read_table(path)
    assert message in str(refusal.value)


def test_a_number_that_is_none_is_named():
    table = pd.DataFrame({"trace_name": ["a_EV"], "p_arrival_sample": ["soon"]})
    with pytest.raises(InputError, match="'a_EV' has p_arrival_sample = 'soon'"):
        typed_table(table)


@pytest.mark.parametrize("columns", [None, ("trace_name", "trace_category")])
@pytest.mark.parametrize("fields", [259, 2, 4])
def test_rows_of_another_length_are_refused_whatever_is_read(tmp_path, columns, fields):
    """Two wrong rows may have the right number of commas together, or 256 too many."""
    good = "".join(f"t{i}_NO,noise,1\n" for i in range(20_000))
    wrong_row = ",".join(["x_NO", "noise", *["1"] * (fields - 2)]) + "\n"
    other_row = "y_NO,noise" + ",1" * max(4 - fields, 0) + "\n"
    path = tmp_path / "rows.csv"
    path.write_text(HEADER + good + wrong_row + other_row)
    assert path.stat().st_size > CHUNK_BYTES
    with pytest.raises(InputError, match=f"{fields} fields in line 20002, its header 3"):
        read_table(path, columns)


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "a_NO,noise,1",
        HEADER + "a_NO,noise,1\n\n\n",
        (HEADER + "a_NO,noise,1\n\n").replace("\n", "\r\n"),
        "\ufeff" + HEADER + "a_NO,noise,1\n",
        HEADER + 'a_NO,"noise",1\n\n',
        HEADER + 'a_NO,"no""ise"\n'.replace('no""ise"', 'noise",1'),
    ],
)
def test_ways_to_write_the_same(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode())
    assert columns_of(path) == ["trace_name", "trace_category", "p_arrival_sample"]
    assert read_table(path).to_numpy().tolist() == [["a_NO", "noise", "1"]]


LINES = st.lists(st.text(',"\r\n ab', max_size=12), max_size=6).map("\n".join)


@given(text=LINES, fields=st.integers(2, 4))
def test_the_quick_look_at_lines_is_never_wrong(text, fields):
    if line_starts(text.encode(), fields) is not None:
        rows = list(csv.reader(text.splitlines(keepends=True)))
        assert {len(one) for one in rows} <= {fields}


CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@given(cells=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_any_text_survives_writing_and_reading(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("written") / "table.csv"
    table = pd.DataFrame(cells, columns=["first", "last"])
    table.insert(1, "trace_name", [f"t{i}" for i in range(len(cells))])
    table.insert(2, "trace_category", "noise")
    write_csv(path, table.columns, [table])
    assert read_table(path).to_numpy().tolist() == table.to_numpy().tolist()


def test_a_lone_carriage_return_and_a_column_that_a_table_lacks(tmp_path):
    table = pd.DataFrame({"trace_name": ["a_NO", "b_NO"], "who": ["x\ry", "\r"]})
    write_csv(tmp_path / "t.csv", ["who", "trace_name", "trace_category"], [table])
    text = (tmp_path / "t.csv").read_bytes()
    assert text == b'who,trace_name,trace_category\n"x\ry",a_NO,\n"\r",b_NO,\n'


def test_an_empty_table_has_its_columns(tmp_path):
    (tmp_path / "t.csv").write_text(HEADER)
    assert list(read_table(tmp_path / "t.csv").columns) == columns_of(tmp_path / "t.csv")
    assert read_table(tmp_path / "t.csv").empty


HOSTILE = (b"../x", b"data/../../y", b"\0", b"A" * 10_000, b'"', b",", b"\r", b"\n", b"\xff\xfe")
HOSTILE += ("\ud7ff\U0010ffff".encode(), b"None", b"\x1a", b",,,,,", b'""', b"\xef\xbb\xbf")


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Flip, cut, insert or repeat some bytes."""
    content = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5))):
        offset = chance.randrange(len(content) + 1)
        how = chance.randrange(5)
        if how == 0 and offset < len(content):
            content[offset] ^= 1 << chance.randrange(8)
        elif how == 1:
            del content[offset:]
        elif how == 2:
            del content[offset : offset + chance.randrange(1, 40)]
        elif how == 3:
            content[offset:offset] = chance.choice(HOSTILE)
        else:
            content[offset:offset] = content[offset : offset + chance.randrange(1, 400)]
    return bytes(content)


def fuzz(folder, rounds: int, seed: int) -> dict[str, int]:
    """Read mutated tables whole and in part; each gives a table or one line."""
    chance = random.Random(seed)
    names = names_of(4, 2)
    good = as_csv([row(name, number) for number, name in enumerate(names)]).to_csv(index=False)
    path, outcomes = folder / "mutated.csv", {"table": 0, "refused": 0}
    for _ in range(rounds):
        path.write_bytes(mutated(good.encode(), chance))
        try:
            table = read_table(path)
        except InputError as error:
            assert "\n" not in str(error), error
            assert len(str(error)) < 500
            outcomes["refused"] += 1
            continue
        outcomes["table"] += 1
        assert all("/" not in name and len(name) <= 200 for name in table["trace_name"])
        part = read_table(path, ("trace_name", "trace_category"))
        assert part.equals(table[["trace_name", "trace_category"]])
        assert len(pd.concat(list(iter_chunks(path)))) == len(table)
    return outcomes


def test_mutated_tables_are_read_right_or_refused(tmp_path):
    outcomes = fuzz(tmp_path, rounds=200, seed=0)
    assert min(outcomes.values()) > 20


def test_the_message_of_a_folder_or_a_missing_file(tmp_path):
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(InputError, match=path.name):
            read_table(path)
