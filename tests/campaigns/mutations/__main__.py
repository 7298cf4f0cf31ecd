"""Run the campaign and print a table of what became of the mutants; exit code 1 if any is wrong."""

import argparse
import sys
from pathlib import Path

from campaigns.mutations.campaign import campaign


def tell(violation: str) -> None:
    """Print a violation at once: the whole campaign takes minutes."""
    print(violation, flush=True)


def main() -> None:
    """Read the options and run it."""
    parser = argparse.ArgumentParser(prog="python -m campaigns.mutations", description=__doc__)
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, nargs="*", default=(), help="numbers of mutants")
    parser.add_argument("--keep", type=Path, help="folder for the cases that show a fault")
    arguments = parser.parse_args()
    tally = campaign(arguments.mutants, arguments.seed, arguments.only, arguments.keep, tell)
    outcomes = sorted({outcome for _, outcome in tally.seen})
    for kind in sorted({kind for kind, _ in tally.seen}):
        counts = [(tally.seen[kind, outcome], outcome) for outcome in outcomes]
        print(f"{kind:36}", ", ".join(f"{count} {outcome}" for count, outcome in counts if count))
    for outcome in outcomes:
        total = sum(count for (_, found), count in tally.seen.items() if found == outcome)
        print(f"{total:6d}  {outcome}")
    print(f"{sum(tally.seen.values()):6d}  mutants of seed {arguments.seed}")
    sys.exit(1 if tally.violations else 0)


if __name__ == "__main__":
    main()
