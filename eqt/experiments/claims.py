"""The study's claims of improvement over EQT (its section 2), and their inconsistencies.

Copied literally: the number that the study names, and the columns that it lists, whose count may
differ from the number.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from eqt.compare import COMPARED


@dataclass(frozen=True)
class Claim:
    """Claim of the study on one network compared with EQT.

    Parameters
    ----------
    suite, network
        Suite and name of the network.
    number, of
        "Better in `number` parameters out of `of`"; `of` is None where the study does not say.
    columns
        The columns that the study lists, in its order.
    """

    suite: str
    network: str
    number: int
    of: int | None
    columns: tuple[str, ...]


def _claim(suite: str, network: str, number: int, n_columns: int | None, columns: str) -> Claim:
    return Claim(suite, network, number, n_columns, tuple(columns.split()))


CLAIMS: Final = (
    _claim(
        "merged",
        "BCLOS",
        19,
        25,
        "det_recall det_precision d_fp d_tn d_fn "
        "s_recall s_precision s_mae s_rmse s_fp s_fn "
        "p_recall p_precision p_mae p_rmse p_tp p_fp p_tn p_fn",
    ),
    _claim("merged", "BC", 9, 25, "det_recall d_fn s_rmse s_tn p_precision p_mae p_rmse p_fp p_tn"),
    _claim(
        "merged",
        "Partial Vanilla",
        9,
        25,
        "det_recall d_fn s_mae s_rmse s_tn p_recall p_mae p_rmse p_fn",
    ),
    _claim("merged", "BO", 6, 25, "det_recall s_mae s_rmse s_tn p_mae p_rmse"),
    _claim(
        "micro",
        "nb_filters_changed_EQTUtils",
        13,
        24,
        "det_recall d_tp d_fp p_recall p_mae p_tp p_fp s_recall s_mae s_rmse s_tp s_fp",
    ),
    _claim(
        "micro",
        "kernel_size_changed",
        11,
        24,
        "det_recall det_precision d_tp p_recall p_precision p_mae p_tp s_precision s_tp s_fn",
    ),
    _claim(
        "micro",
        "nb_filters_changed_trainer",
        12,
        24,
        "det_recall det_precision d_tp p_recall p_precision p_tp "
        "s_recall s_precision s_mae s_rmse s_tp",
    ),
    _claim("mini", "Salvation", 5, None, "det_recall d_tp d_fn s_mae s_rmse"),
    _claim("mini", "Genesis", 5, None, "det_recall d_tp d_fn s_mae s_rmse"),
    _claim("mini", "Vanilla", 6, None, "p_precision p_fp p_tn s_precision s_fp s_tn"),
    _claim("mini", "GRU", 8, None, "det_recall d_tp d_fn p_recall p_tp p_fn s_mae s_rmse"),
    _claim("mini", "4x4", 8, None, "det_recall d_tp d_fn p_recall p_tp p_fn s_mae s_rmse"),
    _claim(
        "mini",
        "2LSTM",
        10,
        None,
        "det_recall d_tp d_fn p_recall p_mae p_rmse p_tp p_fn s_mae s_rmse",
    ),
)

COUPLED_COLUMNS: Final = tuple(
    columns
    for long, short in (("det", "d"), ("p", "p"), ("s", "s"))
    for columns in (
        (f"{long}_recall", f"{short}_tp", f"{short}_fn"),
        (f"{short}_fp", f"{short}_tn"),
    )
)
"""Columns that are better or worse together if all networks are evaluated on the same traces.

Events are true positives or false negatives, noise is false positives or true negatives.
"""


def claims_of(suite: str) -> dict[str, Claim]:
    """Return the claims on a suite, by network."""
    return {claim.network: claim for claim in CLAIMS if claim.suite == suite}


def inconsistencies(claim: Claim) -> list[str]:
    """Return descriptions of the inconsistencies of a claim with the study's definitions.

    >>> inconsistencies(claims_of("micro")["kernel_size_changed"])[0]
    'says 11, lists 10 columns'
    """
    descriptions = []
    if claim.number != len(claim.columns):
        descriptions.append(f"says {claim.number}, lists {len(claim.columns)} columns")
    for columns in COUPLED_COLUMNS:
        listed = [column for column in columns if column in claim.columns]
        unlisted = [column for column in columns if column not in claim.columns]
        if listed and unlisted:
            descriptions.append(
                f"lists {_join(listed)} without {_join(unlisted)}, which go together "
                "where all networks see the same traces"
            )
    return descriptions


def _join(names: Collection[str]) -> str:
    return " and ".join(names)


def claimed_verdict(claim: Claim, column: str) -> str:
    """Return the study's verdict on a column: better if the claim lists it, else not better.

    >>> claim = claims_of("merged")["BO"]
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
