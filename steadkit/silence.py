"""Redirection of libraries' standard output and error away from the terminal."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

DESCRIPTORS = (1, 2)
"""File descriptors of standard output and error."""


@contextmanager
def silenced() -> Iterator[None]:
    """Discard everything printed within, by Python or by C; exceptions are raised."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    terminal = {number: os.dup(number) for number in DESCRIPTORS}
    handlers = logging.root.handlers[:]
    # Never closed: a library's logger may have kept it as its standard error.
    text = io.StringIO()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in terminal:
            os.dup2(nowhere, number)
        with redirect_stdout(text), redirect_stderr(text):
            yield
    finally:
        logging.root.handlers[:] = handlers
        for number, descriptor in terminal.items():
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(nowhere)
