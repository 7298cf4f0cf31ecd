"""Comparisons: verdicts on picks made by hand, the bootstrap against a loop, refusals."""

import os
import re
from dataclasses import replace
from itertools import count

import numpy as np
import pandas as pd
import pytest
from conftest import refused
from reference_scores import score_picks

from eqt.compare import (
    COMPARED,
    IN_TIME,
    MEASURES,
    STUDY,
    ModelRuns,
    compare,
    read_evaluation,
    sentences,
    tally,
)
from eqt.compare.comparison import classify_interval, mean_of_seeds, verdict
from eqt.compare.measures import count_outcomes_by_trace
from eqt.metrics import (
    STUDY_COLUMNS,
    BootstrapConfig,
    cluster_bootstrap,
    draw_weights,
    interval,
    study_row,
)
from steadkit.schema import EVENT, NOISE

ARRIVALS = {"P": 600, "S": 900}
SAID = "columns are counted from X_test_results.csv, the rows that EQTransformer"


def write_evaluation(folder, off, events=30, noise=12, false_noise=0, missed=0, extra=0):
    """Write an evaluation by hand: picks `off` samples late in all but the `missed` first events.

    Three events make an earthquake; the first `false_noise` noise traces have a pick, and the
    first `extra` events a second one.
    """
    names = [f"E{i}.XX_EV" for i in range(events)] + [f"N{i}.XX_NO" for i in range(noise)]
    is_event = np.arange(len(names)) < events
    index = np.arange(len(names))
    is_detected = np.where(is_event, index >= missed, index - events < false_noise)
    traces = pd.DataFrame(
        {
            "trace_name": names,
            "trace_category": np.where(is_event, EVENT, NOISE),
            "earthquake": [f"quake {i // 3}" if i < events else f"trace {i}" for i in index],
            "p_s": np.where(is_event, ARRIVALS["P"] / 100, np.nan),
            "s_s": np.where(is_event, ARRIVALS["S"] / 100, np.nan),
        }
    )
    picks = traces[["trace_name", "trace_category"]].assign(
        number_of_detections=is_detected.astype(int)
    )
    detections = traces.loc[is_detected, ["trace_name"]]
    results = traces[["trace_name", "trace_category"]].assign(
        detection_probability=np.where(is_detected, 0.9, np.nan)
    )
    for phase, arrival in ARRIVALS.items():
        results[f"{phase.lower()}_arrival_sample"] = np.where(is_event, arrival, np.nan)
        results[f"{phase}_pick"] = np.where(is_detected, arrival + off, np.nan)
        results[f"{phase}_probability"] = np.where(is_detected, 0.5, np.nan)
        detections[f"{phase}_pick"] = arrival + off
    second = detections.head(extra).assign(P_pick=3000.0, S_pick=np.nan)
    folder.mkdir(parents=True)
    for name, table in (
        ("picks", picks),
        ("detections", pd.concat([detections, second])),
        ("traces", traces),
        ("X_test_results", results),
    ):
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture
def made(tmp_path):
    """Write evaluations of runs and read them back as contenders."""
    numbers = count()

    def make(name, *args, **kwargs):
        folder = write_evaluation(tmp_path / f"{next(numbers)}" / name, *args, **kwargs)
        return ModelRuns(name, [read_evaluation(folder)])

    return make


def row(comparison, figure, model=None):
    rows = comparison.differences
    return rows[(rows["figure"] == figure) & (rows["model"] == (model or rows["model"][0]))].iloc[0]


def test_the_same_picks_are_equal_everywhere_and_undecided(made):
    comparison = compare(
        [made("A", 5, missed=3, false_noise=2), made("B", 5, missed=3, false_noise=2)]
    )
    assert tally(comparison, "B") == {"Equal": 22}
    assert tally(comparison, "B", "bootstrap") == {"undecided": 22}
    assert set(comparison.differences["verdict"]) == {"Equal"}
    assert sentences(comparison)[0].startswith("B is better than A in 0 of 25 columns (22 equal")


