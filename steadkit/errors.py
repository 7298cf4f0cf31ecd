"""The one exception that means: the input is at fault, and here is what to do about it."""


class InputError(ValueError):
    """A file, row, option or model that cannot be used.

    The message is one line that says what is wrong, the value received and what to do. The
    command lines print it without a traceback and exit with 1.
    """
