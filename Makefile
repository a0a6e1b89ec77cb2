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
WORKERS := 2
PYTEST := -m pytest --numprocesses $(WORKERS) --dist worksteal

DATA ?= $(SOFTLOSS_DATA)

.PHONY: demo test test-portable test-oldest test-stranger coverage stress mutants lint types \
	docs docs-look bench bench-smoke benchmarks clean

demo: $(SHOWABLE)
	$(BIN)/python examples/quickstart.py

test: lint types
	SCIPY_ARRAY_API=1 $(BIN)/python $(PYTEST)

# What another machine would compute: the plainest kernels of this processor, on one thread. Of each
# test the first case and a third of the others; CASES= runs all.
CASES ?= --one-in 3
PLAINLY := ATEN_CPU_CAPABILITY=default MKL_CBWR=COMPATIBLE OMP_NUM_THREADS=1 SCIPY_ARRAY_API=1
# Tests of the project's own text and figures, which look the same to every version and processor.
OF_TEXT := $(foreach name,architecture docstrings gallery notebook packaging typing,--ignore=tests/test_$(name).py)

# The same tests at the oldest versions that pyproject.toml promises, computed plainly; the extra
# onnx asks for newer ones.
test-oldest: $(OLDEST)/installed
	$(PLAINLY) $(OLDEST)/bin/python $(PYTEST) $(CASES) $(OF_TEXT) --ignore=sklearn_softloss/export

# What is exported, computed plainly. TESTS= runs every test so, at the versions of today.
test-portable: TESTS := $(addprefix tests/test_export,.py _around.py _columns.py::test_tables_of_every_kind)
test-portable: $(INSTALLED)
	$(PLAINLY) $(BIN)/python $(PYTEST) $(CASES) $(TESTS)

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
	for name in step_profile memory threads metrics; do \
		$(BIN)/python examples/benchmarks/$$name.py --write || exit 1; done

# The tables on real data; DATA is the folder that holds it.
ON_DATA := splits decisions calibration annotators semi_supervised label_distributions \
	label_distributions_shuffled multilabel hard_labels text tables columns defaults regression \
	serving searches data_parallel many_labels

benchmarks: bench
	for name in $(ON_DATA); do \
		$(BIN)/python examples/benchmarks/$$name.py --data $(DATA) --write || exit 1; done

bench-smoke: $(INSTALLED)
	$(BIN)/python examples/benchmarks/smoke.py

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

types: $(INSTALLED)
	$(BIN)/mypy

# Packages are installed by uv, in a fifth of pip's time, and where it cannot, by pip. It does not
# read pip's settings, which may name wheels on disk.
WHEELS = $(or $(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2> /dev/null))
CONSTRAINTS := constraints.txt

define install
	test -x $(@D)/bin/uv || { $(PYTHON) -m venv $(@D) && \
		$(@D)/bin/python -m pip install --quiet --constraint constraints.txt uv; }
	UV_FIND_LINKS="$(WHEELS)" $(@D)/bin/uv pip install --quiet --python $(@D)/bin/python \
		--constraint $(CONSTRAINTS) $(PACKAGES) || \
		$(@D)/bin/python -m pip install --quiet --constraint $(CONSTRAINTS) $(PACKAGES)
	touch $@
endef

$(SHOWABLE): PACKAGES := --editable ".[plots]"
$(SHOWABLE): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python >= 3.11 is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(install)

$(INSTALLED): PACKAGES := --editable ".[onnx,plots,test]"
$(INSTALLED): $(SHOWABLE)
	$(install)

$(DOCS_INSTALLED): PACKAGES := --editable ".[docs]"
$(DOCS_INSTALLED): $(INSTALLED)
	$(install)

$(OLDEST)/installed: PACKAGES := --editable ".[plots,test]"
$(OLDEST)/installed: CONSTRAINTS := constraints-oldest.txt
$(OLDEST)/installed: pyproject.toml constraints-oldest.txt
	$(install)

$(STRANGER)/installed: PACKAGES := numpy onnxruntime
$(STRANGER)/installed: constraints.txt
	$(install)

clean:
	rm -rf .venv .venv-* build *.egg-info .pytest_cache .mypy_cache .ruff_cache examples/output
	rm -rf docs/_build docs/auto_examples docs/generated
