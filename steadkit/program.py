"""The start of a command line: Ctrl-C is one line even while Python still imports.

Until the handler is set Ctrl-C ends in Python's own words, so nothing is imported before that
this file can do without, nor by the two packages when they are imported.
"""

import os
import signal
import sys


def run_program(name: str) -> None:
    """Import the command line of a package, ``steadkit`` or ``eqt``, and run it.

    Exits with 130 where it was interrupted. A library's import may turn an interruption into an
    error of its own: whatever follows one counts as one.
    """
    is_interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal is_interrupted
        is_interrupted = True
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is to be ignored
        signal.signal(signal.SIGINT, interrupt)
    # A notebook's backend, which its shell commands inherit, may not be there; no window is opened.
    os.environ["MPLBACKEND"] = "agg"
    try:
        import logging
        from importlib import import_module

        # Where no home can be made Matplotlib says so, and draws all the same.
        logging.getLogger("matplotlib").setLevel(logging.ERROR)
        import_module(f"{name}.cli").main(prog_name=name)
    except (Exception, KeyboardInterrupt):
        if not is_interrupted:
            raise
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if sys.stderr is not None:
            sys.stderr.write("Error: interrupted\n")
        sys.exit(130)