def test_a_model_that_is_better_everywhere_is_so_in_all_columns(made):
    comparison = compare(
        [made("A", 20, missed=9, false_noise=6), made("B", 5, missed=3, false_noise=1)]
    )
    assert tally(comparison, "B") == {"Better": 22}
    assert set(comparison.differences["verdict"]) == {"Better"}
    turned = compare(
        [made("A", 20, missed=9, false_noise=6), made("B", 5, missed=3, false_noise=1)], "B"
    )
    assert tally(turned, "A") == {"Worse": 22}


def test_only_what_differs_is_not_equal(made):
    comparison = compare([made("A", 5), made("B", 8)])
    unequal = comparison.differences[comparison.differences["verdict"] != "Equal"]
    errors = {"p_mae", "p_rmse", "s_mae", "s_rmse", "P MAE", "S MAE"}
    assert set(unequal["figure"]) == errors
    assert set(unequal["verdict"]) == {"Worse"}
    # Every pick is late by the same, so no choice of earthquakes changes the difference.
    assert set(unequal["bootstrap"]) == {"worse"}
    p_mae = row(comparison, "p_mae")
    assert p_mae["difference"] == pytest.approx(3)
    assert (p_mae["low"], p_mae["high"]) == pytest.approx((3, 3))
    assert row(comparison, "P MAE")["difference"] == pytest.approx(0.03)


def test_a_pick_off_by_more_than_the_tolerance_counts_for_the_study_alone(made):
    comparison = compare([made("A", 5), made("B", 51)])
    assert row(comparison, "p_recall")["verdict"] == "Equal"
    assert row(comparison, "P recall")["value"] == 0
    assert row(comparison, "P MAE")["verdict"] == "undefined"
    assert row(comparison, "P MAE")["bootstrap"] == "undecided"
    edge = compare([made("A", 5), made("B", 50)])
    assert row(edge, "P recall")["value"] == 1


def test_a_few_traces_better_is_better_by_value_but_undecided(made):
    comparison = compare([made("A", 5, false_noise=1), made("B", 5)])
    precision = row(comparison, "det_precision")
    assert (precision["verdict"], precision["bootstrap"]) == ("Better", "undecided")


def test_the_values_are_those_of_the_evaluation(made):
    contender = made("A", 7, missed=4, false_noise=2, extra=5)
    evaluation = contender.evaluations[0]
    figures = compare([contender, made("B", 7)]).figures
    model_rows = figures[figures["model"] == "A"].set_index(["protocol", "figure"])["value"]
    study = study_row(evaluation.results, "A")
    for column in COMPARED:
        assert model_rows[STUDY, column] == pytest.approx(study[column], rel=1e-12), column
    for phase in "PS":
        seconds = evaluation.traces.set_index("trace_name")[f"{phase.lower()}_s"]
        arrivals = seconds.dropna().to_dict()
        picks = evaluation.detections[evaluation.detections[f"{phase}_pick"].notna()]
        seconds = picks.assign(seconds=picks[f"{phase}_pick"] / 100)
        score, residuals = score_picks(arrivals, seconds[["trace_name", "seconds"]])
        assert model_rows[IN_TIME, f"{phase} precision"] == score.precision
        assert model_rows[IN_TIME, f"{phase} recall"] == score.recall
        assert model_rows[IN_TIME, f"{phase} F1"] == pytest.approx(score.f1, rel=1e-12)
        assert model_rows[IN_TIME, f"{phase} MAE"] == pytest.approx(np.abs(residuals).mean())
    # Five events have a second P pick.
    assert model_rows[IN_TIME, "P precision"] < model_rows[IN_TIME, "S precision"]


def test_each_protocol_is_counted_from_its_own_table(made):
    contender = made("A", 7, missed=4, false_noise=2)
    evaluation = contender.evaluations[0]
    silent = replace(
        evaluation,
        results=evaluation.results.assign(detection_probability=np.nan, P_probability=np.nan),
    )
    counts, of_silent = (
        count_outcomes_by_trace(evaluation).sum(),
        count_outcomes_by_trace(silent).sum(),
    )
    assert of_silent[["d_tp", "d_fp", "p_tp", "p_fp"]].tolist() == [0, 0, 0, 0]
    time_columns = [name for name in counts.index if "_time_" in name]
    assert of_silent[time_columns].equals(counts[time_columns])
    blind = replace(evaluation, picks=evaluation.picks.assign(number_of_detections=0))
    of_blind = count_outcomes_by_trace(blind).sum()
    assert (of_blind["d_time_tp"], of_blind["d_time_fp"]) == (0, 0)
    study_columns = [name for name in counts.index if "_time_" not in name]
    assert of_blind[study_columns].equals(counts[study_columns])


