"""`steadkit check`: data quality issues of STEAD files."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steadkit.cli.options import FILE, output_option, overwrite_option, print_dataset
from steadkit.console import echo, one_line, print_table
from steadkit.errors import InputError, printable

if TYPE_CHECKING:
    import pandas as pd

    from steadkit.check import Report
    from steadkit.sources import Source


@click.command()
@click.argument("source", nargs=-1, type=FILE)
@click.option("--metadata-only", is_flag=True, help="Check the CSV alone; it suffices.")
@click.option("--only", multiple=True, metavar="ISSUE", help="Look for this and no other.")
@click.option("--ignore", multiple=True, metavar="ISSUE", help="Do not look for this.")
@click.option("--suspects", is_flag=True, help="Look for unlabelled earthquakes too.")
@output_option("CSV of findings.", former=("--report",))
@click.option("--fix", "repaired", type=FILE, help="HDF5 file to write: a repaired copy.")
@click.option("--drop", "sound", type=FILE, help="Manifest to write: the sound traces.")
@click.option("--list", "list_issues", is_flag=True, help="Show every issue and exit.")
@overwrite_option
def check(
    source: tuple[Path, ...],
    metadata_only: bool,
    only: tuple[str, ...],
    ignore: tuple[str, ...],
    suspects: bool,
    output: Path | None,
    repaired: Path | None,
    sound: Path | None,
    list_issues: bool,
    overwrite: bool,
) -> None:
    """Look for issues in SOURCE, one or several STEAD files, which are never altered.

    Without SOURCE: merge.hdf5, else chunk*.hdf5, in the current folder, else in $STEAD_DIR.
    --only and --ignore may stand several times.

    --fix writes a copy of one file with distances and back azimuths computed anew. --drop lists
    the traces without errors (with --only: without the issues named); `steadkit build` makes
    files of the list.

    Exit code: 0 if there is no error; 1 if there are errors, not counting those that --fix has
    repaired or --drop has left out; 2 if the check could not be made. Warnings and suspects do
    not count.
    """
    if list_issues:
        _list_issues()
        return
    if repaired is not None and (sound is not None or metadata_only):
        option = "--drop" if sound is not None else "--metadata-only"
        raise click.UsageError(f"--fix and {option} exclude each other: use one, then the other.")
    with _exit_code_2():
        from steadkit.check import check as run
        from steadkit.check import selected_issues

        codes = selected_issues(only, ignore, metadata_only, suspects)
        sources = _sources(source, codes, repaired is not None)
        outputs = _outputs(output, repaired, sound, overwrite)
        result = run(sources, codes)
        _show(result)
        has_errors = _write(result, sources, outputs, bool(only), overwrite)
    click.get_current_context().exit(1 if has_errors else 0)


def _list_issues() -> None:
    from steadkit.check import ISSUES

    rows = [(issue.code, issue.severity, issue.meaning, issue.remedy) for issue in ISSUES.values()]
    print_table("issues", ("issue", "severity", "what it means", "what to do"), rows)


class CannotCheckError(click.ClickException):
    """A check that could not be made, exit code 2; 1 means that it found errors."""

    exit_code = 2


@contextmanager
def _exit_code_2() -> Iterator[None]:
    """Exit with code 2 if the check could not be made, as linters do."""
    try:
        yield
    except (InputError, OSError, MemoryError) as error:
        raise CannotCheckError(one_line(error)) from error


def _outputs(
    output: Path | None, repaired: Path | None, sound: Path | None, overwrite: bool
) -> dict[str, Path]:
    """Return the output paths, checked before the check itself, which may take an hour."""
    from steadkit.atomic import check_targets
    from steadkit.check import FINDINGS
    from steadkit.dataset_files import MANIFEST_SUFFIX, check_dataset, dataset_files

    outputs, files = {}, []
    if output is not None:
        outputs["findings"] = output
        files.append(output)
        check_targets([output], overwrite, [FINDINGS])
    if repaired is not None:
        dataset = dataset_files(repaired)
        outputs["repaired"] = dataset.hdf5
        files += [dataset.hdf5, dataset.csv, dataset.manifest]
        check_dataset(dataset, overwrite)
    if sound is not None:
        if sound.is_dir():
            raise InputError(f"{str(sound)!r} is a folder: name a file in it")
        is_manifest = sound.suffix == MANIFEST_SUFFIX
        outputs["sound"] = sound if is_manifest else sound.with_name(sound.name + MANIFEST_SUFFIX)
        files.append(outputs["sound"])
        check_targets([outputs["sound"]], overwrite)
    _refuse_shared(files)
    return outputs


def _refuse_shared(files: Sequence[Path]) -> None:
    """Refuse two outputs with the same path, so that neither replaces the other."""
    places = [Path(os.path.realpath(path.parent), path.name) for path in files]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise InputError(f"two outputs would be {str(files[number])!r}: name each of its own")


def _sources(paths: Sequence[Path], codes: frozenset[str], whole: bool) -> "list[Source]":
    from steadkit.check import needs_hdf5
    from steadkit.sources import find_sources

    sources = find_sources(paths, require_hdf5=whole or needs_hdf5(codes))
    if whole and len(sources) > 1:
        raise InputError(f"--fix takes one file, not {len(sources)}: name it, or merge them first")
    return sources


def _show(result: "Report") -> None:

    from steadkit.check import count_by_issue

    if rows := count_by_issue(result.findings):
        print_table("findings", ("issue", "severity", "traces", "example", "what to do"), rows)
    tally = result.findings["severity"].value_counts()
    counts = [f"{int(tally.get(s, 0)):,} {s}s" for s in ("error", "warning", "suspect")]
    echo(f"{len(result.traces):,} traces checked: {', '.join(counts)}")


def _write(
    result: "Report",
    sources: "list[Source]",
    outputs: dict[str, Path],
    issues_are_named: bool,
    overwrite: bool,
) -> bool:
    """Write the requested outputs; return whether errors are left."""
    from steadkit import check
    from steadkit.atomic import write_one
    from steadkit.dataset_files import dataset_files

    findings = result.findings
    errors: pd.DataFrame = check.of_severity(findings)
    is_repairable = check.repairable(findings)
    if "findings" in outputs:
        path = outputs["findings"]
        write_one(path, lambda new: check.write_findings(new, findings), overwrite, check.FINDINGS)
    if "repaired" in outputs and "findings" in outputs and not is_repairable.any():
        # Without a list of findings this is an error; with one, the finished list is kept.
        echo(f"nothing that --fix can repair: {str(outputs['repaired'])!r} is not made")
    elif "repaired" in outputs:
        target = outputs["repaired"]
        manifest = check.fix(sources[0], dataset_files(target), result, overwrite)
        print_dataset(target, manifest.categories, manifest.digest)
        errors = errors[~check.repairable(errors)]
    if "sound" in outputs:
        target = outputs["sound"]
        name = printable(target.stem, None)
        manifest = check.drop(target, name, result, issues_are_named, overwrite)
        print_dataset(target, manifest.categories, manifest.digest)
        left_out = check.to_drop(findings, issues_are_named)["trace_name"]
        errors = errors[~errors["trace_name"].isin(left_out)]
    elif "repaired" not in outputs and is_repairable.any():
        echo(f"{int(is_repairable.sum()):,} of them can be repaired: use --fix")
    return len(errors) > 0
