"""Rows of CSV files: any order, any text in them, and nothing else than what was chosen."""

import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadkit.catalog import LineStarts, read_table, validate, write_csv
from steadkit.catalog.spool import BYTE_RANGE, write_rows
from steadkit.catalog.validate import line_starts
from steadkit.errors import InputError

HEADER = ["receiver_code", "trace_name", "trace_category", "remark"]
STEAD_ORDER = ("receiver_code", "trace_category", "trace_name", "remark")
HARD = [
    "",
    "None",
    'says "P"',
    "a, b",
    "two\nlines",
    "two\r\nlines",
    "lone\rreturn",
    " ",
    '"',
    "é\u2028",
]


def source(path, rows, header=HEADER):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerows([header, *rows])
    return path


def rows_of(prefix, remarks):
    return [["ABC", f"{prefix}{i}_NO", "noise", remark] for i, remark in enumerate(remarks)]


def choose(picked):
    """Choose rows by source and number; `picked` is pairs of them, and the name."""
    return pd.DataFrame(picked, columns=["source", "row", "trace_name"])


def written(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def two(tmp_path):
    """Two CSV files with hard texts, and all their rows."""
    rows = [rows_of("A", HARD), rows_of("B", HARD[::-1])]
    sources = [
        source(tmp_path / f"{n}.csv", file_rows) for n, file_rows in zip("ab", rows, strict=True)
    ]
    picked = [(n, i, row[1]) for n, file_rows in enumerate(rows) for i, row in enumerate(file_rows)]
    return sources, picked, [row for file_rows in rows for row in file_rows]


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_hard_texts_in_any_order(tmp_path, two, seed):
    sources, picked, rows = two
    order = np.arange(len(rows))
    if seed is not None:
        np.random.default_rng(seed).shuffle(order)
    write_rows(sources, choose([picked[i] for i in order]), tmp_path / "out.csv")
    want = in_stead_order([rows[i] for i in order])
    assert written(tmp_path / "out.csv") == want
    assert not (tmp_path / "out.csv.spool").exists()


def in_stead_order(rows, header=STEAD_ORDER):
    return [
        list(header),
        *([dict(zip(HEADER, row, strict=True))[c] for c in header] for row in rows),
    ]


def test_a_row_is_written_the_same_wherever_it_stands(tmp_path, two):
    sources, picked, _ = two
    write_rows(sources, choose(picked), tmp_path / "in.csv")
    write_rows(sources, choose(picked[::-1]), tmp_path / "back.csv")
    in_order, reversed_rows = (read_table(tmp_path / name) for name in ("in.csv", "back.csv"))
    assert in_order.to_dict("records") == reversed_rows.to_dict("records")[::-1]
    assert sorted((tmp_path / "in.csv").read_bytes()) == sorted(
        (tmp_path / "back.csv").read_bytes()
    )


@settings(max_examples=30)
@given(data=st.data())
def test_any_choice_of_any_text(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("rows")
    text = st.text(
        st.sampled_from("ab \",\n\r;'é\u2028\x0b\x1c")
        | st.characters(exclude_categories=["Cs", "Cc"]),
        max_size=8,
    )
    remarks = data.draw(st.lists(text, min_size=1, max_size=12))
    rows = rows_of("S", remarks)
    path = source(folder / "a.csv", rows)
    chosen = data.draw(st.lists(st.sampled_from(range(len(rows))), unique=True))
    picked = choose([(0, i, rows[i][1]) for i in chosen])
    write_rows([path], picked.astype({"source": int, "row": int}), folder / "out.csv")
    assert written(folder / "out.csv") == in_stead_order([rows[i] for i in chosen])


def test_a_column_that_one_source_lacks_is_empty(tmp_path):
    source_a = source(tmp_path / "a.csv", [["x", "A_NO", "noise", "r"]])
    source_b = source(
        tmp_path / "b.csv", [["noise", "9", "B_NO"]], ["trace_category", "p_weight", "trace_name"]
    )
    write_rows([source_a, source_b], choose([(1, 0, "B_NO"), (0, 0, "A_NO")]), tmp_path / "out.csv")
    assert written(tmp_path / "out.csv") == [
        ["receiver_code", "p_weight", "trace_category", "trace_name", "remark"],
        ["", "9", "noise", "B_NO", ""],
        ["x", "", "noise", "A_NO", "r"],
    ]


def test_many_rows_in_an_order_of_their_own(tmp_path):
    rows = rows_of("S", [str(i) for i in range(60_000)])
    path = source(tmp_path / "a.csv", rows)
    order = np.random.default_rng(0).permutation(len(rows))[:40_000]
    write_rows([path], choose([(0, i, rows[i][1]) for i in order.tolist()]), tmp_path / "out.csv")
    out_table = read_table(tmp_path / "out.csv")
    assert out_table["trace_name"].tolist() == [rows[i][1] for i in order]
    assert out_table["remark"].tolist() == [str(i) for i in order]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("change", ["another row", "shorter", "empty"])
def test_a_csv_that_changed_meanwhile(tmp_path, two, change, backwards):
    sources, picked, rows = two
    some = rows[: len(HARD)]
    source(
        sources[0],
        {"another row": [some[1], some[0], *some[2:]], "shorter": some[:-1], "empty": []}[change],
    )
    message = "has changed" if change == "another row" else "shorter"
    with pytest.raises(InputError, match=message):
        write_rows(sources, choose(picked[::-1] if backwards else picked), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv.spool").exists()


def test_nothing_chosen_is_a_header(tmp_path, two):
    none = choose([]).astype({"source": int, "row": int})
    write_rows(two[0], none, tmp_path / "out.csv")
    assert written(tmp_path / "out.csv") == in_stead_order([])


@pytest.mark.parametrize("hard", [None, 0, 7, 19])
@pytest.mark.parametrize("picked", ["all", "some", "shuffled"])
def test_lines_taken_as_they_stand_are_those_that_pandas_would_write(
    tmp_path, monkeypatch, hard, picked
):
    monkeypatch.setattr(validate, "CHUNK_BYTES", 64)  # a few rows at once
    rows = [["ABC", f"A{i}_NO", "noise", f"é {i}"] for i in range(20)]
    if hard is not None:
        rows[hard][-1] = 'two\n"lines", and more'
    header = in_stead_order([])[0]
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(in_stead_order(rows))
    places = list(range(20)) if picked == "all" else list(range(1, 20, 3))
    if picked == "shuffled":
        places = places[::-1]
    write_rows([path], choose([(0, i, rows[i][1]) for i in places]), tmp_path / "out.csv")
    assert written(tmp_path / "out.csv") == in_stead_order([rows[i] for i in places])
    table = pd.DataFrame(in_stead_order([rows[i] for i in places])[1:], columns=header)
    write_csv(tmp_path / "pandas.csv", header, [table])
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "pandas.csv").read_bytes()


def spans_of(path, picked):
    """Choose rows with the bytes of their lines, as a subset does."""
    starts = LineStarts()
    read_table(path, None, starts)
    chosen = choose(picked)
    chosen[[*BYTE_RANGE]] = np.column_stack(starts.byte_ranges())[chosen["row"]]
    return chosen


@pytest.mark.parametrize("end", ["\n", ""])
def test_rows_read_from_their_places_are_those_read_in_order(tmp_path, monkeypatch, end):
    rows = [["ABC", "noise", f"S{i}_NO", "é" * (i % 7)] for i in range(3000)]
    lines = "\n".join(",".join(row) for row in [STEAD_ORDER, *rows])
    (path := tmp_path / "a.csv").write_text(lines + end, encoding="utf-8")
    order = np.random.default_rng(0).permutation(len(rows))[:2100]
    picked = [(0, i, rows[i][2]) for i in order.tolist()]
    expected = write_rows([path], choose(picked), tmp_path / "one.csv")
    monkeypatch.delattr("steadkit.catalog.spool.iter_lines_at")
    assert write_rows([path], spans_of(path, picked), tmp_path / "two.csv") == expected
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


@pytest.mark.parametrize("text", ['a,"b"\n', "a,b\r\n"])
def test_places_of_lines_that_are_not_plain_are_not_known(text):
    starts = LineStarts()
    for piece in (b"x,y\n", text.encode()):
        starts.add(piece, line_starts(piece, 2))
    assert starts.byte_ranges() is None


@pytest.mark.parametrize("line", ["ABC,noise,T1_NO,r", ',"noise",S0_NO,', ",noise,S0_NO,r,", "\0"])
def test_a_line_that_changed_meanwhile_is_refused(tmp_path, line):
    path = tmp_path / "a.csv"
    path.write_text(f"{','.join(STEAD_ORDER)}\nABC,noise,S0_NO,r\n")
    chosen = spans_of(path, [(0, 0, "S0_NO")])
    with path.open("r+b") as file:
        file.seek(chosen["start"][0])
        file.write(f"{line}\n".encode())
    with pytest.raises(InputError, match=r"has changed while it was read|a NUL byte"):
        write_rows([path], chosen, tmp_path / "out.csv")
