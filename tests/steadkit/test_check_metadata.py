"""Issues of the CSV: each one planted in one row, and found there and nowhere else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadkit.catalog import read_table
from steadkit.check import ISSUES, check_rows, repairable, selected_issues
from steadkit.check.metadata import RULES, find_duplicates, repair_rows, window_keys
from steadkit.errors import InputError
from steadkit.schema import COLUMNS, EVENT, NOISE

SOUND_EVENT = {
    "network_code": "TA",
    "receiver_code": "109C",
    "receiver_type": "BH",
    "receiver_latitude": "32.8889",
    "receiver_longitude": "-117.1051",
    "receiver_elevation_m": "150.0",
    "p_arrival_sample": "700.0",
    "p_status": "manual",
    "p_weight": "0.5",
    "p_travel_sec": "17.0799999237",
    "s_arrival_sample": "1894.0",
    "s_status": "manual",
    "s_weight": "0.5",
    "source_id": "8556349",
    "source_origin_time": "2006-07-23 15:58:50.88",
    "source_latitude": "33.7496",
    "source_longitude": "-117.4938",
    "source_depth_km": "0.45",
    "source_magnitude": "3.6",
    "source_distance_deg": "0.92",
    "source_distance_km": "102.09",
    "back_azimuth_deg": "339.3",
    "snr_db": "[ 56.79999924  55.40000153  47.40000153]",
    "coda_end_sample": "[[ 2896.]]",
    "trace_start_time": "2006-07-23 15:59:00.960000",
    "trace_category": EVENT,
}


def sound_table(events: int = 4, noise: int = 2) -> pd.DataFrame:
    """Rows without an issue, each of a station of its own."""
    rows = [
        SOUND_EVENT | {"receiver_code": f"E{i}", "trace_name": f"E{i}.TA_20060723155859_EV"}
        for i in range(events)
    ] + [
        {
            "receiver_code": f"N{i}",
            "trace_start_time": "2006-07-23 15:59:00.960000",
            "trace_category": NOISE,
            "trace_name": f"N{i}.TA_20060723155859_NO",
        }
        for i in range(noise)
    ]
    return pd.DataFrame([dict.fromkeys(COLUMNS, "") | row for row in rows], dtype=str)


# What to write into row 1, an event, or row 5, noise, for an issue to show there.
PLANTS = [
    ("malformed-value", 1, {"source_gap_deg": "wide"}),
    ("malformed-value", 1, {"source_error_sec": "inf"}),
    ("malformed-value", 1, {"snr_db": "[1.0 x 3.0]"}),
    ("malformed-value", 5, {"trace_start_time": "yesterday"}),
    ("name-category", 5, {"trace_name": "N9.TA_20060723155859_EV"}),
    ("arrivals-missing", 1, {"p_arrival_sample": "", "s_arrival_sample": "None"}),
    ("s-without-p", 1, {"p_arrival_sample": ""}),
    ("s-missing", 1, {"s_arrival_sample": "nan"}),
    ("coda-missing", 1, {"coda_end_sample": "None"}),
    ("noise-with-arrivals", 5, {"s_arrival_sample": "900.0"}),
    ("p-outside", 1, {"p_arrival_sample": "-1", "p_travel_sec": ""}),
    ("s-outside", 1, {"s_arrival_sample": "6000.0", "coda_end_sample": "[[6000.]]"}),
    ("coda-outside", 1, {"coda_end_sample": "[[ 6001.]]"}),
    ("s-before-p", 1, {"s_arrival_sample": "700.0"}),
    ("coda-before-s", 1, {"coda_end_sample": "[[1800.]]"}),
    ("origin-after-p", 1, {"source_origin_time": "2006-07-23 15:59:30"}),
    ("travel-time", 1, {"p_travel_sec": "17.4"}),
    ("coordinates-outside", 1, {"receiver_latitude": "132.8889"}),
    ("coordinates-outside", 1, {"source_longitude": "-217.4938"}),
    ("magnitude-outside", 1, {"source_magnitude": "36"}),
    ("distance-units", 1, {"source_distance_deg": "102.09"}),
    ("distance-coordinates", 1, {"source_distance_km": "120.0"}),
    ("back-azimuth-reversed", 1, {"back_azimuth_deg": "159.3"}),
    ("back-azimuth-off", 1, {"back_azimuth_deg": "20.7"}),
    ("default-depth", 1, {"source_depth_km": "33"}),
    ("weak-component", 1, {"snr_db": "[56.8 3.1 47.4]"}),
]


def found_in(table):
    findings = check_rows(table)
    return list(zip(findings["trace_name"], findings["fault"], strict=True))


def test_sound_rows_have_no_issue():
    assert found_in(sound_table()) == []


@pytest.mark.parametrize(("code", "row", "cells"), PLANTS, ids=lambda x: str(x)[:40])
def test_a_planted_issue_is_found_alone(code, row, cells):
    table = sound_table()
    for column, text in cells.items():
        table.loc[row, column] = text
    name = table["trace_name"][row]
    assert found_in(table) == [(name, code)]
    # Neither the order of the rows nor the others matter.
    assert found_in(table.iloc[::-1].reset_index(drop=True)) == [(name, code)]
    assert found_in(table.iloc[[row]]) == [(name, code)]
    assert len(check_rows(table, set(ISSUES) - {code})) == 0


def test_every_rule_is_planted_and_has_an_issue():
    planted = {code for code, _, _ in PLANTS}
    assert {rule.code for rule in RULES} <= planted <= set(ISSUES)


def test_findings_tell_what_is_there_and_what_should_be():
    table = sound_table()
    table.loc[2, "back_azimuth_deg"] = "159.3"
    finding = check_rows(table).iloc[0]
    assert finding.to_dict() == {
        "trace_name": "E2.TA_20060723155859_EV",
        "fault": "back-azimuth-reversed",
        "severity": "error",
        "value": "back_azimuth_deg 159.3",
        "expected": "339.3",
    }


@pytest.mark.parametrize(
    ("cells", "column", "mended"),
    [
        ({"back_azimuth_deg": "159.3"}, "back_azimuth_deg", "339.3"),
        ({"source_distance_deg": "102.09"}, "source_distance_deg", "0.92"),
        ({"source_distance_km": "0.92"}, "source_distance_km", "102.09"),
    ],
)
def test_repair_changes_that_cell_alone(cells, column, mended):
    table = sound_table()
    for name, text in cells.items():
        table.loc[2, name] = text
    findings = check_rows(table)
    assert repairable(findings).all()
    changed = repair_rows(table, findings)
    assert changed.loc[2, column] == mended
    assert found_in(changed) == []
    different = (changed != table).to_numpy()
    assert different.sum() == 1 and table.loc[2, column] == cells[column]


def test_without_coordinates_nothing_is_repaired():
    table = sound_table()
    table.loc[2, ["source_latitude", "source_distance_deg"]] = ["", "50"]
    findings = check_rows(table)
    assert findings["fault"].tolist() == ["distance-units"]
    assert not repairable(findings).any()
    assert repair_rows(table, findings).equals(table)


def test_a_back_azimuth_turned_at_the_source_is_forgiven():
    # 360 km at 65 degrees north: STEAD turns the azimuth there, 4.4 degrees off at the station.
    far = {"receiver_latitude": "64.0", "receiver_longitude": "-150.0", "source_latitude": "66.5"}
    far |= {"source_longitude": "-145.2", "source_distance_km": "", "source_distance_deg": ""}
    table = sound_table(1, 0).assign(**far)
    assert found_in(table.assign(back_azimuth_deg="41.0")) == []
    assert found_in(table.assign(back_azimuth_deg="36.7")) == []
    assert found_in(table.assign(back_azimuth_deg="221.0"))[0][1] == "back-azimuth-reversed"
    assert found_in(table.assign(back_azimuth_deg="30.0"))[0][1] == "back-azimuth-off"


def test_a_source_beside_its_station_is_not_judged():
    near = {"source_latitude": "32.8889", "source_longitude": "-117.1051"}
    near |= {"source_distance_km": "0.0", "source_distance_deg": "0.0"}
    assert found_in(sound_table(1, 0).assign(**near, back_azimuth_deg="77")) == []


def test_a_table_of_names_alone_can_be_checked():
    table = sound_table(2, 2)[["trace_name", "trace_category"]]
    assert {code for _, code in found_in(table)} == {"arrivals-missing", "coda-missing"}


def test_same_station_and_time():
    table = sound_table()
    table.loc[2, "receiver_code"] = "E1"
    # The same moment, written otherwise; an instrument of its own; no time at all.
    table.loc[2, "trace_start_time"] = "2006-07-23T15:59:00.96"
    table.loc[3, ["receiver_code", "receiver_type"]] = ["E1", "HH"]
    table.loc[[4, 5], ["receiver_code", "trace_start_time"]] = ["E1", ""]
    findings = find_duplicates("duplicate-window", table["trace_name"], window_keys(table))
    assert findings["trace_name"].tolist() == ["E2.TA_20060723155859_EV"]
    assert findings["value"].tolist() == ["same as E1.TA_20060723155859_EV"]


@given(st.lists(st.sampled_from([b"", b"a", b"b", b"c"]), max_size=12), st.randoms())
def test_all_but_the_first_of_equal_keys(keys, random):
    names = [f"T{i:02}" for i in range(len(keys))]
    expected = [n for n, k in zip(names, keys, strict=True) if k and names[keys.index(k)] != n]
    rows = list(zip(names, keys, strict=True))
    random.shuffle(rows)
    findings = find_duplicates(
        "duplicate-waveform",
        pd.Series([n for n, _ in rows], dtype=str),
        np.array([k for _, k in rows], dtype="S4"),
    )
    assert sorted(findings["trace_name"]) == expected


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(COLUMNS[:-2]), st.text(max_size=20), max_size=6))
def test_no_cell_breaks_the_check(cells):
    findings = check_rows(sound_table(2, 1).assign(**cells))
    assert set(findings["fault"]) <= set(ISSUES)
    assert all(text.isprintable() for text in findings["value"])


def test_the_38_of_the_real_rows(shared_data):
    table = read_table(shared_data / "stead_100samples.csv")
    findings = check_rows(table)
    errors = findings[findings["severity"] == "error"]
    assert set(errors["fault"]) == {"back-azimuth-reversed"}
    assert len(errors) == 38 == errors["trace_name"].nunique()
    # What the 38 hold is the azimuth at the source; the mended rows have no error.
    wrong = table.set_index("trace_name").loc[errors["trace_name"]]
    recorded = wrong["back_azimuth_deg"].astype(float).to_numpy()
    turned = np.abs(recorded - errors["expected"].astype(float).to_numpy())
    assert ((turned > 179) & (turned < 181)).all()
    mended = check_rows(repair_rows(table, findings))
    assert set(mended["severity"]) == {"suspect"}


def test_the_38_are_what_obspy_says(shared_data):
    geodetics = pytest.importorskip("obspy.geodetics")
    table = read_table(shared_data / "stead_100samples.csv")
    findings = check_rows(table, ["back-azimuth-reversed"]).set_index("trace_name")
    columns = [f"{end}_{c}" for end in ("receiver", "source") for c in ("latitude", "longitude")]
    for _, row in table.iterrows():
        _, azimuth, _ = geodetics.gps2dist_azimuth(*row[columns].astype(float))
        off = abs((float(row["back_azimuth_deg"]) - azimuth + 180) % 360 - 180)
        assert (off > 90) == (row["trace_name"] in findings.index)
        if off > 90:
            assert float(findings["expected"][row["trace_name"]]) == round(azimuth, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"only": ["p-outsid"]}, "perhaps 'p-outside'"),
        ({"ignore": ["nonsense"]}, "--list"),
        ({"only": ["clipped"], "metadata_only": True}, "no issue is left"),
        ({"only": ["clipped"], "ignore": ["clipped"]}, "no issue is left"),
    ],
)
def test_issues_that_cannot_be_chosen(arguments, message):
    with pytest.raises(InputError, match=message):
        selected_issues(**arguments)


def test_rules_of_thumb_are_not_usual():
    more = selected_issues(heuristics=True) - selected_issues()
    assert more == {"second-event", "unlabelled-event"}
    assert selected_issues(only=["second-event"]) == {"second-event"}
