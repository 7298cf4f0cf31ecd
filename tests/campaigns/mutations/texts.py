"""Faults of the CSV and of the manifest: hostile names, wrong fields, other encodings."""

import csv
import io
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from steadkit.manifest import Manifest, load

Table = list[list[str]]

HOSTILE = {
    "up": "../x",
    "up twice": "data/../../y",
    "absolute": "/tmp/steadkit-must-not-write-this",
    "dots": "..",
    "backslash": "..\\x",
    "NUL": "a\0b",
    "10 kB": "x" * 10_000,
    "empty": "",
    "space": " ",
    "new line": "a\nb",
    "carriage return": "a\rb",
    "tab": "a\tb",
    "right to left": "\u202egnp.VE_ON",
    "escape": "\x1b[31mred\x1b]0;title\x07",
    "control of the second kind": "a\x9b31mb",
    "line separator": "a\u2028b",
    "markup": "[bold red]x[/bold red]",
    "open markup": "[/]",
    "formula": "=1+1",
    "option": "--overwrite",
    "format": "%s%n{0.__class__}",
    "combining": "e" + "\u0301" * 90,
    "surrogate pair": "\U0001f30b",
    "dot data": "data",
}
"""Names of traces that no seismologist gave."""


def first_column(table: Table) -> int:
    """Find the column of the names."""
    return table[0].index("trace_name")


def hostile_name(table: Table, chance: random.Random) -> Table:
    """Give one trace a hostile name."""
    chance.choice(table[1:])[first_column(table)] = chance.choice(list(HOSTILE.values()))
    return table


def hostile_value(table: Table, chance: random.Random) -> Table:
    """Write something hostile into one field."""
    odd = ("nan", "inf", "-inf", "1e999", "1e-999", "9" * 400, "[[]]", "[ 1 2 ]", "0x10", "1_0")
    row = chance.choice(table[1:])
    row[chance.randrange(len(row))] = chance.choice([*odd, *HOSTILE.values()])
    return table


def hostile_column(table: Table, chance: random.Random) -> Table:
    """Give a whole column one hostile value."""
    column = chance.randrange(len(table[0]))
    value = chance.choice(["", "None", "nan", "1e999", "-1", "x", "2020-13-45 99:99", "\u0661"])
    for row in table[1:]:
        row[column] = value
    return table


def hostile_heading(table: Table, chance: random.Random) -> Table:
    """Rename a column."""
    table[0][chance.randrange(len(table[0]))] = chance.choice(list(HOSTILE.values()))
    return table


def repeated_column(table: Table, chance: random.Random) -> Table:
    """Give two columns one name."""
    one, other = chance.sample(range(len(table[0])), 2)
    table[0][one] = table[0][other]
    return table


def column_left_out(table: Table, chance: random.Random) -> Table:
    """Leave a column out."""
    column = chance.randrange(len(table[0]))
    return [row[:column] + row[column + 1 :] for row in table]


def columns_in_another_order(table: Table, chance: random.Random) -> Table:
    """Shuffle the columns, which is no fault."""
    order = chance.sample(range(len(table[0])), len(table[0]))
    return [[row[column] for column in order] for row in table]


def rows_in_another_order(table: Table, chance: random.Random) -> Table:
    """Shuffle the rows, which is no fault."""
    return [table[0], *chance.sample(table[1:], len(table) - 1)]


def row_repeated(table: Table, chance: random.Random) -> Table:
    """Write a row twice."""
    return [*table, chance.choice(table[1:])]


def row_left_out(table: Table, chance: random.Random) -> Table:
    """Leave a row out: the HDF5 has a trace more."""
    row = chance.randrange(1, len(table))
    return table[:row] + table[row + 1 :]


def row_cut(table: Table, chance: random.Random) -> Table:
    """Give a row too few fields, or too many."""
    row = chance.choice(table[1:])
    row[:] = row[: chance.randrange(len(row))] if chance.random() < 0.5 else [*row, "more"]
    return table


def no_rows(table: Table, _: random.Random) -> Table:
    """Keep the header alone."""
    return table[:1]


