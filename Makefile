# make demo, make test and friends; each makes the environment it needs and reuses it.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo

.PHONY: demo check test test-slow clean

$(VENV)/core.done: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

$(VENV)/dev.done: $(VENV)/core.done
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,fetch,models,simulate,tune]'
	touch $@

.PHONY: .venv
.venv: $(VENV)/dev.done

demo: $(VENV)/core.done
	$(BIN)/trifid demo --out $(DEMO)

check: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

test: $(VENV)/dev.done
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 tests/unit tests/contract tests/golden tests/architecture tests/real

test-slow: $(VENV)/dev.done
	$(BIN)/python -m pytest tests/slow

clean:
	rm -rf $(VENV) demo
