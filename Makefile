# `make` lists the targets. Each one first sets up what it needs in .venv.
#   PYTHON=python3.12 make install     another Python (3.10 to 3.13)
#   RUN=runs/mine make train           another run folder
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.SUFFIXES:
export PIP_DISABLE_PIP_VERSION_CHECK := 1

BIN := .venv/bin
STAMP := .venv/.installed
pin = $(shell sed -n 's/^$(1)==\([^ ;]*\).*/\1/p' $(or $(2),constraints.txt))
# CUDA work was done and measured with the torch of constraints-gpu.txt, whose wheel on PyPI brings CUDA libraries of
# its own versions. So on a machine with a GPU that file stands in for the lines on torch and CUDA in constraints.txt.
GPU := $(shell command -v nvidia-smi)
TORCH := $(call pin,torch,$(if $(GPU),constraints-gpu.txt))
PINS := $(if $(GPU),.venv/constraints.txt,constraints.txt)
CPU_INDEX := https://download.pytorch.org/whl/cpu

# An existing .venv keeps its Python. Naming another one in PYTHON makes a new .venv.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell $(BIN)/python -c 'import pip' 2>/dev/null && echo $(BIN)/python || echo python3)
else ifneq ($(shell { $(PYTHON) -V || echo none; } 2>/dev/null),$(shell { $(BIN)/python -V || true; } 2>/dev/null))
.PHONY: $(STAMP)
endif

ifndef RUN
RUN := runs/tiny-$(shell date +%Y%m%d-%H%M%S)
endif

.PHONY: help install train test lab gpu lint refresh-notebooks site lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

install: $(STAMP) ## set up .venv with pinned packages (about 90 s, and the download of torch)

$(STAMP): pyproject.toml constraints.txt constraints-gpu.txt
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no $(PYTHON) here: run 'apt-get install python3 python3-venv', \
	or name a Python 3.10 to 3.13, as in 'PYTHON=python3.12 make install'." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	    echo "$(PYTHON) is $$("$(PYTHON)" -V 2>&1), but 3.10 to 3.13 is needed: name another one, \
	as in 'PYTHON=python3.12 make install'." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments: run 'apt-get install $(notdir $(PYTHON))-venv', \
	then this again." >&2; exit 1; }
	@if ! $(BIN)/python -c 'import pip' 2>/dev/null || [ "$$($(BIN)/python -V)" != "$$("$(PYTHON)" -V)" ]; then \
	    echo "Making .venv with $$("$(PYTHON)" -V)"; "$(PYTHON)" -m venv --clear .venv; \
	fi
	@$(if $(GPU),grep -vE '^(setuptools|torch|triton|nvidia-|cuda-)' constraints.txt | cat - constraints-gpu.txt > $(PINS))
	@if [ "$$($(BIN)/python -c 'from importlib.metadata import version; print(version("torch"))' 2>/dev/null \
	    | cut -d + -f 1)" = "$(TORCH)" ]; then \
	    echo "torch $(TORCH) is there"; \
	elif [ -z "$(GPU)" ] && echo "Installing torch $(TORCH) for the CPU" && \
	    $(BIN)/python -m pip install --no-deps --retries 0 --timeout 15 --index-url $(CPU_INDEX) \
	    torch==$(TORCH) 2>/dev/null; then :; \
	else \
	    [ -n "$(GPU)" ] || echo "No torch $(TORCH) from $(CPU_INDEX): taking it from the usual index \
	(the same results, but gigabytes more)"; \
	    $(BIN)/python -m pip install -c $(PINS) torch==$(TORCH); \
	fi
	@echo "Installing the other packages (about a minute)"
	@$(BIN)/python -m pip install -q -c $(PINS) -e '.[test,docs]'
	@touch $@

# One thread: in steps as small as these, two wait for each other longer than they compute. The filter takes
# out what the notebook's kernel says to itself on starting and stopping.
train: $(STAMP) ## train on the shipped scenes: notebooks/05_training.ipynb into runs/tiny-<date-time>
	@mkdir -p "$(RUN)"
	@OMP_NUM_THREADS=1 $(BIN)/python -m papermill notebooks/05_training.ipynb "$(RUN)/05_training.ipynb" --cwd notebooks \
	    -r output_dir "$$(realpath "$(RUN)")" -p recipe tiny \
	    --log-level WARNING --no-progress-bar --stdout-file - --stderr-file - 2> >(grep -v '^\[IPKernelApp\]' >&2)
	@echo "Run folder: $(RUN)"

