"""The published weights, downloaded and checked against their digests."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from steadkit.errors import InputError, detail_of
from steadkit.paths import is_file

_REPOSITORY: Final = (
    "https://raw.githubusercontent.com/smousavi05/EQTransformer/master/ModelsAndSampleData"
)


@dataclass(frozen=True)
class Published:
    """Where a file can be had, and what its content is."""

    url: str
    sha256: str


PUBLISHED: Final[dict[str, Published]] = {
    "original": Published(
        f"{_REPOSITORY}/EqT_original_model.h5",
        "0a9179fd40f9cda4fbc5372dd5f660bc35e69620d91dd7bdffe7f65baf7bd99b",
    ),
    "conservative": Published(
        f"{_REPOSITORY}/EqT_model_conservative.h5",
        "07b3ffc8065164ece44a367b145b0db66e25586d89269ec4d8c340c34966d452",
    ),
}
"""Mousavi et al. (2020), doi:10.1038/s41467-020-17591-w; MIT licence."""

SECONDS: Final = 60
"""How long to wait for a server that says nothing."""


def cache_folder() -> Path:
    """Return where downloads are kept: the user's cache, or what ``EQT_CACHE`` names."""
    import pooch

    return Path(os.environ.get("EQT_CACHE") or pooch.os_cache("eqt"))


def fetch(name: str, folder: Path) -> Path:
    """Return published weights, downloaded if they are not there; never anything else.

    Parameters
    ----------
    name
        One of ``PUBLISHED``.
    folder
        Where downloads are kept; it is made. A file there with another content is replaced.

    Raises
    ------
    InputError
        The name is unknown, the download fails, or its content is not the published one.
    """
    if name not in PUBLISHED:
        raise InputError(f"unknown weights {name!r}: use one of {', '.join(PUBLISHED)}")
    import pooch
    import requests

    row, kept = PUBLISHED[name], f"eqt_{name}.h5"
    is_file(folder / kept)  # refused now if it is anything else
    try:
        return Path(
            pooch.retrieve(
                row.url,
                known_hash=f"sha256:{row.sha256}",
                fname=kept,
                path=folder,
                downloader=pooch.HTTPDownloader(timeout=SECONDS),
            )
        )
    except requests.RequestException as error:
        if error.response is not None:
            error.response.close()
        raise InputError(
            f"cannot download {row.url} ({detail_of(error)}): try again, or fetch the file "
            "yourself and give it to eqt import"
        ) from error
    except ValueError as error:  # pooch's word for another digest
        raise InputError(
            f"{row.url} is not the published file: try again later ({detail_of(error)})"
        ) from error
