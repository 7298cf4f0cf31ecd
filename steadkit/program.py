"""Entry point of the command lines: Ctrl-C prints one line even during imports.

Until the handler is set, Ctrl-C prints a traceback. So this file imports before that only the
modules that it needs, and the two packages import nothing on their own import.
"""

import os
import signal
import sys


def run_program(name: str) -> None:
    """Import the command line of a package, ``steadkit`` or ``eqt``, and run it.

    Exits with 130 if it was interrupted. A library's import may turn an interruption into an
    error of another type, so any error after an interruption counts as one.
    """
    is_interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal is_interrupted
        is_interrupted = True
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else ignored
        signal.signal(signal.SIGINT, interrupt)
    # Shell commands inherit a notebook's backend, which may not be installed; no window is opened.
    os.environ["MPLBACKEND"] = "agg"
    try:
        import logging
        from importlib import import_module

        # Matplotlib warns if it cannot write to a home folder, and works without.
        logging.getLogger("matplotlib").setLevel(logging.ERROR)
        import_module(f"{name}.cli").main(prog_name=name)
    except (Exception, KeyboardInterrupt):
        if not is_interrupted:
            raise
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if sys.stderr is not None:
            sys.stderr.write("Error: interrupted\n")
        sys.exit(130)
