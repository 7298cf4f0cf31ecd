"""Validation of configuration values, and conversion to and from plain values."""

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
    """Format a value for a message: one line, at most 200 characters.

    Examples
    --------
    >>> format_config("gru"), format_config([[[1]]]), len(format_config(["a" * 1000] * 1000))
    ("'gru'", '[[[1]]]', 203)
    """
    return printable(_REPR.repr(value))


MAX_COUNT: Final = 2**31 - 1


def check(holds: bool, name: str, value: object, remedy: str) -> None:
    """Raise InputError with a remedy unless a condition holds."""
    if not holds:
        raise InputError(f"{name} cannot be {format_config(value)}: {remedy}")


def is_count(value: object) -> bool:
    """Return whether a value is a whole number from 1 to 2^31 - 1."""
    # bool is an Integral too, but True is not a number of filters.
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    return is_whole and 0 < int(value) <= MAX_COUNT  # type: ignore[call-overload]


def check_count(name: str, value: object) -> None:
    """Refuse a value that is not a whole number above 0."""
    check(is_count(value), name, value, f"use a whole number above 0, at most {MAX_COUNT}")


def check_whole(name: str, value: object) -> None:
    """Refuse a value that is not a whole number from 0 on."""
    fits = is_count(value) or _is_zero(value)
    check(fits, name, value, f"use a whole number from 0 to {MAX_COUNT}")


def _is_zero(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) == 0


def check_number(name: str, value: object, minimum: float, maximum: float) -> None:
    """Refuse a value that is not a number from minimum to maximum, both included."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    fits = is_number and minimum <= value <= maximum  # type: ignore[operator]
    check(fits, name, value, f"use a number from {minimum:g} to {maximum:g}")


def check_switch(name: str, value: object) -> None:
    """Refuse a value that is neither True nor False."""
    check(isinstance(value, bool), name, value, "use True or False")


def check_stack(name: str, value: object) -> None:
    """Refuse a value that is not a tuple of whole numbers above 0; decoder_filters may be None."""
    is_stack = isinstance(value, tuple) and all(map(is_count, value))
    is_default = value is None and name == "decoder_filters"
    check(is_stack or is_default, name, value, "use a tuple of whole numbers above 0")


def check_name(name: str, value: object, known: tuple[str, ...]) -> None:
    """Refuse a name that is not one of the known names."""
    check(value in known, name, value, f"use one of {', '.join(known)}")


def check_fraction(name: str, value: object) -> None:
    """Refuse a value that is not in [0, 1)."""
    fits = isinstance(value, Real) and 0 <= value < 1  # type: ignore[operator]
    check(fits, name, value, "use a number in [0, 1)")


def to_plain(config: Any) -> dict[str, Any]:
    """Convert a configuration to values that JSON can hold."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(config).items()
    }


def from_plain(config_class: type[Config], values: Mapping[str, Any], label: str) -> Config:
    """Build a configuration from plain values; refuse unknown names and values of a wrong type."""
    known = [field.name for field in fields(config_class)]
    if not isinstance(values, Mapping):
        raise InputError(
            f"{label} settings cannot be {format_config(values)}: give names and values"
        )
    for key in values:
        if key not in known:
            raise InputError(
                f"unknown {label} setting {format_config(key)}: use one of {', '.join(known)}"
            )
    settings = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }
    try:
        return config_class(**settings)
    except InputError:
        raise
    # The checks above cover single values; an error in arithmetic on a combination of them must
    # not reach the user as a traceback.
    except (TypeError, ArithmeticError, AttributeError, ValueError) as error:
        raise InputError(
            f"the {label} settings {format_config(settings)} do not fit one another: check each"
        ) from error
