"""Issues that a check looks for, and the files that it must read for them."""

import difflib
from collections.abc import Collection

from steadkit.check.issues import ATTRIBUTES, ISSUES, SAMPLES, TABLE
from steadkit.errors import InputError


def selected_issues(
    only: Collection[str] = (),
    ignore: Collection[str] = (),
    metadata_only: bool = False,
    heuristics: bool = False,
) -> frozenset[str]:
    """Return the codes of the issues to look for.

    Parameters
    ----------
    only
        Only these; none means the usual ones.
    ignore
        Not these.
    metadata_only
        Whether to leave out issues that need the HDF5 file.
    heuristics
        Whether to add the heuristics that are off by default.

    Raises
    ------
    InputError
        A code is unknown, or no issue is left.

    >>> sorted(selected_issues(only=["p-outside", "clipped"], metadata_only=True))
    ['p-outside']
    """
    for code in (*only, *ignore):
        if code not in ISSUES:
            closest = difflib.get_close_matches(code, ISSUES, 1, 0)[0]
            raise InputError(
                f"no issue {code[:60]!r}, perhaps {closest!r}: --list shows all of them"
            )
    candidates = only or [code for code, issue in ISSUES.items() if issue.usual or heuristics]
    codes = frozenset(
        code
        for code in candidates
        if code not in ignore and not (metadata_only and ISSUES[code].shows_in != TABLE)
    )
    if not codes:
        raise InputError("no issue is left to look for: name others with --only or --ignore")
    return codes


def shows_in(codes: Collection[str], place: str) -> bool:
    """Return whether any of these issues shows in the table, the samples or the attributes.

    >>> shows_in(["clipped"], SAMPLES), shows_in(["clipped"], ATTRIBUTES)
    (True, False)
    """
    return any(ISSUES[code].shows_in == place for code in codes)


def needs_hdf5(codes: Collection[str]) -> bool:
    """Return whether these issues need the HDF5 file.

    >>> needs_hdf5(["s-before-p"]), needs_hdf5(["s-before-p", "clipped"])
    (False, True)
    """
    return shows_in(codes, SAMPLES) or shows_in(codes, ATTRIBUTES)
