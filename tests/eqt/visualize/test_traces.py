"""Which traces are shown: the same whatever the order, different ones, and clear refusals."""

import numpy as np
import pandas as pd
import pytest
from conftest import names_of, write_stead

from eqt.visualize import traces
from steadkit.errors import InputError
from steadkit.sources import source_from_path


def varied(path, order):
    """Write a file whose events differ in SNR and distance, rows in some order."""
    names = names_of(16, 8)
    source = write_stead(path, names)
    table = pd.read_csv(source.csv, dtype=str, keep_default_na=False)
    for i in range(16):
        table.loc[i, "snr_db"] = f"[{10 + i} {20 + i} {30 + i}]"
        table.loc[i, "source_distance_km"] = str(10 * (i % 4) + i)
    table.iloc[order].to_csv(source.csv, index=False)
    return source


def test_four_events_that_differ_and_three_noise_traces(tmp_path):
    source = varied(tmp_path / "a.hdf5", list(range(24)))
    selection = traces.choose_example_traces(source)
    rows = traces.read_traces(source.hdf5).rows
    assert [name[-2:] for name in selection] == ["EV"] * 4 + ["NO"] * 3
    assert len(set(selection)) == 7
    ratios = [row["snr_db_E"] for row in rows[:4]]
    distances = [row["source_distance_km"] for row in rows[:4]]
    # High and low SNR among the near ones, then among the far ones.
    assert ratios[0] > ratios[1] and ratios[2] > ratios[3]
    assert max(distances[:2]) < min(distances[2:])


def test_the_choice_does_not_hang_on_the_order_of_the_table(tmp_path):
    (tmp_path / "b").mkdir()
    selection = traces.choose_example_traces(varied(tmp_path / "a.hdf5", list(range(24))))
    order = np.random.default_rng(1).permutation(24)
    assert traces.choose_example_traces(varied(tmp_path / "b" / "a.hdf5", order)) == selection


def test_the_choice_is_among_those_given(stead):
    source = stead("chunk.hdf5", names_of(12, 6))
    candidates = names_of(5, 2)
    assert set(traces.choose_example_traces(source, candidates)) <= set(candidates)


def test_traces_are_scaled_and_events_come_first(stead):
    source = stead()
    names = [names_of(0, 1)[0], names_of(1)[0]]
    shown = traces.read_traces(source.hdf5, names)
    assert shown.names == names[::-1]
    assert shown.is_event.tolist() == [True, False]
    np.testing.assert_allclose(shown.waveforms.std(axis=1), 1, atol=1e-3)
    assert traces.arrivals(shown.rows[0]) == {"P": 600.0, "S": 900.0}
    assert traces.caption(shown.rows[0]) == "S0.XX, SNR 20 dB, S−P 3.0 s"  # noqa: RUF001
    assert traces.caption(shown.rows[1]) == "S0.XX, noise"


def test_a_trace_that_is_not_there_is_refused_with_those_like_it(stead):
    with pytest.raises(InputError, match=r"no trace 'S0.XX_2020': did you mean 'S0.XX_2020"):
        traces.read_traces(stead().hdf5, ["S0.XX_2020"])


def test_too_many_traces_are_refused(stead):
    source = stead("many.hdf5", names_of(25))
    with pytest.raises(InputError, match="25 traces are too many for a figure: name at most 24"):
        traces.read_traces(source.hdf5, names_of(25))


def test_many_traces_come_in_parts(stead):
    source = stead("many.hdf5", names_of(9, 5))
    count, chunks = traces.iter_trace_chunks(source.hdf5, 4, size=3)
    chunks = list(chunks)
    assert count == len(chunks) == 3
    assert [chunk.is_event.sum() for chunk in chunks] == [3, 1, 0]
    assert sum(len(chunk.names) for chunk in chunks) == 8
    assert source_from_path(source.hdf5) == source
