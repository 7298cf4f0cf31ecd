"""What figures read: rows of a few traces, one earthquake, names like a wrong one."""

import numpy as np
import pandas as pd
import pytest
from conftest import names_of, waveform

from steadkit.errors import InputError
from steadkit.plots import (
    clear_event,
    read_clear_event,
    read_event_rows,
    read_trace_rows,
    read_trace_waveforms,
)
from steadkit.plots.tables import close_names, most_recorded


def test_rows_come_typed_and_in_the_order_of_the_names(stead):
    source = stead()
    names = names_of(8, 4)
    rows = read_trace_rows(source.csv, [names[9], names[2]])
    assert rows["trace_name"].tolist() == [names[9], names[2]]
    assert rows["p_arrival_sample"].tolist() == pytest.approx([np.nan, 602.0], nan_ok=True)
    assert rows["snr_db_N"].tolist() == pytest.approx([np.nan, 21.0], nan_ok=True)
    assert rows["coda_end_sample"].iloc[1] == 2000
    assert rows["source_magnitude"].isna().all()
    assert rows["source_id"].tolist() == ["", "source0"]


def test_columns_that_a_table_lacks_are_missing(tmp_path):
    (tmp_path / "a.csv").write_text("trace_name,trace_category\nA_EV,earthquake_local\n")
    rows = read_trace_rows(tmp_path / "a.csv", ["A_EV"])
    assert rows["p_arrival_sample"].isna().all()
    assert rows["network_code"].tolist() == [""]


def test_an_unknown_name_meets_those_like_it(stead):
    with pytest.raises(InputError, match=r"no trace 'S3.XX_20200101000003'.*'S3.XX_.*_EV'"):
        read_trace_rows(stead().csv, ["S3.XX_20200101000003"])


@pytest.mark.parametrize("name", ["../x", "a/b", "", "x" * 300, "a\x00b"])
def test_names_that_could_lead_elsewhere_are_refused(stead, name):
    with pytest.raises(InputError, match="trace name"):
        read_trace_rows(stead().csv, [name])


def test_close_names_are_found_from_both_ends():
    names = [f"{station}.XX_2020{number:08d}_EV" for station in "ABCD" for number in range(500)]
    assert close_names("A.XX_202000000123_EX", names)[0] == "A.XX_202000000123_EV"
    assert close_names("Q.XX_202000000123_EV", names)[0][1:] == ".XX_202000000123_EV"
    assert close_names("nothing like it", names) == []


def test_the_earthquake_with_most_traces_is_the_default(stead):
    source = stead(names=names_of(8, 4))  # three traces of source0, of source1, two of source2
    assert most_recorded(source.csv) == "source0"
    assert read_event_rows(source.csv)["trace_name"].tolist() == names_of(3)
    assert read_event_rows(source.csv, "source2")["trace_name"].tolist() == names_of(8)[6:]


@pytest.mark.parametrize("event", ["nowhere", "", "None"])
def test_an_earthquake_that_is_none_is_refused(stead, event):
    with pytest.raises(InputError, match="source_id"):
        read_event_rows(stead().csv, event)


def test_noise_alone_has_no_earthquake(stead):
    with pytest.raises(InputError, match="no event with a source_id"):
        read_event_rows(stead(names=names_of(0, 4)).csv)


def test_waveforms_come_as_they_are(stead):
    names = names_of(8, 4)[2:5]
    for samples, name in zip(read_trace_waveforms(stead(), names), names, strict=True):
        assert np.array_equal(samples, waveform(name))


def test_a_clear_event_is_at_the_upper_quartile_of_its_worst_component():
    numbers = pd.DataFrame(
        {
            "is_event": [True] * 5 + [False],
            "snr_db_E": [0.0, 10, 20, 30, 40, 30],
            "snr_db_N": 90.0,
            "snr_db_Z": [90.0, 90, 90, 90, np.nan, 90],
        }
    )
    names = list("fedcba")
    assert clear_event(numbers, names) == "d"  # 0, 10, 20 and 30: the quartile is 22.5
    assert clear_event(numbers.iloc[::-1], names[::-1]) == "d"
    assert clear_event(numbers.assign(snr_db_E=np.nan), names) == "b"
    assert clear_event(numbers.assign(is_event=False), names) is None


def test_an_example_needs_an_event_and_its_waveform(stead):
    source = stead()
    numbers = pd.DataFrame(
        {"is_event": [True] * 8 + [False] * 4} | {f"snr_db_{c}": np.arange(12.0) for c in "ENZ"}
    )
    samples, row = read_clear_event(source, numbers)
    assert row["trace_name"] == names_of(8)[5]
    assert np.array_equal(samples, waveform(row["trace_name"]))
    source.hdf5.unlink()
    assert read_clear_event(source, numbers) is None
