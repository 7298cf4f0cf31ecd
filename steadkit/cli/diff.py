"""`steadkit diff`: two manifests compared."""

import sys
from pathlib import Path

import click

from steadkit.cli.options import FILE
from steadkit.console import echo, print_table


@click.command()
@click.argument("manifest_a", type=FILE)
@click.argument("manifest_b", type=FILE)
def diff(manifest_a: Path, manifest_b: Path) -> None:
    """Compare MANIFEST_A and MANIFEST_B: traces, order, splits, digests and recipes.

    Exit code 1 if they differ.
    """
    from steadkit.manifest import load
    from steadkit.verify import compare

    contents_a, contents_b = load(manifest_a), load(manifest_b)
    differences = {
        label: names for label, names in compare(contents_a, contents_b).items() if names
    }
    if not differences:
        number = f"{len(contents_a.traces):,}"
        echo(f"the same {number} traces, made the same way: {contents_a.digest[:12]}...")
        return
    # Three names as examples: two subsets may differ in a million.
    rows = [(label, len(names), " ".join(names[:3])) for label, names in differences.items()]
    title = (
        f"{manifest_a} ({len(contents_a.traces):,}) and {manifest_b} ({len(contents_b.traces):,})"
    )
    print_table(title, ("what", "number", "such as"), rows)
    sys.exit(1)
