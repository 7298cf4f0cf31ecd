"""What the configurations check, and how they become plain values and come back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from numbers import Integral, Real
from typing import Any

from steadkit.errors import InputError, printable


def check(holds: bool, name: str, value: object, remedy: str) -> None:
    """Refuse a value that does not fit, with what to use instead."""
    if not holds:
        raise InputError(f"{name} cannot be {printable(repr(value))}: {remedy}")


def is_count(value: object) -> bool:
    """Tell a whole number above 0."""
    # bool is an Integral too, but True is not a number of filters.
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0


def check_count(name: str, value: object) -> None:
    """Refuse what is no whole number above 0."""
    check(is_count(value), name, value, "use a whole number above 0")


def check_whole(name: str, value: object) -> None:
    """Refuse what is no whole number from 0 on."""
    check(is_count(value) or _is_zero(value), name, value, "use a whole number from 0 on")


def _is_zero(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) == 0


def check_number(name: str, value: object, least: float, most: float) -> None:
    """Refuse what is no number within the bounds, which belong to them."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    fits = is_number and least <= float(value) <= most  # type: ignore[arg-type]
    check(fits, name, value, f"use a number from {least:g} to {most:g}")


def check_switch(name: str, value: object) -> None:
    """Refuse what is neither True nor False."""
    check(isinstance(value, bool), name, value, "use True or False")


def check_stack(name: str, value: object) -> None:
    """Refuse what is no stack of whole numbers."""
    counts = isinstance(value, tuple) and all(map(is_count, value))
    absent = value is None and name == "decoder_filters"
    check(counts or absent, name, value, "use a tuple of whole numbers above 0")


def check_name(name: str, value: object, known: tuple[str, ...]) -> None:
    """Refuse a name that is not among those known."""
    check(value in known, name, value, f"use one of {', '.join(known)}")


def check_fraction(name: str, value: object) -> None:
    """Refuse what is not in [0, 1)."""
    check(isinstance(value, Real) and 0 <= float(value) < 1, name, value, "use a number in [0, 1)")


def to_plain(config: Any) -> dict[str, Any]:
    """Turn a configuration into what JSON can hold."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(config).items()}


def from_plain(kind: type, values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Turn plain values into fields of a configuration; an unknown name is refused."""
    known = [field.name for field in fields(kind)]
    for key in values:
        if key not in known:
            raise InputError(
                f"unknown {what} setting {printable(key)!r}: use one of {', '.join(known)}"
            )
    return {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
