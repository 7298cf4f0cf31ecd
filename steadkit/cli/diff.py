"""`steadkit diff`: two manifests compared."""

import sys
from pathlib import Path

import click

from steadkit.cli.options import FILE
from steadkit.console import echo, print_table


@click.command()
@click.argument("one", type=FILE)
@click.argument("other", type=FILE)
def diff(one: Path, other: Path) -> None:
    """Compare two manifests: traces, order, splits, digests and recipes.

    Exit code 1 if they differ.
    """
    from steadkit.manifest import load
    from steadkit.verify import compare

    manifest_a, manifest_b = load(one), load(other)
    differences = {
        label: names for label, names in compare(manifest_a, manifest_b).items() if names
    }
    if not differences:
        number = f"{len(manifest_a.traces):,}"
        echo(f"the same {number} traces, made the same way: {manifest_a.digest[:12]}...")
        return
    rows = [(label, len(names), " ".join(names[:3])) for label, names in differences.items()]
    title = f"{one} ({len(manifest_a.traces):,}) and {other} ({len(manifest_b.traces):,})"
    print_table(title, ("what", "number", "such as"), rows)
    sys.exit(1)
