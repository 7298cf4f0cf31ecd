# The project's tasks, one line each.

BIN := .venv/bin

.PHONY: install lint format test quickstart kills mutations abuse picking benchmarks scale

install:          ## a virtual environment with everything for development
	python3 -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'

lint:             ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format:           ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test:             ## tests and doctests
	$(BIN)/pytest

quickstart:       ## the whole road on simulated data
	$(BIN)/eqt quickstart

kills:            ## the long campaigns of kills and full disks
	$(BIN)/python tests/campaigns/kills.py --kills 100
	$(BIN)/python tests/campaigns/training_kills.py --kills 10

mutations:        ## the long campaign of mutated inputs
	PYTHONPATH=tests $(BIN)/python -m campaigns.mutations --mutants 2000

abuse:            ## the long campaign of abused commands
	PYTHONPATH=tests $(BIN)/python -m campaigns.abuse --cases 2000

picking:          ## the long campaign of random windows, picked three ways
	PYTHONPATH=tests $(BIN)/python -m campaigns.picking --windows 20000

benchmarks:       ## every benchmark but the next
	for script in $(filter-out benchmarks/scale%, $(wildcard benchmarks/*.py)); do $(BIN)/python $$script; done

scale:            ## every command up to STEAD's true size: 40 GB of disk, an hour and more
	$(BIN)/python benchmarks/scale.py
