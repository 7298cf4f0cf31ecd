"""The selection as data: what it refuses, its recipe, and words for places, strata and lists."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadkit.errors import InputError
from steadkit.selection import Selection, name_set, parse_strata, read_names
from steadkit.selection.filters import in_box, in_circle

TENTH = Fraction(1, 10)

OPTIONS = st.fixed_dictionaries(
    {"seed": st.integers(0, 2**63 - 1)},
    optional={
        "where": st.sampled_from(["source_magnitude>2", "not (snr_db_Z > 10)", "p_status == 'a'"]),
        "box": st.sampled_from([(-60, -170, 60, 150), (-90.0, 100.0, 90.0, -100.0)]),
        "stratify": st.sampled_from(
            [(), ("trace_category", "source_magnitude:1,2.50"), ("snr_db:10,30",), ("p_status",)]
        ),
        "group": st.just("source_id"),
        "balance": st.booleans(),
        "exclude": st.lists(st.text("abc_", min_size=1)).map(name_set),
    },
)


def test_a_box_across_the_date_line():
    longitudes = np.array([179.0, 180.0, -180.0, -175.0, 185.0, 0.0, 169.0, np.nan])
    is_inside = in_box(np.zeros(8), longitudes, (-1, 170, 1, -170))
    assert is_inside.tolist() == [True, True, True, True, True, False, False, False]
    assert in_box(np.zeros(8), longitudes, (-1, -180, 1, 180))[:7].all()


@given(st.tuples(*[st.floats(-90, 90), st.floats(-180, 180)] * 2, st.floats(1, 20_000)))
def test_a_circle_is_the_angle_between_two_directions(drawn):
    *places, radius = drawn
    (vector_a, vector_b) = (
        np.array([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)])
        for a, b in np.radians(places).reshape(2, 2)
    )
    # By another formula, one that is good at every angle.
    angle = np.arctan2(np.linalg.norm(np.cross(vector_a, vector_b)), vector_a @ vector_b)
    if abs(6371.0 * angle - radius) > 1e-3:
        inside = in_circle(np.array(places[:1]), np.array(places[1:2]), (*places[2:], radius))
        assert inside.tolist() == [6371.0 * angle < radius]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"../evil\n", "at most 200 bytes"),
        (b"a b\n", "at most 200 bytes"),
        (b"\x89HDF\r\n\x1a\n", "not a text file"),
        (b"trace_name,x\n" + b'"' + b"a" * 200_000, "not a CSV"),
        (b"x,trace_name\n1\n", "trace name ''"),
        (b"# steadkit manifest 1\n", "not a steadkit manifest"),
    ],
)
def test_lists_that_are_none_are_refused(tmp_path, content, message):
    (tmp_path / "list").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_names([tmp_path / "list"])
    with pytest.raises(InputError, match="no file"):
        read_names([tmp_path / "nothing"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fraction": TENTH, "count": 5}, "contradict"),
        ({"fraction": 0.1}, "not a Fraction"),
        ({"fraction": Fraction(3, 2)}, "at most 1"),
        ({"count": 0}, "above 0"),
        ({"count": True}, "above 0"),
        ({"count": 2.0}, "above 0"),
        ({"seed": -1}, "seed -1"),
        ({"seed": "0"}, "seed '0'"),
        ({"seed": 2**63}, "seed"),
        ({"where": "x >"}, "cannot be read"),
        ({"where": None}, "not text"),
        ({"box": (10, 0, -10, 5)}, "south comes before north"),
        ({"box": (0, 0, 95, 5)}, "latitude 95"),
        ({"box": (0, 0, 5, 181)}, "longitude 181"),
        ({"box": (0, 0, 5)}, "south, west, north, east"),
        ({"box": (0, 0, float("nan"), 5)}, "south, west, north, east"),
        ({"box": "0,0,1,1"}, "south, west, north, east"),
        ({"circle": (0, 0, 0)}, "radius above 0"),
        ({"circle": (0, 0, 1e6)}, "radius above 0"),
        ({"circle": (-91, 0, 5)}, "latitude -91"),
        ({"circle": (1, 2, "3")}, "latitude, longitude, km"),
        ({"at": "receiver"}, "without a box or a circle"),
        ({"at": "moon", "box": (0, 0, 1, 1)}, "source or receiver"),
        ({"stratify": ("source_magnitude:3,2",)}, "ascend"),
        ({"stratify": ("source_magnitude:a",)}, "no number"),
        ({"stratify": ("source_magnitude:inf",)}, "no number"),
        ({"stratify": ("trace_category:1",)}, "is text and has no bins"),
        ({"stratify": ("snr_db_Z",)}, "needs bins"),
        ({"stratify": ("snr_db",)}, "needs bins"),
        ({"stratify": ("p_status", "p_status")}, "twice"),
        ({"stratify": ("",)}, "names no column"),
        ({"stratify": (3,)}, "not text"),
        ({"rounding": "up", "fraction": TENTH}, "floor or nearest"),
        ({"rounding": "nearest", "count": 3}, "nothing is rounded"),
        ({"balance": 1}, "neither true nor false"),
        ({"balance": True, "group": "receiver_code"}, "balance goes with source_id"),
        ({"exclude": ["a"]}, "read_names"),
    ],
)
def test_a_selection_checks_itself(options, message):
    with pytest.raises(InputError, match=message):
        Selection(**options)


def test_strata_as_they_are_written():
    assert parse_strata(["trace_category", "source_magnitude:2,3,4", "p_status,snr_db:1e1"]) == (
        "trace_category",
        "source_magnitude:2,3,4",
        "p_status",
        "snr_db:10",
    )
    with pytest.raises(InputError, match="names no column"):
        parse_strata(["trace_category,,p_status"])


SELECTIONS = st.builds(
    lambda options, amount, further_options: Selection(**options | amount | further_options),
    OPTIONS,
    st.one_of(
        st.builds(
            lambda f: {"fraction": f}, st.fractions(Fraction(1, 10**6), 1, max_denominator=10**6)
        ),
        st.builds(lambda n: {"count": 2 * n}, st.integers(1, 2**62 - 1)),
        st.just({}),
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "circle": st.tuples(st.floats(-90, 90), st.floats(-180, 180), st.floats(0.1, 20_000)),
            "preset": st.sampled_from(["merged", "steadmini"]),
        },
    ),
)


@given(selection=SELECTIONS)
def test_a_recipe_is_the_selection_again(selection):
    recipe = json.loads(json.dumps(selection.to_recipe()))
    assert Selection.from_recipe(recipe) == selection
    assert Selection.from_recipe(recipe).to_recipe() == selection.to_recipe()


def test_the_recipe_of_a_plain_fraction_is_what_it_always_was():
    assert Selection(TENTH, seed=3).to_recipe() == {
        "operation": "subset",
        "fraction": "1/10",
        "seed": 3,
        "stratify": ["trace_category"],
        "rounding": "floor",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"operation": "merge"}, "recipe of 'merge'"),
        ({"colour": "red"}, "'colour'"),
        ({"fraction": "2"}, "at most 1"),
        ({"fraction": None}, "not a number"),
        ({"stratify": "trace_category"}, "a list of columns"),
        ({"exclude": ["a"]}, "a number and a digest"),
        ({"exclude": {"names": "3", "digest": "ab"}}, "a number and a text"),
        ({"box": [0, 0, 1]}, "south, west, north, east"),
        ({"where": 3}, "not text"),
        ({"seed": 1.5}, "seed 1.5"),
    ],
)
def test_a_spoilt_recipe_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        Selection.from_recipe(Selection(TENTH).to_recipe() | change)
