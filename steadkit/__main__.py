"""Run the command line as ``python -m steadkit``."""

from steadkit.program import run_program


def start() -> None:
    """Run `steadkit`, as its entry point does."""
    run_program("steadkit")


if __name__ == "__main__":
    start()