TABLES: dict[str, Callable[[Table, random.Random], Table]] = {
    "hostile name": hostile_name,
    "hostile value": hostile_value,
    "hostile column": hostile_column,
    "hostile heading": hostile_heading,
    "column repeated": repeated_column,
    "column left out": column_left_out,
    "columns in another order": columns_in_another_order,
    "rows in another order": rows_in_another_order,
    "row repeated": row_repeated,
    "row left out": row_left_out,
    "row cut or longer": row_cut,
    "no rows": no_rows,
}
"""Faults of the table, by what they do."""

ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "byte order mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "Latin-1": lambda text: text.replace("manual", "m\xe4nual", 1).encode("latin-1"),
    "lines of Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "lines of old Macs": lambda text: text.replace("\n", "\r").encode(),
    "a quote without end": lambda text: text.replace("\n", '\n"', 2).encode(),
    "all quoted": lambda text: text.replace(",", '","').replace("\n", '"\n"').encode(),
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "blank lines": lambda text: text.replace("\n", "\n\n").encode(),
    "a field of 3 MB": lambda text: text.replace("\n", "\n" + "x" * 3_000_000, 1).encode(),
    "nothing": lambda _: b"",
    "one line break": lambda _: b"\n",
}
"""Other ways in which the text of a table may stand in a file."""


ChangeTable = Callable[[Table, random.Random], Table]


def mutate_table(path: Path, change: ChangeTable, chance: random.Random) -> None:
    """Change the rows and columns of a CSV."""
    table = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(change(table, chance))
    path.write_text(text.getvalue(), encoding="utf-8", errors="surrogatepass", newline="")


def signed_name(path: Path, chance: random.Random) -> None:
    """Give a trace a hostile name, and the manifest the digest that fits."""
    manifest = load(path)
    names = list(manifest.traces)
    names[chance.randrange(len(names))] = chance.choice(list(HOSTILE.values()))
    _sign(path, replace(manifest, traces=names))


def signed_title(path: Path, chance: random.Random) -> None:
    """Give the data set a hostile name."""
    _sign(path, replace(load(path), name=chance.choice(list(HOSTILE.values()))))


def signed_recipe(path: Path, chance: random.Random) -> None:
    """Let the recipe be something else than a recipe."""
    odd = (
        [],
        1,
        None,
        "text",
        {"a": [{}]},
        {"operation": "\x1b[31m"},
        {"\u202e": 1},
        {"": "x" * 99999},
    )
    nested: object = 1
    for _ in range(300):
        nested = [nested]
    _sign(path, replace(load(path), recipe=chance.choice([*odd, {"deep": nested}])))


def signed_digests(path: Path, chance: random.Random) -> None:
    """Let a digest be another one, or unknown."""
    manifest = load(path)
    waveforms = list(manifest.waveforms)
    place = chance.randrange(len(waveforms))
    waveforms[place] = chance.choice(["-", "0" * 32, waveforms[place - 1]])
    _sign(path, replace(manifest, waveforms=waveforms))


def signed_csv(path: Path, chance: random.Random) -> None:
    """Let the digest of the CSV be another one, unknown, or none at all."""
    odd = ("0" * 64, "-", "x", "", "0" * 65)
    _sign(path, replace(load(path), csv=chance.choice(odd)))


def signed_order(path: Path, chance: random.Random) -> None:
    """List the traces twice, some only, or in another order."""
    manifest = load(path)
    names = list(manifest.traces)
    order = chance.choice([names[::-1], [names[0], *names[:-1]], names])
    _sign(path, replace(manifest, traces=order))


def signed_counts(path: Path, chance: random.Random) -> None:
    """Let the counts of the categories be others."""
    odd = (
        {},
        {"noise": len(load(path).traces)},
        {"cats": 9},
        {"noise": -1, "earthquake_local": 10},
    )
    _sign(path, replace(load(path), categories=chance.choice(odd)))


def _sign(path: Path, manifest: Manifest) -> None:
    path.write_text(manifest.to_text(), encoding="utf-8", errors="surrogatepass", newline="\n")


def header_line(path: Path, chance: random.Random) -> None:
    """Take away, repeat or falsify a line of the header."""
    lines = path.read_text(encoding="utf-8").split("\n")
    row = chance.randrange(7)
    lines[row : row + 1] = chance.choice(
        [[], [lines[row]] * 2, ["# recipe: {"], ["# traces: 1e9 = x"], [json.dumps(lines)]]
    )
    path.write_text("\n".join(lines), encoding="utf-8", newline="\n")


MANIFESTS: dict[str, Callable[[Path, random.Random], None]] = {
    "hostile name, signed": signed_name,
    "hostile title, signed": signed_title,
    "odd recipe, signed": signed_recipe,
    "other digests, signed": signed_digests,
    "other CSV, signed": signed_csv,
    "other order, signed": signed_order,
    "other counts, signed": signed_counts,
    "header line": header_line,
}
"""Faults of the manifest; those signed have a digest that fits."""
