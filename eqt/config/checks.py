"""What the configurations check, and how they become plain values and come back."""

import reprlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final, TypeVar

from steadkit.errors import MAX_SHOWN, InputError, printable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Config = TypeVar("Config", bound="DataclassInstance")


_REPR: Final = reprlib.Repr()
vars(_REPR).update(
    dict.fromkeys(("maxstring", "maxother"), MAX_SHOWN)
    | dict.fromkeys(("maxlist", "maxtuple", "maxdict", "maxlong"), 40)
)


def format_config(value: object) -> str:
    """Return a value for a message: one line, at most 200 characters, whatever it holds.

    Examples
    --------
    >>> format_config("gru"), format_config([[[1]]]), len(format_config(["a" * 1000] * 1000))
    ("'gru'", '[[[1]]]', 203)
    """
    return printable(_REPR.repr(value))


MAX_COUNT: Final = 2**31 - 1


def check(holds: bool, name: str, value: object, remedy: str) -> None:
    """Refuse a value that does not fit, with what to use instead."""
    if not holds:
        raise InputError(f"{name} cannot be {format_config(value)}: {remedy}")


def is_count(value: object) -> bool:
    """Tell a whole number above 0 that 32 bits hold."""
    # bool is an Integral too, but True is not a number of filters.
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    return is_whole and 0 < int(value) <= MAX_COUNT  # type: ignore[call-overload]


def check_count(name: str, value: object) -> None:
    """Refuse what is no whole number above 0."""
    check(is_count(value), name, value, f"use a whole number above 0, at most {MAX_COUNT}")


def check_whole(name: str, value: object) -> None:
    """Refuse what is no whole number from 0 on."""
    fits = is_count(value) or _is_zero(value)
    check(fits, name, value, f"use a whole number from 0 to {MAX_COUNT}")


def _is_zero(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) == 0


def check_number(name: str, value: object, least: float, most: float) -> None:
    """Refuse what is no number within the bounds, which belong to them."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    fits = is_number and least <= value <= most  # type: ignore[operator]
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
    fits = isinstance(value, Real) and 0 <= value < 1  # type: ignore[operator]
    check(fits, name, value, "use a number in [0, 1)")


def to_plain(config: Any) -> dict[str, Any]:
    """Turn a configuration into what JSON can hold."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(config).items()}


def from_plain(kind: type[Config], values: Mapping[str, Any], what: str) -> Config:
    """Build a configuration from plain values; an unknown name, or a wrong kind, is refused."""
    known = [field.name for field in fields(kind)]
    if not isinstance(values, Mapping):
        raise InputError(
            f"{what} settings cannot be {format_config(values)}: give names and values"
        )
    for key in values:
        if key not in known:
            raise InputError(
                f"unknown {what} setting {format_config(key)}: use one of {', '.join(known)}"
            )
    settings = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
    try:
        return kind(**settings)
    except InputError:
        raise
    except (TypeError, ArithmeticError, AttributeError, ValueError) as error:
        raise InputError(
            f"the {what} settings {format_config(settings)} do not fit one another: check each"
        ) from error