def test_picks_that_may_be_an_unknown_s_do_not_count(made, tmp_path):
    contender = made("A", 7, false_noise=2, extra=5)
    evaluation = contender.evaluations[0]
    evaluation.traces.loc[:9, "s_s"] = np.nan
    evaluation.detections["S_pick"] = evaluation.detections["S_pick"].fillna(
        500.0
    )  # of the second ones: before P
    counts = count_outcomes_by_trace(evaluation)
    assert (counts["s_time_tp"].sum(), counts["s_time_fn"].sum()) == (20, 0)
    assert counts["s_time_fp"].sum() == 2 + 5
    assert counts["p_time_fp"].sum() == 2 + 5


def test_every_column_of_the_study_is_compared_but_three():
    names = [measure.name for measure in MEASURES if measure.protocol == STUDY]
    assert names == list(COMPARED)
    assert len(COMPARED) == 22
    assert set(STUDY_COLUMNS) - set(COMPARED) == {"model_name", "#events", "#noise"}
    less = {m.name for m in MEASURES if m.direction < 0 and m.protocol == STUDY}
    assert less == {c for c in COMPARED if re.search("mae|rmse|_fp|_fn", c)}


def test_the_bootstrap_is_that_of_a_loop_over_rows(made):
    evaluation = made("A", 5, missed=7, false_noise=4).evaluations[0]
    counts = count_outcomes_by_trace(evaluation)
    config = BootstrapConfig.of_traces(evaluation.traces, 80, seed=3)
    drawn = cluster_bootstrap(counts, config)
    assert drawn.shape == (80, counts.shape[1])
    rows_of = {
        key: rows.index for key, rows in evaluation.traces.groupby(["trace_category", "earthquake"])
    }
    weights = np.concatenate(list(draw_weights(config)))
    for weight, values in zip(weights, drawn, strict=True):
        copies = zip(rows_of, weight.astype(int), strict=True)
        rows = np.concatenate([np.tile(rows_of[key], times) for key, times in copies])
        assert len(rows) == 42
        np.testing.assert_allclose(counts.iloc[rows].sum().to_numpy(), values, rtol=1e-12)


def test_draws_keep_how_much_noise_there_is_and_follow_the_seed():
    is_noise = np.array([True, False, False, True, False])
    first, repeated, other_seed = (
        np.concatenate(list(draw_weights(BootstrapConfig(np.arange(5), is_noise, 200, seed))))
        for seed in (1, 1, 2)
    )
    assert (first[:, is_noise].sum(axis=1) == 2).all()
    assert (first[:, ~is_noise].sum(axis=1) == 3).all()
    np.testing.assert_array_equal(first, repeated)
    assert (first != other_seed).any()
    # A multinomial count of n draws among n has the mean 1 and the variance 1 - 1/n.
    config = BootstrapConfig(np.arange(10), np.zeros(10, bool), 4000)
    many = np.concatenate(list(draw_weights(config)))
    assert many.mean(axis=0) == pytest.approx(1, abs=0.06)
    assert many.var(axis=0) == pytest.approx(0.9, abs=0.09)


def test_the_interval_of_a_mean_is_as_wide_as_theory_says():
    errors = np.random.default_rng(0).normal(2.0, 1.0, 400)
    sums = np.column_stack([errors, np.ones(400)])
    drawn = cluster_bootstrap(sums, BootstrapConfig(np.arange(400), np.zeros(400, bool), 4000))
    low, high = interval(drawn[:, 0] / drawn[:, 1])
    assert high - low == pytest.approx(2 * 1.96 * errors.std() / 20, rel=0.07)


