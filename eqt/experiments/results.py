"""Results of a suite: the comparison, the networks, and a verdict on every claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from eqt.compare import (
    BETTER,
    COMPARED,
    EQUAL,
    IN_TIME,
    STUDY,
    WORSE,
    Comparison,
    ModelRuns,
    compare,
    read_evaluation,
    tally,
)
from eqt.experiments.run import Entry
from eqt.experiments.suites import REFERENCE, Settings, StudyClaim, suite_claims
from eqt.presets import preset
from steadkit.catalog import CheckedLines
from steadkit.errors import InputError
from steadkit.manifest import Manifest
from steadkit.paths import require_file


@dataclass(frozen=True)
class ExperimentResult:
    """Results of a finished experiment.

    Parameters
    ----------
    settings, seeds
        Settings, and number of seeds.
    split
        The traces, and the split of each.
    entries
        The runs.
    comparison
        Every network against the reference; figures are means over the seeds.
    histories
        The epochs of every run: rows of its ``history.csv``, with ``network`` and ``seed``.
    networks
        A row per network: ``network``, ``parameters``, ``epochs``, ``minutes``, ``val_loss``, and
        counts of the verdicts on the 22 columns.
    by_seed
        A row per run and figure: ``network``, ``seed``, ``protocol``, ``figure``, ``value``.
    claims
        A row per network and column: the study's verdict, ours, and whether they agree.
    """

    settings: Settings
    seeds: int
    split: Manifest
    entries: Sequence[Entry]
    comparison: Comparison
    histories: pd.DataFrame
    networks: pd.DataFrame
    by_seed: pd.DataFrame
    claims: pd.DataFrame


def experiment_result(
    settings: Settings, seeds: int, split: Manifest, entries: Sequence[Entry], draws: int
) -> ExperimentResult:
    """Compare the runs of a suite, all trained and evaluated, and check the study's claims."""
    names = list(dict.fromkeys(entry.network for entry in entries))
    models = [
        ModelRuns(name, [read_evaluation(e.evaluation) for e in entries if e.network == name])
        for name in names
    ]
    comparison = compare(models, REFERENCE, draws, settings.training.seed)
    histories = pd.concat(
        [_history(e.run.history).assign(network=e.network, seed=e.training.seed) for e in entries],
        ignore_index=True,
    )
    return ExperimentResult(
        settings,
        seeds,
        split,
        entries,
        comparison,
        histories,
        _networks(names, comparison, histories),
        _by_seed(names, models, settings.training.seed),
        claims_table(settings.suite, comparison),
    )


def _history(path: Path) -> pd.DataFrame:
    require_file(path)
    try:
        with CheckedLines(path) as lines:
            history = pd.read_csv(lines)
        history[["epoch", "seconds", "val_loss"]].astype(float)
        return history
    except (ValueError, LookupError) as error:  # pandas' own are ValueErrors
        raise InputError(f"{str(path)!r} is no history of a training: train again") from error


def _networks(
    names: Sequence[str], comparison: Comparison, histories: pd.DataFrame
) -> pd.DataFrame:
    """Return a row per network; times and epochs are means over the seeds."""
    runs = histories.groupby(["network", "seed"])
    run_totals = runs.agg(
        epochs=("epoch", "max"), seconds=("seconds", "sum"), val_loss=("val_loss", "min")
    )
    means = run_totals.groupby("network").mean()
    rows = []
    for name in names:
        row = {
            "network": name,
            "parameters": preset(name).parameters,
            "epochs": float(means["epochs"][name]),
            "minutes": float(means["seconds"][name]) / 60,
            "val_loss": float(means["val_loss"][name]),
        }
        if name in comparison.models:
            by_value = tally(comparison, name)
            by_bootstrap = tally(comparison, name, "bootstrap")
            row |= {verdict.lower(): by_value.get(verdict, 0) for verdict in (BETTER, EQUAL, WORSE)}
            row |= {
                f"lasting_{verdict}": by_bootstrap.get(verdict, 0)
                for verdict in ("better", "worse")
            }
        rows.append(row)
    return pd.DataFrame(rows)


