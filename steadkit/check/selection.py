"""Which issues a check looks for, and what it must read to find them."""

import difflib
from collections.abc import Collection

from steadkit.check.issues import ATTRIBUTES, ISSUES, SAMPLES, TABLE
from steadkit.errors import InputError


def selected_issues(
    only: Collection[str] = (),
    ignore: Collection[str] = (),
    metadata_only: bool = False,
    suspects: bool = False,
) -> frozenset[str]:
    """Tell which issues to look for.

    Parameters
    ----------
    only
        These and no others; none means the usual ones.
    ignore
        Not these.
    metadata_only
        Whether to leave out all that needs the HDF5 file.
    suspects
        Whether to add the rules of thumb that are not usual.

    Raises
    ------
    InputError
        A code is unknown, or no issue is left.

    >>> sorted(selected_issues(only=["p-outside", "clipped"], metadata_only=True))
    ['p-outside']
    """
    for code in (*only, *ignore):
        if code not in ISSUES:
            near = difflib.get_close_matches(code, ISSUES, 1, 0)[0]
            raise InputError(f"no issue {code[:60]!r}, perhaps {near!r}: --list shows all of them")
    chosen = only or [code for code, issue in ISSUES.items() if issue.usual or suspects]
    wanted = frozenset(
        code
        for code in chosen
        if code not in ignore and not (metadata_only and ISSUES[code].shows_in != TABLE)
    )
    if not wanted:
        raise InputError("no issue is left to look for: name others with --only or --ignore")
    return wanted


def shows_in(wanted: Collection[str], place: str) -> bool:
    """Tell whether any of these issues shows in the table, the samples or the attributes.

    >>> shows_in(["clipped"], SAMPLES), shows_in(["clipped"], ATTRIBUTES)
    (True, False)
    """
    return any(ISSUES[code].shows_in == place for code in wanted)


def needs_hdf5(wanted: Collection[str]) -> bool:
    """Tell whether the CSV alone does not suffice.

    >>> needs_hdf5(["s-before-p"]), needs_hdf5(["s-before-p", "clipped"])
    (False, True)
    """
    return shows_in(wanted, SAMPLES) or shows_in(wanted, ATTRIBUTES)
