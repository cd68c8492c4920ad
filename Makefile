# Two commands on a fresh machine: `make train` and `make test`. The rest is for those who work on seqtrain.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: train test test-all check format bench-shakespeare bench-data bench-decoding clean

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

# Preparing, planning, reading and collating data, a line of JSON for each: ARGS='--data DIR', DIR with train.en, train.de.
bench-data: .venv/installed
	$(BIN)/python -m benchmarks.data $(ARGS)

# Sentences per second beside Hugging Face transformers and CTranslate2, each in an environment of its own below PEERS:
# ARGS='--checkpoint RUN --data DIR', DIR with the text of the test set.
PEERS ?= build/peers
bench-decoding: .venv/installed $(PEERS)/installed
	$(BIN)/python -m benchmarks.decoding --hf-python $(PEERS)/hugging_face/bin/python \
		--ct2-python $(PEERS)/ctranslate2/bin/python $(ARGS)

$(PEERS)/installed:
	$(PYTHON) -m venv $(PEERS)/hugging_face
	$(PEERS)/hugging_face/bin/python -m pip install --quiet --constraint constraints.txt torch transformers==5.23.0
	$(PYTHON) -m venv $(PEERS)/ctranslate2
	$(PEERS)/ctranslate2/bin/python -m pip install --quiet ctranslate2==4.8.5
	touch $@

# Versions that CI used; whoever installs the package itself gets the ranges of pyproject.toml.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache
