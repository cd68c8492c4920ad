# Two commands on a fresh machine: `make train` and `make test`. The rest is for those who work on seqtrain.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: train test test-all check format bench-shakespeare clean

train: .venv/installed
	$(BIN)/python -m seqtrain $(ARGS)

test: .venv/installed
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

test-all: .venv/installed
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "slow or not slow" $(ARGS)

check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell README.md CONTRIBUTING.md CHANGELOG.md docs seqtrain conf

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Tokens per second beside a plain PyTorch loop; the text is data of one's own: ARGS='--data DIR'.
bench-shakespeare: .venv/installed
	$(BIN)/python benchmarks/shakespeare_char.py $(ARGS)

# Versions that CI used; whoever installs the package itself gets the ranges of pyproject.toml.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache
