"""Writing of pictures, their arrays and a gallery page into one folder."""

import json
from pathlib import Path

from eqt.visualize.context import ModelContext
from eqt.visualize.files import Content, write
from eqt.visualize.folder import files_of, mark
from eqt.visualize.gallery import gallery
from eqt.visualize.traces import SelectedTraces
from steadkit.atomic import atomic_folder, write_text

PAGE = "index.html"


SEEN = "seen"
"""Key of the fact that is shown first on the page, without its key."""


def facts_of(
    context: ModelContext, shown: SelectedTraces | None = None, seen: str = ""
) -> dict[str, object]:
    """Return the source of pictures: network, data and traces.

    Parameters
    ----------
    context, shown
        The network, and the traces.
    seen
        A line on the traces that the network was trained on, empty where there are none.
    """
    facts: dict[str, object] = {SEEN: seen} if seen else {}
    facts |= {
        "network": str(context.path),
        "parameters": context.model.count_params(),
    }
    if shown is not None:
        facts |= {"data": str(context.data), "normalization": context.scale}
        facts["traces"] = shown.names
    return facts


def save(
    content: Content,
    folder: Path,
    file_format: str,
    facts: dict[str, object],
    overwrite: bool = False,
    with_page: bool = False,
) -> Path:
    """Write pictures and arrays into a folder atomically, with a page of all of them.

    Parameters
    ----------
    content, file_format
        Pictures and arrays, and the pictures' format: png, pdf or svg.
    folder
        The output folder.
    facts
        Source of the pictures, recorded in the folder.
    overwrite
        Whether an existing folder of pictures may be replaced.
    with_page
        Whether to write the page.

    Returns
    -------
    Path
        The page, or the folder.

    Raises
    ------
    InputError
        The folder exists or cannot be written.
    """
    with atomic_folder(folder, overwrite, files_of) as new_folder:
        copies = write(content, new_folder, file_format, with_page)
        if with_page:
            lines = [_line(name, value) for name, value in facts.items()]
            title = f"What the layers of {Path(str(facts['network'])).name} do"
            write_text(new_folder / PAGE, gallery(title, lines, copies))
        mark(new_folder, facts)
    return folder / PAGE if with_page else folder


def _line(name: str, value: object) -> str:
    if name == SEEN:
        return str(value)
    if isinstance(value, list):
        return f"{name}: {', '.join(map(str, value))}"
    text = f"{value:,}" if isinstance(value, int) else json.dumps(value).strip('"')
    return f"{name}: {text}"
