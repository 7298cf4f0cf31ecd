"""Run the command line as ``python -m eqt``."""

from steadkit.program import run_program


def start() -> None:
    """Run `eqt`, as its entry point does."""
    run_program("eqt")


if __name__ == "__main__":
    start()