def test_traces_of_one_earthquake_widen_the_interval(made):
    contenders = [made("A", 5), made("B", 5, missed=6)]
    grouped = row(compare(contenders), "det_recall")
    alone = [
        ModelRuns(
            one.name,
            [
                replace(e, traces=e.traces.assign(earthquake=e.traces.index))
                for e in one.evaluations
            ],
        )
        for one in contenders
    ]
    single = row(compare(alone), "det_recall")
    assert grouped["difference"] == single["difference"]
    assert grouped["high"] - grouped["low"] > 1.3 * (single["high"] - single["low"])


def test_the_spread_of_seeds_widens_the_interval(made):
    reference = made("A", 10)
    early, late = made("B", 8).evaluations, made("B", 16).evaluations
    one_seed = compare([reference, ModelRuns("B", early)])
    two_seeds = compare([reference, ModelRuns("B", [*early, *late])])
    assert row(one_seed, "p_mae")["bootstrap"] == "better"
    assert row(two_seeds, "p_mae")["value"] == pytest.approx(12)
    assert row(two_seeds, "p_mae")["verdict"] == "Worse"
    assert row(two_seeds, "p_mae")["bootstrap"] == "undecided"
    assert (row(two_seeds, "p_mae")["low"], row(two_seeds, "p_mae")["high"]) == pytest.approx(
        (-2, 6)
    )
    assert two_seeds.seeds == 2


def test_one_seed_leaves_the_draws_as_they_are():
    values = np.arange(5.0)[None]
    np.testing.assert_array_equal(mean_of_seeds(values, np.random.default_rng(0)), values[0])


def test_undefined_figures_are_neither_better_nor_worse(made):
    comparison = compare([made("A", 5), made("B", 5, missed=30)])  # B finds nothing at all
    assert row(comparison, "det_precision")["verdict"] == "undefined"
    assert row(comparison, "det_recall")["verdict"] == "Worse"
    assert f"{tally(comparison, 'B')['undefined']} undefined" in sentences(comparison)[0]
    assert sum(tally(comparison, "B").values()) == 22
    assert classify_interval(*interval(np.full(100, np.nan)), 1) == "undecided"
    assert verdict(float("nan"), 1.0, 1) == "undefined"


def test_the_order_of_the_traces_does_not_matter(made, tmp_path):
    reference = made("A", 5)
    folder = write_evaluation(tmp_path / "shuffled", 8, missed=3)
    for name in ("picks", "traces", "X_test_results"):
        table = pd.read_csv(folder / f"{name}.csv")
        table.sample(frac=1, random_state=1).to_csv(folder / f"{name}.csv", index=False)
    shuffled = compare([reference, ModelRuns("B", [read_evaluation(folder)])])
    straight = compare([reference, made("B", 8, missed=3)])
    pd.testing.assert_frame_equal(shuffled.differences, straight.differences)


def runs_of(folder):
    write_evaluation(folder / "runs" / "eqt" / "evaluation", 9, missed=2, false_noise=1)
    write_evaluation(folder / "runs" / "gru" / "evaluation", 5, missed=1, false_noise=1)
    write_evaluation(folder / "runs" / "bo" / "evaluation", 12, missed=2)
    return [folder / "runs" / name for name in ("eqt", "gru", "bo")]


