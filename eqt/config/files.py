"""Settings in TOML files: a network's, or a training's."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from steadkit.errors import InputError, printable
from steadkit.paths import MAX_INTEGER, require_file

SUFFIX: Final = ".toml"
MAX_BYTES: Final = 1 << 20


def read_toml(path: Path) -> dict[str, Any]:
    """Read a small TOML file.

    Raises
    ------
    InputError
        It is missing, large, or no TOML.
    """
    require_file(path, f"no file {str(path)!r}: name a TOML file of settings")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InputError(f"{str(path)!r} is larger than {MAX_BYTES:,} bytes: no file of settings")
    try:
        settings = tomllib.loads(content.decode("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"{str(path)!r} is not TOML: {printable(error)}; write lines such as epochs = 20"
        ) from error
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"{str(path)!r} is not TOML that can be read: write UTF-8") from error
    # TOML's integers have 64 bits, but tomllib reads longer ones. A long hexadecimal one could not
    # even be printed: Python limits the conversion to decimal digits.
    if any(abs(number) > MAX_INTEGER for number in _integers(settings)):
        raise InputError(f"{str(path)!r} has a whole number beyond 64 bits: use a smaller one")
    return settings


def _integers(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _integers(item)
