"""JSON that others may have changed: one clear line for each way in which it is not what it was."""

import pytest

from steadkit.documents import (
    INTEGER,
    NUMBER,
    OBJECT,
    TEXT,
    list_of,
    parse_json,
    read_json,
    value_at,
)
from steadkit.errors import InputError
from steadkit.split import SplitConfig

HOSTILE = "\x1b[31m" * 100


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON from line 1, column 1 on"),
        (b"{\n 1}", "is not JSON from line 2, column 2 on"),
        (b"\xff\xfe", "is not JSON that can be read"),
        (b"[" * 100_000, "is not JSON that can be read"),
        (b"1" * 5000, "is not JSON that can be read"),
        (b"[1, 2]", "is [1, 2]: a JSON object is needed"),
        (b"null", "is None: a JSON object is needed"),
        (b" " * 2000, "has more than 1,000 bytes"),
    ],
)
def test_what_is_no_object_is_said(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as refusal:
        read_json(path, 1000 if len(content) == 2000 else 1 << 20)
    assert message in str(refusal.value) and str(path) in str(refusal.value)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("json_type", "valid_values", "misfits"),
    [
        (TEXT, ["", "a"], [1, None, ["a"]]),
        (INTEGER, [0, -5], [1.0, True, "1", None]),
        (NUMBER, [0, 1.5], [float("nan"), float("inf"), True, "1"]),
        (OBJECT, [{}], [[], None]),
        (list_of(TEXT), [[], ["a"]], ["earthquake", [1], {"a": 1}, None]),
        (list_of(NUMBER, 2), [[1, 2.5]], [[1], [1, 2, 3], [1, "2"], 5]),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_a_value_of_another_type_is_refused_with_the_value(json_type, valid_values, misfits):
    for value in valid_values:
        assert value_at({"key": value}, "key", json_type, "it") == value
    for value in misfits:
        with pytest.raises(InputError) as refusal:
            value_at({"key": value}, "key", json_type, "it")
        assert str(refusal.value) == f"it has 'key' = {value!r}: {json_type.name} is needed"
    with pytest.raises(InputError, match="it has no 'key'"):
        value_at({}, "key", json_type, "it")


def test_a_value_is_shown_short_and_harmless():
    with pytest.raises(InputError) as refusal:
        value_at({"key": HOSTILE}, "key", INTEGER, "it")
    assert len(str(refusal.value)) < 300 and str(refusal.value).isprintable()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"by": "earthquake"}, "has 'by' = 'earthquake': a list, each a text is needed"),
        ({"by": [1]}, "has 'by' = [1]"),
        ({"shares": None}, "has 'shares' = None"),
        ({"shares": ["a", "b", "c"]}, "fraction 'a' is not a number"),
        ({"shares": ["1/0", "0", "0"]}, "fraction '1/0' is not a number"),
        ({"seed": "x"}, "has 'seed' = 'x': a whole number is needed"),
        ({"stratify": [None]}, "has 'stratify' = [None]"),
        ({"cut": ["2010-01-01"], "by": ["time"]}, "two times are needed"),
        ({"gap_days": []}, "has 'gap_days' = []"),
        ({"cell_degrees": True}, "has 'cell_degrees' = True"),
        ({"test_box": [1, 2, 3]}, "has 'test_box' = [1, 2, 3]"),
    ],
)
def test_a_recipe_of_a_split_is_read_with_its_types(changed, message):
    with pytest.raises(InputError) as refusal:
        SplitConfig.from_recipe(SplitConfig().to_recipe("3f9a") | changed)
    assert message in str(refusal.value)


def test_an_object_is_read():
    assert parse_json('{"a": [1, "é"]}', "it") == {"a": [1, "é"]}
