"""Entry point of a worker whose tasks fail on purpose."""

import os
import signal
import time
from contextlib import contextmanager

from steadkit.errors import InputError


@contextmanager
def fail_on_three(setup):
    """Yield a function that adds the setup; it kills its process at 3 and raises at 4."""

    def run(task):
        if task == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if task == 4:
            raise InputError("four is wrong: use another")
        return setup + task

    yield run


@contextmanager
def slow_worker(setup):
    """Yield a function that adds the setup after a while."""

    def run(task):
        time.sleep(0.3)
        return setup + task

    yield run
