"""Settings in TOML files: a network's, or a training's."""

import tomllib
from pathlib import Path
from typing import Any, Final

from steadkit.errors import InputError, printable
from steadkit.paths import require_file

SUFFIX: Final = ".toml"
MOST_BYTES: Final = 1 << 20


def read_toml(path: Path) -> dict[str, Any]:
    """Read a small TOML file.

    Raises
    ------
    InputError
        It is missing, large, or no TOML.
    """
    require_file(path, f"no file {str(path)!r}: name a TOML file of settings")
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InputError(f"{str(path)!r} is larger than {MOST_BYTES:,} bytes: no file of settings")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"{str(path)!r} is not TOML: {printable(error)}; write lines such as epochs = 20"
        ) from error
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"{str(path)!r} is not TOML that can be read: write UTF-8") from error
