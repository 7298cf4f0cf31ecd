"""Download of the published weights, checked against their digests."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from steadkit.atomic import atomic_write
from steadkit.errors import InputError, error_detail
from steadkit.paths import is_file

_REPOSITORY: Final = (
    "https://raw.githubusercontent.com/smousavi05/EQTransformer/master/ModelsAndSampleData"
)


@dataclass(frozen=True)
class Published:
    """Address and digest of a published file."""

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

TIMEOUT_S: Final = 60
"""Timeout of a download in seconds, for a server that does not respond."""


def cache_folder() -> Path:
    """Return the folder of downloads: ``$EQT_CACHE``, else the user's cache."""
    import pooch

    return Path(os.environ.get("EQT_CACHE") or pooch.os_cache("eqt"))


def find_weights(path_or_name: str | os.PathLike[str]) -> Path:
    """Return the path of weights: as given, or of published weights, downloaded once, by name.

    Raises
    ------
    InputError
        The download fails.
    """
    path = Path(path_or_name)
    if str(path_or_name) in PUBLISHED and not path.exists():
        return fetch(str(path_or_name), cache_folder())
    return path


def fetch(name: str, folder: Path, overwrite: bool = False) -> Path:
    """Return the file of published weights, downloaded unless it exists with the right digest.

    Parameters
    ----------
    name
        One of ``PUBLISHED``.
    folder
        Folder of downloads, created if needed.
    overwrite
        Whether an existing file with another content may be replaced.

    Raises
    ------
    InputError
        The name is unknown, the download fails, or its content is not the published one.
    """
    if name not in PUBLISHED:
        raise InputError(f"unknown weights {name!r}: use one of {', '.join(PUBLISHED)}")
    import pooch
    import requests

    published, path = PUBLISHED[name], folder / f"eqt_{name}.h5"
    if is_file(path) and pooch.file_hash(path) == published.sha256:
        return path
    created = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with atomic_write([path], overwrite) as (new,):
            pooch.HTTPDownloader(timeout=TIMEOUT_S)(published.url, str(new), None)
            if pooch.file_hash(new) != published.sha256:
                raise InputError(
                    f"{published.url} is not the published file: it has another SHA-256; fetch the "
                    "file elsewhere and give it to eqt import"
                )
    except requests.RequestException as error:
        if error.response is not None:
            error.response.close()
        raise InputError(
            f"cannot download {published.url} ({error_detail(error)}): try again, or fetch the "
            "file yourself and give it to eqt import"
        ) from error
    finally:
        # After a failure the new folders are empty and go; else rmdir fails on the first of them.
        with suppress(OSError):
            for parent in created:
                parent.rmdir()
    return path
