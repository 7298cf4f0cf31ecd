"""Exceptions for unusable input, and formatting of values in messages."""

MAX_SHOWN = 200
"""Characters of a value in a message; longer ones are truncated."""


class InputError(ValueError):
    """A file, row, option or model that cannot be used.

    The message is one line: what is wrong, the value received and what to do. The
    command lines print it without a traceback and exit with 1.
    """


class BusyError(InputError):
    """The output is locked by another process, which is writing it."""


def printable(value: object, limit: int | None = MAX_SHOWN) -> str:
    r"""Return a value as one line of text without terminal control sequences.

    Parameters
    ----------
    value
        A name, path, cell or anything else that came from outside. Bytes are read as UTF-8.
    limit
        Characters after which the text is truncated; None never truncates.

    >>> printable("plain"), printable("a\x1b[31mb\n"), printable("caf\udce9"), printable(b"\xff")
    ('plain', 'a\\x1b[31mb\\n', 'caf\\xe9', '\\xff')
    >>> printable("x" * 300, limit=5)
    'xxxxx...'
    """
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
    if limit is not None and len(text) > limit:
        text = f"{text[:limit]}..."
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: a byte of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return ascii(character)[1:-1]


def error_detail(error: BaseException) -> str:
    """Return a library's error as a short line, for the end of a message.

    >>> error_detail(OSError("Unable to  open file")), error_detail(KeyError())
    ('OSError: Unable to open file', 'KeyError')
    """
    text = printable(" ".join(str(error).split()))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def damage_remedy(damage: BaseException) -> str:
    """Return advice for a damaged file, with a library's error.

    >>> damage_remedy(OSError("bad heap"))
    'take the original (OSError: bad heap)'
    """
    return f"take the original ({error_detail(damage)})"
