"""Run the campaign and print a table of what became of the cases; exit code 1 if any is wrong."""

import argparse
import sys

from campaigns.abuse.campaign import campaign
from campaigns.abuse.cases import all_cases
from commands import CALLS

OUTCOMES = ("refused", "ran", "faults")


def tell(fault: str) -> None:
    """Print a fault at once: the whole campaign takes minutes."""
    print(fault, flush=True)


def main() -> None:
    """Read the options and run it."""
    parser = argparse.ArgumentParser(prog="python -m campaigns.abuse", description=__doc__)
    parser.add_argument("--cases", type=int, default=2000, help="how many; 2000 by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, nargs="*", default=(), help="numbers of cases")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--command", nargs="*", default=tuple(CALLS), help="'steadkit subset' ...")
    parser.add_argument("--kind", nargs="*", default=(), help="'a place' ...; all by default")
    given = parser.parse_args()
    tally = campaign(
        given.cases, given.seed, given.only, tell, given.processes, given.command, given.kind
    )
    print(f"{'kind':28}", *(f"{outcome:>8}" for outcome in ("cases", *OUTCOMES)))
    for kind in dict.fromkeys(case.kind for case in all_cases()):
        counts = [tally.seen[kind, outcome] for outcome in OUTCOMES]
        if sum(counts):
            print(f"{kind:28}", *(f"{count:8}" for count in (sum(counts), *counts)))
    counts = [sum(n for (_, found), n in tally.seen.items() if found == o) for o in OUTCOMES]
    print(f"{'all':28}", *(f"{count:8}" for count in (sum(counts), *counts)))
    print("numbers of the cases with faults:", *sorted(tally.faults))
    sys.exit(1 if tally.faults else 0)


if __name__ == "__main__":
    main()
