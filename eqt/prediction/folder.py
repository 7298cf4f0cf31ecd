"""Folder of a prediction: `run.json` with every setting, the lock, and which files are ours.

A folder belongs to one set of settings and weights. Records may be added to its inputs: what has
been computed from the same records is kept.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from steadkit.atomic import lock_folder, staging_folder, writable_folder, write_text
from steadkit.errors import InputError, printable
from steadkit.paths import OBJECT, read_json, value_at
from steadkit.version import __version__

RUN_FILE: Final = "run.json"
FORMAT: Final = "eqt prediction 1"

STAGED_RUN: Final = staging_folder(Path(RUN_FILE)).name

STORE: Final = "units"
"""Folder of the store, see `eqt.prediction.unit_store`."""


@contextmanager
def prediction_folder(
    folder: Path, settings: Mapping[str, Any], about: Mapping[str, Any], overwrite: bool = False
) -> Iterator[Path]:
    """Make or continue the folder of a prediction, locked; yield the folder of its store.

    Parameters
    ----------
    folder
        A new or an empty folder, or one of the same settings.
    settings
        Everything that the results depend on besides the records, as JSON's types.
    about
        What else `run.json` records: inputs, names of files.
    overwrite
        Whether a prediction with other settings may be replaced.

    Raises
    ------
    InputError
        The folder is of another kind or has other settings.
    BusyError
        Another process writes it.
    """
    refuse_foreign(folder)
    folder.mkdir(parents=True, exist_ok=True)
    busy = f"another process is writing {str(folder)!r}: wait for it, or choose another folder"
    descriptor = lock_folder(folder, busy)
    try:
        document = {
            "format": FORMAT,
            "version": __version__,
            "settings": dict(settings),
            **about,
        }
        # Types as they are read back: a tuple becomes a list.
        document = json.loads(json.dumps(document))
        store = folder / STORE
        with writable_folder(folder):
            is_replaced = _check(folder, document, overwrite)
            store.mkdir(exist_ok=True)
            if is_replaced:
                clear_store(store)
            write_text(folder / RUN_FILE, json.dumps(document, indent=2) + "\n", overwrite=True)
            yield store
    finally:
        os.close(descriptor)


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder with files that is not one of a prediction.

    Raises
    ------
    InputError
        It holds something else, or is no folder.
    """
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise InputError(f"{str(folder)!r} is no folder: choose another name with --output")
    if (folder / RUN_FILE).exists():
        return
    # What a kill in the first moments leaves: the store, and the staging folder of run.json.
    foreign = [name for name in sorted(os.listdir(folder)) if name not in (STORE, STAGED_RUN)]
    if foreign:
        raise InputError(
            f"{str(folder)!r} holds {printable(foreign[0])!r} and no prediction: choose another"
        )


def read_run(folder: Path) -> dict[str, Any]:
    """Read `run.json` of a prediction.

    Raises
    ------
    InputError
        The folder is not one of a prediction.
    """
    path = folder / RUN_FILE
    if not path.is_file():
        raise InputError(f"{str(folder)!r} is not a folder of eqt predict: it has no {RUN_FILE}")
    document = read_json(path)
    if document.get("format") != FORMAT:
        raise InputError(f"{str(path)!r} is not of this version of eqt predict: name another")
    value_at(document, "settings", OBJECT, str(path))
    return document


def _check(folder: Path, document: Mapping[str, Any], overwrite: bool) -> bool:
    """Return whether a prediction with other settings is replaced; refuse where it may not be."""
    if not (folder / RUN_FILE).exists():
        return False
    before = read_run(folder)
    differences = _differences(before["settings"], document["settings"])
    if before.get("version") != document["version"]:
        differences.append(f"version {before.get('version')}, not {document['version']}")
    if differences and not overwrite:
        raise InputError(
            f"{str(folder)!r} was made with {'; '.join(differences[:3])}: choose another folder, "
            "or replace it with --overwrite"
        )
    return bool(differences)


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        f"{name.replace('_', ' ')} {_shown(before.get(name))}, not {_shown(now.get(name))}"
        for name in [*now, *({*before} - {*now})]
        if before.get(name) != now.get(name)
    ]


def _shown(value: Any) -> str:
    text = "none" if value is None else str(value)
    return printable(text if len(text) <= 40 else f"{text[:12]}...")


def clear_store(store: Path) -> None:
    """Remove the files of a store."""
    for entry in os.scandir(store):
        if entry.is_file(follow_symlinks=False) and ".json.gz" in entry.name:
            os.unlink(entry.path)