def _by_seed(names: Sequence[str], models: Sequence[ModelRuns], first_seed: int) -> pd.DataFrame:
    """Compute every figure of every single run, without intervals."""
    tables = []
    for number in range(len(models[0].evaluations)):
        single_seed = [ModelRuns(runs.name, [runs.evaluations[number]]) for runs in models]
        # Only the values are used, so one draw is enough.
        figures = compare(single_seed, names[0], resamples=1).figures
        tables.append(
            figures[["model", "protocol", "figure", "value"]].assign(seed=first_seed + number)
        )
    table = pd.concat(tables, ignore_index=True).rename(columns={"model": "network"})
    return table[["network", "seed", "protocol", "figure", "value"]]


def claims_table(suite: str, comparison: Comparison) -> pd.DataFrame:
    """Join our figures with the study's claims: a row per network and compared column.

    Returns
    -------
    pandas.DataFrame
        ``network``, ``column``, ``study`` (better, not better), our ``EQT``, ``value``,
        ``difference``, ``low``, ``high``, ``verdict``, ``bootstrap``, and ``agreement`` (agree,
        disagree, undecided).
    """
    rows = comparison.differences
    study_rows = rows[rows["protocol"] == STUDY]
    claims = suite_claims(suite)
    claim_rows = []
    for row in study_rows.to_dict("records"):
        claimed = claimed_verdict(claims[row["model"]], row["figure"])
        claim_rows.append(
            {
                "network": row["model"],
                "column": row["figure"],
                "study": claimed,
                REFERENCE: row["baseline"],
                **{name: row[name] for name in ("value", "difference", "low", "high")},
                "verdict": row["verdict"],
                "bootstrap": row["bootstrap"],
                "agreement": claim_agreement(claimed, row["bootstrap"]),
            }
        )
    return pd.DataFrame(claim_rows)


def claimed_verdict(claim: StudyClaim, column: str) -> str:
    """Return the study's verdict on a column: better if the claim lists it, else not better.

    >>> claim = suite_claims("merged")["BO"]
    >>> claimed_verdict(claim, "p_mae"), claimed_verdict(claim, "p_tp")
    ('better', 'not better')
    """
    if column not in COMPARED:
        raise KeyError(column)
    return "better" if column in claim.columns else "not better"


def claim_agreement(claimed: str, bootstrap: str) -> str:
    """Return whether our figures agree with the study's verdict on a column of a network.

    Parameters
    ----------
    claimed
        Result of `claimed_verdict`.
    bootstrap
        Bootstrap verdict of `eqt.compare.compare`: better, worse or undecided.

    Returns
    -------
    str
        ``agree``, ``disagree``, or ``undecided`` where the bootstrap does not tell better from
        worse.

    >>> claim_agreement("better", "better"), claim_agreement("not better", "worse")
    ('agree', 'agree')
    >>> claim_agreement("better", "undecided"), claim_agreement("not better", "better")
    ('undecided', 'disagree')
    """
    if bootstrap == "undecided":
        return "undecided"
    return "agree" if (claimed == "better") == (bootstrap == "better") else "disagree"


def columns_table(result: ExperimentResult) -> pd.DataFrame:
    """Return a row per compared column of the study and a column per network, as numbers."""
    figures = result.comparison.figures
    study = figures[figures["protocol"] == STUDY]
    # pivot sorts rows and columns: both are put into the order of the study again.
    wide = study.pivot(index="figure", columns="model", values="value")
    return wide.loc[list(COMPARED), result.networks["network"].tolist()]


def scores(result: ExperimentResult) -> pd.DataFrame:
    """Return F1 of all networks within the tolerance, with intervals: detection, P and S."""
    figures = result.comparison.figures
    return figures[(figures["protocol"] == IN_TIME) & figures["figure"].str.endswith("F1")]
