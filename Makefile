# make demo and make test do all of their own set-up; a second call does not reinstall.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: demo test lint types bench bench-smoke clean

demo: $(INSTALLED)
	$(BIN)/python examples/quickstart.py

test: lint types
	SCIPY_ARRAY_API=1 $(BIN)/python -m pytest

bench: $(INSTALLED)
	$(BIN)/python examples/benchmarks/speed.py
	$(BIN)/python examples/benchmarks/memory.py --write

bench-smoke: $(INSTALLED)
	$(BIN)/python examples/benchmarks/speed.py --smoke
	$(BIN)/python examples/benchmarks/memory.py --gigabytes 0.05

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

types: $(INSTALLED)
	$(BIN)/mypy

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python >= 3.11 is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[plots,test]"
	touch $@

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache examples/output