def test_the_command_prints_and_writes_the_comparison(run, tmp_path):
    runs = runs_of(tmp_path)
    result = run("eqt", "compare", *runs, "--resamples", 200)
    assert result.exit_code == 0, result.output
    assert "gru is better than eqt in " in result.output
    out = tmp_path / "runs" / "comparison"
    names = ["comparison.csv", "comparison.html", "comparison.md", "comparison.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    table = pd.read_csv(out / "comparison.csv")
    assert len(table) == 2 * len(MEASURES)
    page, text = ((out / f"comparison.{suffix}").read_text() for suffix in ("html", "md"))
    for line in ("gru is better than eqt in ", "bo is better than eqt in ", "95 %", SAID):
        assert line in page
        assert line in text
    assert text.count("| det_recall | ") == 2
    assert "data:image/png;base64," in page
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_a_comparison_is_not_overwritten_unasked_and_is_repeatable(run, tmp_path):
    runs = runs_of(tmp_path)
    assert run("eqt", "compare", *runs, "--baseline", "gru").exit_code == 0
    out = tmp_path / "runs" / "comparison"
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    refused(run("eqt", "compare", *runs, "--baseline", "gru"), "exists", "--overwrite")
    assert run("eqt", "compare", *runs, "--baseline", "gru", "--overwrite").exit_code == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert set(pd.read_csv(out / "comparison.csv")["model"]) == {"eqt", "bo"}


def test_runs_of_one_name_are_told_apart(run, tmp_path):
    folders = [tmp_path / folder_name / "eqt" for folder_name in ("a", "b")]
    for folder in folders:
        write_evaluation(folder / "evaluation", 5)
    result = run("eqt", "compare", "a/eqt", "b/eqt", "--output", "out")
    assert "b/eqt is better than a/eqt in 0 of 25" in result.output


def spoil(folder, name, change):
    path = folder / name
    text = change(path.read_text())
    path.write_text(text)


def test_refusals_are_one_clear_line(run, tmp_path):
    eqt, gru, _ = runs_of(tmp_path)
    other_traces = write_evaluation(tmp_path / "other", 5, events=27)
    moved = write_evaluation(tmp_path / "moved", 5)
    spoil(moved, "traces.csv", lambda text: text.replace("quake 4,6.0", "quake 4,6.1"))
    bare = write_evaluation(tmp_path / "bare", 5)
    (bare / "traces.csv").unlink()
    text = write_evaluation(tmp_path / "text", 5)
    spoil(text, "X_test_results.csv", lambda text: text.replace("605.0", "soon", 1))
    before = write_evaluation(tmp_path / "before", 5)
    (before / "X_test_results.csv").unlink()
    cut = write_evaluation(tmp_path / "cut", 5)
    spoil(cut, "X_test_results.csv", lambda text: "\n".join(text.splitlines()[:-2]))
    short = write_evaluation(tmp_path / "short", 5)
    spoil(short, "traces.csv", lambda text: "\n".join(text.splitlines()[:-2]))
    stray = write_evaluation(tmp_path / "stray", 5)
    spoil(stray, "detections.csv", lambda text: text.replace("E3.XX_EV", "X3.XX_EV"))
    broken = write_evaluation(tmp_path / "broken", 5)
    (broken / "picks.csv").write_bytes(b"\xff\xfe\x00not text")
    hollow = write_evaluation(tmp_path / "hollow", 5)
    os.truncate(hollow / "traces.csv", 2**36)  # more than memory, and no end of a line in it
    empty = tmp_path / "empty"
    empty.mkdir()
    cases = [
        ([eqt], ["at least two"]),
        ([eqt, eqt / "evaluation"], ["named twice"]),
        ([eqt, tmp_path / "none"], ["no folder"]),
        ([eqt, empty], ["holds no evaluation", "eqt evaluate"]),
        ([eqt, other_traces], ["different traces", "3 are in one of them only"]),
        ([eqt, moved], ["disagree", "3 of 42 traces"]),
        ([eqt, bare], ["traces.csv", "evaluate again"]),
        ([eqt, text], ["P_pick", "soon", "a number is needed"]),
        ([eqt, before], ["X_test_results.csv", "earlier version", "evaluate again"]),
        ([eqt, cut], ["X_test_results.csv", "does not list"]),
        ([eqt, short], ["traces.csv", "does not list"]),
        ([eqt, stray], ["detections.csv", "does not list"]),
        ([eqt, broken], ["picks.csv", "NUL", "no CSV"]),
        ([eqt, hollow], ["traces.csv", "line of more than"]),
        ([eqt, gru, "--baseline", "BC"], ["BC", "eqt, gru"]),
        ([eqt, gru, "--output", eqt / "evaluation" / "picks.csv"], ["is a file"]),
        ([eqt, gru, "--resamples", 3], ["resamples"]),
    ]
    for arguments, words in cases:
        out = () if "--output" in arguments else ("--output", "out")
        refused(run("eqt", "compare", *arguments, *out), *words)
        assert not (tmp_path / "out").exists()
