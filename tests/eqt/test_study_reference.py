"""The study's rows and columns against those of the published tester and the study's own script."""

import numpy as np
import pandas as pd
import pytest
from campaigns import published
from reference_picker import detect

from eqt.evaluation import RESULTS_COLUMNS, results_table
from eqt.formats import keras_v2
from eqt.metrics import STUDY_COLUMNS, study_row
from eqt.picking.candidates import extract_by_rules
from eqt.picking.picks import Thresholds
from eqt.picking.rules import PUBLISHED
from eqt.probabilities import Probabilities
from steadkit.catalog import read_table
from steadkit.schema import COLUMNS

ERRORS = ("p_mae", "p_rmse", "s_mae", "s_rmse")


@pytest.fixture(scope="module")
def table(shared_data):
    rows = read_table(shared_data / "ncedc_a.csv")
    return rows.reindex(columns=list(COLUMNS), fill_value="")


@pytest.fixture(scope="module", params=published.NAMES)
def network(request, shared_data):
    records = published.real_records(shared_data)
    model = keras_v2.load(shared_data / f"eqt_{request.param}.h5")
    return request.param, published.outputs(model, records.waveforms)


def test_columns_equal_the_studys_script(network, table, shared_data):
    name, outputs = network
    reference = pd.read_csv(shared_data / "study_reference" / "columns.csv")
    reference = reference[reference["network"] == name]
    assert len(reference) == 3
    for expected in reference.to_dict("records"):
        thresholds = [expected[f"{output}_threshold"] for output in ("detection", "P", "S")]
        candidates = extract_by_rules(
            iter([Probabilities(outputs)]), Thresholds(*thresholds), {PUBLISHED: ()}
        )
        detections = candidates[PUBLISHED].detections(Thresholds(*thresholds))
        row = study_row(results_table(table, detections), name)
        assert len(set(STUDY_COLUMNS) & set(expected)) == 24
        for column in STUDY_COLUMNS[1:]:
            tolerance = 1e-6 if column in ERRORS else 1e-12
            assert row[column] == pytest.approx(expected[column], abs=tolerance), (
                thresholds,
                column,
            )


def test_rows_equal_the_testers_cell_for_cell(network, table, shared_data, tmp_path):
    name, outputs = network
    detections = [detect(window, Thresholds(), rules=PUBLISHED) for window in outputs]
    results_table(table, detections).to_csv(tmp_path / "ours.csv", index=False)
    assert_rows_equal(tmp_path / "ours.csv", shared_data, name)


def assert_rows_equal(path, shared_data, name):
    reference = shared_data / "study_reference" / f"X_test_results_{name}.csv"
    table, expected = (
        pd.read_csv(file, dtype=str, keep_default_na=False) for file in (path, reference)
    )
    assert table.columns.tolist() == expected.columns.tolist() == list(RESULTS_COLUMNS)
    assert len(table) == len(expected) == 98
    for column in table:
        assert (table[column] == "").equals(expected[column] == ""), column
        numbers = [pd.to_numeric(rows[column], errors="coerce") for rows in (table, expected)]
        if numbers[1].notna().any():
            # The outputs that the reference was made of were ours within 1.2e-5.
            tolerance = 1.001e-3 if column.endswith("_probability") else 1e-9
            np.testing.assert_allclose(*numbers, rtol=0, atol=tolerance, err_msg=column)
        else:
            assert table[column].tolist() == expected[column].tolist(), column


def test_the_command_writes_both(run, shared_data, tmp_path):
    name = "original"
    data, weights = shared_data / "ncedc_a.hdf5", shared_data / f"eqt_{name}.h5"
    options = ("--thresholds", "published", "--resamples", 0, "--output", "out")
    result = run("eqt", "evaluate", "--data", data, "--weights", weights, *options)
    assert result.exit_code == 0, result.output
    assert_rows_equal(tmp_path / "out" / "X_test_results.csv", shared_data, name)
    study = pd.read_csv(tmp_path / "out" / "study.csv").iloc[0]
    reference = pd.read_csv(shared_data / "study_reference" / "columns.csv").iloc[0]
    assert (reference["network"], reference["detection_threshold"]) == (name, 0.2)
    for column in STUDY_COLUMNS[1:]:
        assert study[column] == pytest.approx(reference[column], abs=1e-6), column