# One thread in each process: two that share the cores wait for each other more than they compute. A process takes
# whole files, in order; tests/conftest.py puts those with slow tests first, and 05 is the slowest notebook, so that the
# last minutes do not belong to one process alone.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses=4 --dist loadfile --no-loadscope-reorder
NOTEBOOKS = notebooks/05_training.ipynb $(filter-out %/05_training.ipynb,$(wildcard notebooks/*.ipynb)) notebooks/solutions

test: lint ## all checks: lint, tests with coverage, notebooks against their committed outputs
	$(PYTEST) --cov --cov-report=term
	$(PYTEST) --nbval $(NOTEBOOKS) --nbval-cell-timeout=1200

lint: $(STAMP) ## ruff over code and notebooks, basedpyright over the package
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python

lab: $(STAMP) ## open JupyterLab on the notebooks (this machine only, with a token)
	$(BIN)/python -m jupyterlab --ServerApp.root_dir=notebooks --ServerApp.ip=127.0.0.1 $(LAB_ARGS)

# --no-cache-dir: pip's cache holds the wheel without the extension, which has the same name.
gpu: $(STAMP) ## on a GPU machine: compile WarpConvNet's CUDA extension for the installed torch (minutes)
	@stop() { echo "$$1" >&2; exit 1; }; \
	cuda=$$($(BIN)/python -c 'import torch; print(torch.version.cuda or "")'); \
	[ -n "$$cuda" ] || stop "The torch in .venv is a CPU build: on a machine with a GPU and its driver (nvidia-smi), \
	run 'make clean gpu'."; \
	command -v nvcc >/dev/null || stop "nvcc is missing: install the CUDA toolkit $$cuda and put its bin folder on PATH."; \
	nvcc=$$(nvcc --version | sed -n 's/.*release \([0-9.]*\).*/\1/p'); \
	[ "$${nvcc%%.*}" = "$${cuda%%.*}" ] || stop "nvcc is of CUDA $$nvcc, but torch was built for CUDA $$cuda: install the \
	CUDA toolkit $$cuda and put its bin folder first on PATH."; \
	command -v g++ >/dev/null || stop "g++ is missing: run 'apt-get install g++'."; \
	[ -e "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] || stop "Python.h is \
	missing: run 'apt-get install python3-dev' (python3.12-dev for python3.12, and so on)."
	$(BIN)/python -m pip install -q -c $(PINS) setuptools 'setuptools-scm<10' wheel pybind11 ninja build
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install --no-cache-dir --no-build-isolation \
	    --no-binary warpconvnet --force-reinstall --no-deps warpconvnet==$(call pin,warpconvnet)
	$(BIN)/python -m mf3d_tutorial.check_env

refresh-notebooks: $(STAMP) ## run all notebooks again and keep their outputs (minutes)
	$(BIN)/python -m tests.tools.refresh_notebooks

site: $(STAMP) ## build the book in site/, which opens without a server (a minute or two)
	$(BIN)/python -m tests.tools.book.build

lock: ## write constraints.txt anew from pyproject.toml (LOCK_ARGS=--upgrade for newer versions, TORCH=x.y.z)
	@tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	echo "torch==$(if $(findstring command,$(origin TORCH)),$(TORCH),$(call pin,torch))" > "$$tmp/torch.txt"; \
	"$(PYTHON)" -m venv "$$tmp/uv"; "$$tmp/uv/bin/python" -m pip install -q uv; \
	"$$tmp/uv/bin/uv" pip compile -q --universal -p 3.10 --all-extras pyproject.toml -c "$$tmp/torch.txt" \
	    -o constraints.txt --no-annotate --no-header --index-strategy unsafe-best-match $(LOCK_ARGS)

clean: ## delete .venv and caches; runs/ stays
	rm -rf .venv .pytest_cache .ruff_cache .coverage .coverage.* build *.egg-info
	find . \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
