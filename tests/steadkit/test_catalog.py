"""The CSV: STEAD's real rows, traps of parsing, hostile files."""

import numpy as np
import pandas as pd
import pytest

from steadkit.catalog import (
    counts,
    earthquakes_of,
    read_table,
    row_parts,
    tidy,
    write_csv,
)
from steadkit.errors import InputError
from steadkit.schema import COLUMNS

HEADER = "trace_name,trace_category,p_arrival_sample\n"


def test_real_rows_are_typed(shared_data):
    typed = tidy(read_table(shared_data / "stead_100samples.csv"))
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
    rows = pd.concat(list(row_parts(path, names)))
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
    ("content", "words"),
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
        (HEADER.encode() + b"a_EV,earthquake_local,1,2,3\n", "not a STEAD CSV"),
        (HEADER.encode() + b'a_EV,"earthquake_local,1\n', "not a STEAD CSV"),
    ],
)
def test_hostile_tables_get_one_line(tmp_path, content, words):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.csv") as caught:
        read_table(path)
    assert words in str(caught.value)


def test_a_number_that_is_none_is_named():
    table = pd.DataFrame({"trace_name": ["a_EV"], "p_arrival_sample": ["soon"]})
    with pytest.raises(InputError, match="'a_EV' has p_arrival_sample = 'soon'"):
        tidy(table)
