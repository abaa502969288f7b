# Every target creates what it needs; on a fresh machine start anywhere.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
BACKENDS := tensorflow jax torch
export TF_CPP_MIN_LOG_LEVEL := 3
# The generator needs keras for its version of the package only.
GENERATOR := KERAS_BACKEND=numpy $(PY) -m keras_stablef.generator

.PHONY: help generate check test demo bench weigh calibrate clean
help: ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## / - /'

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	# torch first and pinned: an open range takes CUDA packages.
	$(PY) -m pip install -q -c constraints.txt torch
	$(PY) -m pip install -q -c constraints.txt \
	    -e ".[generator,tensorflow,jax,torch,demo,dev]"
	touch $@

generate: $(STAMP) ## render the catalogue; DTYPES="tf32" FORMATS=examples/tf32.toml: for those
	$(GENERATOR).cli all $(if $(DTYPES),--dtypes $(DTYPES)) \
	    $(if $(FORMATS),--formats "$(FORMATS)")

check: $(STAMP) ## generated files up to date, every claim derived again, ruff, mypy
	$(GENERATOR).cli check --fresh
	$(GENERATOR).checker
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

test: $(STAMP) ## all tests, one process for each backend
	@failed=; for backend in $(BACKENDS); do \
	    echo "== $$backend"; \
	    KERAS_BACKEND=$$backend $(PY) -m pytest || failed="$$failed $$backend"; \
	done; \
	if [ -n "$$failed" ]; then echo "failed:$$failed"; exit 1; fi

demo: $(STAMP) ## the question, reproduced and cured: tables and plots in out/
	$(PY) -m examples.question --backend all

bench: $(STAMP) ## speed against the single where and sigmoid, as ratios
	$(PY) benchmarks/speed.py

weigh: $(STAMP) ## measure what operations cost, for the planner
	$(PY) benchmarks/operations.py

# BACKEND=torch: only that one.  FRESH=1: also where a table is current.
calibrate: $(STAMP) ## measure the backends' elementary functions
	$(GENERATOR).calibration $(if $(BACKEND),--backend $(BACKEND)) \
	    $(if $(FRESH),--fresh)

clean: ## everything that can be made again
	rm -rf $(VENV) build dist out *.egg-info .*_cache
