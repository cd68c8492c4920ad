# Two commands on a fresh machine: `make train` and `make test`. The rest is for those who work on seqtrain.
PYTHON ?= python3
BIN := .venv/bin
PEERS ?= build/peers

.PHONY: train test test-all check format bench bench-peers bench-shakespeare bench-data bench-decoding clean

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

# docs/benchmarks.md anew: DATA is a directory with Multi30k, tokenised and lower-cased, RUN a run trained on it and BASE one
# of the base model (without one, its decoding is left out). The text is data of one's own. `make bench` takes minutes,
# `make bench-peers` an hour.
DATA ?= multi30k/tok
RESULTS := docs/benchmarks
TRAINING = $(BIN)/python -m benchmarks.training --data $(DATA)
DECODING = $(BIN)/python -m benchmarks.decoding --data $(DATA)
BESIDE := --hf-python $(PEERS)/hugging_face/bin/python --ct2-python $(PEERS)/ctranslate2/bin/python
TWO_THREADS := --threads 2 --ct2-parallel 2
bench: .venv/installed
	$(TRAINING) --json $(RESULTS)/training.json
	$(BIN)/python -m benchmarks.startup --json $(RESULTS)/startup.json
	$(BIN)/python -m benchmarks.data --data $(DATA) > $(RESULTS)/data.jsonl.new
	mv $(RESULTS)/data.jsonl.new $(RESULTS)/data.jsonl
	test -z "$(RUN)" || $(DECODING) --checkpoint $(RUN) --threads 2 --json $(RESULTS)/decoding.json
	$(BIN)/python -m benchmarks.render

bench-peers: .venv/installed $(PEERS)/installed
	$(TRAINING) --peers $(PEERS) --rounds 2 --malloc default --json $(RESULTS)/training-peers.json
	$(TRAINING) --peers $(PEERS) --rounds 2 --malloc retaining --works tiny --json $(RESULTS)/training-peers-retaining.json
	test -z "$(RUN)" || $(DECODING) $(BESIDE) --checkpoint $(RUN) --json $(RESULTS)/decoding-peers-tiny.json
	test -z "$(RUN)" || $(DECODING) $(BESIDE) $(TWO_THREADS) --checkpoint $(RUN) \
		--json $(RESULTS)/decoding-peers-tiny-two-threads.json
	test -z "$(BASE)" || $(DECODING) $(BESIDE) $(TWO_THREADS) --rounds 2 --process-rounds 1 --checkpoint $(BASE) \
		--json $(RESULTS)/decoding-peers-base-two-threads.json
	$(BIN)/python -m benchmarks.render

# Preparing, planning, reading and collating data, a line of JSON for each: ARGS='--data DIR', DIR with train.en, train.de.
bench-data: .venv/installed
	$(BIN)/python -m benchmarks.data $(ARGS)

# Sentences per second beside Hugging Face transformers and CTranslate2, each in an environment of its own below PEERS:
# ARGS='--checkpoint RUN --data DIR', DIR with the text of the test set.
bench-decoding: .venv/installed $(PEERS)/installed
	$(BIN)/python -m benchmarks.decoding $(BESIDE) $(ARGS)

$(PEERS)/installed: Makefile
	for peer in hugging_face eole joeynmt ctranslate2; do $(PYTHON) -m venv $(PEERS)/$$peer; done
	$(PEERS)/hugging_face/bin/python -m pip install --quiet torch==2.13.0 transformers==5.23.0 accelerate sentencepiece
	$(PEERS)/eole/bin/python -m pip install --quiet torch==2.13.0 eole==0.6.4 aiohttp
	$(PEERS)/joeynmt/bin/python -m pip install --quiet torch==2.13.0 joeynmt==2.3.0 importlib_metadata
	$(PEERS)/ctranslate2/bin/python -m pip install --quiet ctranslate2==4.8.5
	touch $@

# Versions that CI used; whoever installs the package itself gets the ranges of pyproject.toml.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache
