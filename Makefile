# make demo and make test do all of their own set-up; a second call does not reinstall.
# Another interpreter, such as PYTHON=python3.13, gets an environment of its own.
PYTHON ?= python3
VENV := .venv$(if $(filter python3,$(PYTHON)),,-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
SHOWABLE := $(VENV)/demo-installed
DOCS_INSTALLED := $(VENV)/docs-installed
OLDEST := .venv-oldest
STRANGER := .venv-stranger
PYTEST := -m pytest --numprocesses 2 --dist worksteal

DATA ?= $(SOFTLOSS_DATA)

.PHONY: demo test test-portable test-oldest test-stranger coverage stress mutants lint types \
	docs docs-look bench bench-smoke benchmarks clean

demo: $(SHOWABLE)
	$(BIN)/python examples/quickstart.py

test: lint types
	SCIPY_ARRAY_API=1 $(BIN)/python $(PYTEST)

# The same tests on the plainest kernels and one thread, as another processor would compute.
test-portable: $(INSTALLED)
	ATEN_CPU_CAPABILITY=default MKL_CBWR=COMPATIBLE OMP_NUM_THREADS=1 SCIPY_ARRAY_API=1 \
		$(BIN)/python $(PYTEST)

# The same tests at the oldest versions that pyproject.toml promises; the extra onnx asks for newer
# ones.
test-oldest: $(OLDEST)/installed
	SCIPY_ARRAY_API=1 $(OLDEST)/bin/python $(PYTEST) --ignore=sklearn_softloss/export

# Models trained here answer the same where only onnxruntime and NumPy are installed.
test-stranger: $(INSTALLED) $(STRANGER)/installed
	rm -rf build/stranger && mkdir -p build/stranger
	$(BIN)/python tests/stranger/train.py build/stranger
	$(STRANGER)/bin/python -I tests/stranger/predict.py build/stranger

# Which lines and branches the tests run.
coverage: $(INSTALLED)
	SCIPY_ARRAY_API=1 $(BIN)/python $(PYTEST) --cov=sklearn_softloss --cov-branch \
		--cov-report=term-missing:skip-covered

# What takes minutes: interrupts and kills at random moments, threads and single rows under load.
stress: $(INSTALLED)
	$(BIN)/python tests/stress/interrupts.py
	$(BIN)/python tests/stress/kills.py
	$(BIN)/python tests/stress/load.py

# Whether the tests notice small faults in the formulas; the survivors are in docs/mutants.md.
mutants: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt cosmic-ray
	$(BIN)/python tests/stress/mutants.py

docs: $(DOCS_INSTALLED)
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

# The built pages in a browser (Chromium): nothing wider than a phone, no error, and a search that
# finds what people ask for.
docs-look: docs
	$(BIN)/python docs/look_at_pages.py
	$(BIN)/python docs/ask_search.py

bench: $(INSTALLED)
	$(BIN)/python examples/benchmarks/speed.py
	$(BIN)/python examples/benchmarks/step_profile.py --write
	$(BIN)/python examples/benchmarks/memory.py --write
	$(BIN)/python examples/benchmarks/threads.py --write

# The tables on real data; DATA is the folder that holds it.
benchmarks: bench
	$(BIN)/python examples/benchmarks/metrics.py --write
	$(BIN)/python examples/benchmarks/splits.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/decisions.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/calibration.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/annotators.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/semi_supervised.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/label_distributions.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/label_distributions_shuffled.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/multilabel.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/hard_labels.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/text.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/tables.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/columns.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/defaults.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/regression.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/serving.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/searches.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/data_parallel.py --data $(DATA) --write
	$(BIN)/python examples/benchmarks/many_labels.py --data $(DATA) --write

bench-smoke: $(INSTALLED)
	$(BIN)/python examples/benchmarks/metrics.py --smoke
	$(BIN)/python examples/benchmarks/splits.py --smoke
	$(BIN)/python examples/benchmarks/decisions.py --smoke
	$(BIN)/python examples/benchmarks/calibration.py --smoke
	$(BIN)/python examples/benchmarks/annotators.py --smoke
	$(BIN)/python examples/benchmarks/semi_supervised.py --smoke
	$(BIN)/python examples/benchmarks/label_distributions.py --smoke
	$(BIN)/python examples/benchmarks/label_distributions_shuffled.py --smoke
	$(BIN)/python examples/benchmarks/multilabel.py --smoke
	$(BIN)/python examples/benchmarks/hard_labels.py --smoke
	$(BIN)/python examples/benchmarks/text.py --smoke
	$(BIN)/python examples/benchmarks/tables.py --smoke
	$(BIN)/python examples/benchmarks/columns.py --smoke
	$(BIN)/python examples/benchmarks/defaults.py --smoke
	$(BIN)/python examples/benchmarks/regression.py --smoke
	$(BIN)/python examples/benchmarks/serving.py --smoke
	$(BIN)/python examples/benchmarks/searches.py --smoke
	$(BIN)/python examples/benchmarks/data_parallel.py --smoke
	$(BIN)/python examples/benchmarks/many_labels.py --smoke
	$(BIN)/python examples/benchmarks/speed.py --smoke
	$(BIN)/python examples/benchmarks/step_profile.py --smoke
	$(BIN)/python examples/benchmarks/memory.py --smoke
	$(BIN)/python examples/benchmarks/threads.py --smoke

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

types: $(INSTALLED)
	$(BIN)/mypy

$(SHOWABLE): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python >= 3.11 is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[plots]"
	touch $@

$(INSTALLED): $(SHOWABLE)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[onnx,plots,test]"
	touch $@

$(OLDEST)/installed: pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --constraint constraints-oldest.txt \
		--editable ".[plots,test]"
	touch $@

$(STRANGER)/installed: constraints.txt
	$(PYTHON) -m venv $(STRANGER)
	$(STRANGER)/bin/python -m pip install --quiet --constraint constraints.txt numpy onnxruntime
	touch $@

$(DOCS_INSTALLED): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $@

clean:
	rm -rf .venv .venv-* build *.egg-info .pytest_cache .mypy_cache .ruff_cache examples/output
	rm -rf docs/_build docs/auto_examples docs/generated
