"""Independent tasks in this process, in worker processes, or on a cluster through Dask.

A task is run by a worker function that an entry point makes once in each process, with whatever
takes long to load. Results arrive in the order in which tasks end.
"""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from queue import SimpleQueue
from typing import Any, Final

from steadkit.errors import InputError, error_detail
from steadkit.processes import Worker, WorkerDiedError

MAX_ATTEMPTS: Final = 3
"""Processes that a task may end before it is given up."""


@dataclass(frozen=True)
class Execution:
    """Where tasks are run.

    Parameters
    ----------
    n_workers
        Worker processes on this machine; with 1 the tasks are run in this process.
    scheduler
        Address of a Dask scheduler, whose workers run the tasks instead.
    """

    n_workers: int = 1
    scheduler: str | None = None


def run_tasks(
    entry_point: str, setup: Any, tasks: Sequence[Any], execution: Execution
) -> Iterator[tuple[int, Any]]:
    """Run tasks and yield the number and the result of each as it ends.

    Parameters
    ----------
    entry_point
        ``module:function``: a context manager that takes the setup and yields a function of a task.
    setup, tasks
        Picklable.
    execution
        Where to run them.

    Raises
    ------
    InputError, OSError
        Of a task; or a task has ended `MAX_ATTEMPTS` processes; or there is no such scheduler.
    """
    if execution.scheduler:
        yield from _run_on_cluster(entry_point, setup, tasks, execution.scheduler)
    elif execution.n_workers == 1:
        with _entry(entry_point)(setup) as run_task:
            for number, task in enumerate(tasks):
                yield number, run_task(task)
    else:
        yield from _run_in_processes(entry_point, setup, tasks, execution.n_workers)


def _entry(entry_point: str) -> Any:
    module, _, name = entry_point.partition(":")
    return getattr(import_module(module), name)


def _run_in_processes(
    entry_point: str, setup: Any, tasks: Sequence[Any], n_workers: int
) -> Iterator[tuple[int, Any]]:
    workers: list[Worker] = []
    idle: SimpleQueue[Worker] = SimpleQueue()

    def close_workers() -> None:
        for worker in workers:
            worker.close()

    def start_worker() -> Worker:
        workers.append(Worker(entry_point, setup))
        return workers[-1]

    def run_task(task: Any) -> Any:
        worker = idle.get()
        try:
            for _ in range(MAX_ATTEMPTS):
                try:
                    return worker.call(task)
                except WorkerDiedError:
                    worker.close()
                    worker = start_worker()
        finally:
            idle.put(worker)
        raise InputError(
            f"{MAX_ATTEMPTS} worker processes have ended while they worked on {task}: is there "
            "enough memory? Use fewer workers"
        )

    with ExitStack() as stack:
        stack.callback(close_workers)
        for _ in range(min(n_workers, len(tasks))):
            idle.put(start_worker())
        executor = stack.enter_context(ThreadPoolExecutor(max(len(workers), 1)))
        # After an error or Ctrl-C the tasks that have not begun are dropped, and the workers end
        # before the executor waits for its threads.
        stack.callback(executor.shutdown, wait=False, cancel_futures=True)
        stack.callback(close_workers)
        futures = {executor.submit(run_task, task): i for i, task in enumerate(tasks)}
        pending: set[Future[Any]] = set(futures)
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=futures.__getitem__):
                yield futures[future], future.result()


def _run_on_cluster(
    entry_point: str, setup: Any, tasks: Sequence[Any], scheduler: str
) -> Iterator[tuple[int, Any]]:
    try:
        from dask.distributed import Client, as_completed
        from distributed import KilledWorker
    except ImportError as error:
        raise InputError(
            'a scheduler needs Dask, which is not installed: pip install "steadkit[cluster]"'
        ) from error
    try:
        client = Client(scheduler, timeout="30s", set_as_default=False)
    except (OSError, ValueError, ImportError) as error:
        raise InputError(
            f"no Dask scheduler at {scheduler!r}: check the address ({error_detail(error)})"
        ) from error
    with client:
        # pure=False: the result is also a file, which a remembered result would not write again.
        futures = client.map(
            run_cluster_task,
            tasks,
            entry_point=entry_point,
            setup=setup,
            pure=False,
        )
        numbers = {future.key: number for number, future in enumerate(futures)}
        for future in as_completed(futures, loop=client.loop):
            try:
                yield numbers[future.key], future.result()
            except KilledWorker as error:
                raise InputError(
                    f"several workers have ended while they worked on {tasks[numbers[future.key]]}:"
                    " is there enough memory? Use fewer workers a machine"
                ) from error


_cluster_lock = threading.Lock()
_cluster_functions: dict[tuple[str, str], Any] = {}


def run_cluster_task(task: Any, entry_point: str, setup: Any) -> Any:
    """Run a task in a Dask worker; what the entry point loads is kept for the tasks that follow."""
    # One task at a time: a worker may have many threads, and the task uses all cores.
    with _cluster_lock:
        key = (entry_point, repr(setup))
        if key not in _cluster_functions:
            _cluster_functions.clear()
            _cluster_functions[key] = ExitStack().enter_context(_entry(entry_point)(setup))
        return _cluster_functions[key](task)
