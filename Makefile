# Every target creates what it needs; on a fresh machine start anywhere.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# The longest first, two run at a time; what does not depend on the backend
# is marked `once` and a group of its own.
GROUPS := torch jax tensorflow tensorflow-once
export TF_CPP_MIN_LOG_LEVEL := 3
# The generator needs keras for its version of the package only.
GENERATOR := KERAS_BACKEND=numpy $(PY) -m keras_stablef.generator

.PHONY: help generate check test test-all demo bench costs weigh calibrate certify
.PHONY: gpu gpu-wheels docs clean
help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## / - /'

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	# torch first and pinned: an open range takes CUDA packages.
	$(PY) -m pip install -q -c constraints.txt torch
	$(PY) -m pip install -q -c constraints.txt \
	    -e ".[generator,tensorflow,jax,torch,export,demo,docs,dev]"
	touch $@

generate: $(STAMP) ## render the catalogue; DTYPES="tf32" FORMATS=examples/tf32.toml: for those
	$(GENERATOR).cli all $(if $(DTYPES),--dtypes $(DTYPES)) \
	    $(if $(FORMATS),--formats "$(FORMATS)")

# FRESH=1: every plan derived anew, whatever generator/made_of.json says.
check: $(STAMP) ## generated files up to date, every claim derived again, ruff, mypy
	$(GENERATOR).cli check $(if $(FRESH),--fresh)
	$(GENERATOR).checker
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# Two processes at a time, each line marked with its group; TESTS="-k name"
# is handed to pytest, and a group may then have none (5).  What takes minutes
# is marked slow: `make test-all`.
TESTS ?=
MARKED = and not slow
test: $(STAMP) ## all tests of seconds, one process for each backend
	@echo $(GROUPS) | tr ' ' '\n' | xargs -P 2 -I@ sh -c ' \
	    group=@; backend=$${group%-once}; kind="not once"; \
	    [ $$backend = $$group ] || kind=once; \
	    (KERAS_BACKEND=$$backend PYTHONUNBUFFERED=1 $(PY) -m pytest \
	        -m "$$kind $(MARKED)" $(TESTS) 2>&1; code=$$?; \
	    [ $$code -eq 0 ] || [ $${code}$(if $(TESTS),,x) = 5 ] || \
	        touch .failed-@) | sed -u "s/^/@: /"'; \
	failed=$$(ls .failed-* 2>/dev/null | sed "s/.failed-//"); \
	rm -f .failed-*; \
	if [ -n "$$failed" ]; then echo "failed:" $$failed; exit 1; fi

test-all: MARKED =
test-all: test ## those of minutes too: the fuzz, every listed formula, examples

demo: $(STAMP) ## the question, reproduced and cured: tables and plots in out/
	$(PY) -m examples.question --backend all

bench: $(STAMP) ## time against textbook formulas, as ratios, into docs/performance.*
	$(PY) benchmarks/performance.py

costs: $(STAMP) ## the planner's costs beside measured times, as ranks
	KERAS_BACKEND=jax $(PY) benchmarks/costs.py

weigh: $(STAMP) ## measure what operations cost, for the planner
	$(PY) benchmarks/operations.py

# BACKEND=torch: only that one.  FRESH=1: also where a table is current.
calibrate: $(STAMP) ## measure the backends' elementary functions
	$(GENERATOR).calibration $(if $(BACKEND),--backend $(BACKEND)) \
	    $(if $(FRESH),--fresh)

# FUNCTIONS="stablef exprel", ORDERS="0 1", DTYPES=float32, BACKEND=torch,
# EXHAUSTIVE=1 (all 2**32 float32), QUICK=1.  A sweep that was killed goes on.
# SHARD=0/2 does half of it, RESULTS names its file; put the files together
# with `make certify DOCUMENT="a.jsonl b.jsonl"`.
RESULTS ?= out/certify.jsonl
certify: $(STAMP) ## every op against multiple precision, into docs/accuracy.md
	@code=0; $(if $(DOCUMENT),,$(GENERATOR).sweeps --results "$(RESULTS)" \
	    $(if $(FUNCTIONS),--functions $(FUNCTIONS)) \
	    $(if $(ORDERS),--orders $(ORDERS)) $(if $(DTYPES),--dtypes $(DTYPES)) \
	    $(foreach b,$(BACKEND),--backend $(b)) \
	    $(if $(SHARD),--shard $(SHARD)) $(if $(EXHAUSTIVE),--exhaustive) \
	    $(if $(QUICK),--quick) || code=$$?;) \
	if [ $$code -gt 1 ] || [ -n "$(SHARD)$(QUICK)" ]; then exit $$code; fi; \
	$(GENERATOR).sweeps --document $(or $(DOCUMENT),"$(RESULTS)") || code=$$?; \
	exit $$code

# Needs no network and no virtual environment: `make gpu PYTHON=python3` takes
# what is installed there, and what is missing from WHEELS.  GPU="--device cpu
# --quick" tries every stage on few numbers; SECONDS=340 is what all may take.
# By multiple precision, in hours: python -m keras_stablef.generator.sweeps
# --device gpu.
WHEELS ?= wheels
SECONDS ?= 340
GPU ?=
GPU_PYTHON := $(if $(filter file,$(origin PYTHON)),$(or $(wildcard $(PY)),$(PYTHON)),$(PYTHON))
ON_GPU := PYTHONPATH=$(CURDIR)/benchmarks:$$PYTHONPATH $(GPU_PYTHON) -m gpu
gpu: ## all that a CUDA device can change, in 6 minutes, into docs/gpu-DEVICE.md
	$(ON_GPU) --wheels "$(WHEELS)" --seconds $(SECONDS) $(GPU)

gpu-wheels: ## what a machine without a network may lack, into WHEELS
	$(ON_GPU) --download "$(WHEELS)"

docs: $(STAMP) ## the site of the documentation, every link followed, in out/docs/site
	KERAS_BACKEND=jax $(PY) docs/site/build.py

clean: ## everything that can be made again
	rm -rf $(VENV) build dist out *.egg-info .*_cache
