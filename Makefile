# `make help` lists the targets. Needs make and Python 3.11 or newer, nothing else.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# Used where the machine has no uv of at least this version.
UV_VERSION := 0.13.9
DATASET ?= gowalla
SERVICE ?= backend-api
PROFILE_SECONDS ?= 30
DATASET_DIR ?=
FUZZ_CASES ?= 100
KILLS ?= 8
KILL_SEED ?=
TENANTS ?= 100
SECONDS ?= 60
RATE ?= 0.5
LOAD ?=
EVENTS ?=
EVALUATE ?=
BACKUP ?= backups/$(shell date -u +%Y%m%dT%H%M%S)
REPLACE ?=

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
UV := $(shell python="$(PYTHON)"; found=$$(uv --version 2>/dev/null | cut -d ' ' -f 2); \
	[ -n "$$found" ] && [ -n "$$python" ] && "$$python" -c 'import re, sys; \
	key = lambda v: [int(n) for n in re.findall(r"\d+", v)[:3]]; \
	sys.exit(key(sys.argv[1]) < key(sys.argv[2]))' "$$found" $(UV_VERSION) \
	&& echo uv || echo .uv/bin/uv)
RUN := .venv/bin/
# One process more than there are cores: tests of real processes wait a good deal.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
# Compiled once here, rather than by each process that starts.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE
unexport VIRTUAL_ENV
ifneq ($(DATASET_DIR),)
export DATASET_DIR
endif

SOURCES := backend-api/src ml-engine/src data-pipeline/src observability/src \
	packages/backends/src packages/client/src packages/contracts/src packages/launcher/src packages/stack/src packages/web/src

.PHONY: help setup run observe backup restore test test-slow lint audit types format docs evaluate bench-quality bench-serving bench-serving-cost bench-serving-guard bench-retrieval bench-training bench-ingest bench-load bench-faults bench-overhead profile-cpu profile-memory fuzz kill-test alert-test ci clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(filter .uv/bin/uv,$(UV)) ## Install the locked packages into .venv; quick when nothing changed
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found: install one, or set PYTHON to it" >&2; exit 1; }
	@$(UV) sync --locked --check --quiet 2>/dev/null || { \
		echo "Installing the locked packages into .venv"; \
		[ -x .venv/bin/python ] || $(UV) venv --quiet --python "$(PYTHON)" .venv; \
		$(UV) sync --locked; }

.uv/bin/uv:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found: install one, or set PYTHON to it" >&2; exit 1; }
	@echo "Installing uv $(UV_VERSION) into .uv"
	@"$(PYTHON)" -m venv .uv || { echo "$(PYTHON) cannot make virtual environments: install its venv module (python3-venv on Debian)" >&2; exit 1; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

run: setup ## Start the three services with sample data, a trained model and a demo key
	@exec $(RUN)python -m launcher

observe: setup ## The same, with the observability stack beside the services
	@exec $(RUN)python -m stack.programs

backup: setup ## Keep everything in the new folder BACKUP, while the services run
	@$(RUN)python -m launcher.backup save "$(BACKUP)"

restore: setup ## Bring everything back from the folder BACKUP, the services stopped; REPLACE=1 over data
	@$(RUN)python -m launcher.backup restore "$(BACKUP)" $(if $(REPLACE),--replace)

# Of the folders the quick tests come last, so that no core waits for a long file at the end.
test: setup ## Run all tests but the slow ones, on all cores
	$(RUN)python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# Half of them wait most of the time; those that measure have the machine to themselves.
test-slow: setup ## Run the slow tests, on all cores but for those that measure; DATASET_DIR names the real data
	$(RUN)python -m pytest -m "slow and not measuring" -n $(WORKERS) --dist loadfile --no-loadscope-reorder -rs
	$(RUN)python -m pytest -m measuring -rs

lint: setup ## Check style, import rules, dead code, Dockerfiles, and generated files
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)lint-imports
	$(RUN)vulture $(SOURCES) --min-confidence 80
	$(RUN)python -m instrumentation.documentation --check
	$(RUN)python -m backend_api.http.error_reference --check
	$(RUN)python -m stack.slo --check
	$(RUN)python -m stack.dashboards --check
	$(RUN)hadolint */Dockerfile packages/*/Dockerfile

audit: setup ## Look for known vulnerabilities of the locked packages; needs the network
	@.ci/audit "$(UV)"

types: setup ## Check the types
	$(RUN)pyright

format: setup ## Format the code and mend what can be mended
	$(RUN)ruff check --fix .
	$(RUN)ruff format .

docs: setup ## Generate the generated files again: metrics, errors, objectives, dashboards, OpenAPI
	$(RUN)python -m instrumentation.documentation
	$(RUN)python -m backend_api.http.error_reference
	$(RUN)python -m stack.slo
	$(RUN)python -m stack.dashboards
	$(RUN)python -m tests.contract.regenerate

evaluate: setup ## Train on the file EVENTS (CSV, JSONL, Parquet) and tell how good the models are; EVALUATE for options
	@$(RUN)python -m ml_engine.evaluate events "$(EVENTS)" $(EVALUATE)

bench-quality: setup ## Measure recommendation quality on DATASET (gowalla or ml-1m)
	$(RUN)python -m benchmarks.quality --dataset $(DATASET)

bench-serving: setup ## Measure throughput and latency of serving
	$(RUN)python -m benchmarks.serving

bench-serving-cost: setup ## Measure what a recommendation costs by users at once and by items
	$(RUN)python -m benchmarks.serving.cost

bench-serving-guard: setup ## Print a recommendation's calls, memory and CPU beside the last landed ones
	$(RUN)python -m benchmarks.serving.guard

bench-retrieval: setup ## Measure retrieval: by option, against bare FAISS, and over a million vectors
	$(RUN)python -m benchmarks.retrieval

bench-training: setup ## Measure the time and memory of fits, and ALS against the implicit library
	$(RUN)python -m benchmarks.training

bench-ingest: setup ## Measure how fast events are taken in, from files, HTTP and Kafka
	$(RUN)python -m benchmarks.ingest

bench-load: setup ## Send running services the traffic of TENANTS for SECONDS at RATE, a share of their capacity
	$(RUN)python -m benchmarks.load --tenants $(TENANTS) --seconds $(SECONDS) --rate $(RATE) $(LOAD)

bench-faults: setup ## Kill the containers of a running docker compose in turns, and under load; FAULTS holds its options
	$(RUN)python -m benchmarks.faults $(FAULTS)

bench-overhead: setup ## Measure what metrics, spans and log lines cost a request
	$(RUN)python -m benchmarks.overhead

profile-cpu: setup ## Draw where the running SERVICE spends its CPU time in the next PROFILE_SECONDS
	$(RUN)python -m launcher.profiling cpu $(SERVICE) --seconds $(PROFILE_SECONDS)

profile-memory: setup ## Run SERVICE by itself on its data for PROFILE_SECONDS, and draw what it holds
	$(RUN)python -m launcher.profiling memory $(SERVICE) --seconds $(PROFILE_SECONDS)

fuzz: setup ## Send FUZZ_CASES odd requests (default 100) to each operation of all three APIs
	FUZZ_CASES=$(FUZZ_CASES) $(RUN)python -m pytest -s tests/contract/test_fuzzing.py

kill-test: setup ## Kill the pipeline and Kafka KILLS times (default 8) for each source, and training, and take away what they stand on
	KILLS=$(KILLS) TRAINING_KILLS=$(KILLS) KILL_SEED=$(KILL_SEED) $(RUN)python -m pytest -s -m slow \
		tests/integration/data_pipeline/test_kill_http.py \
		tests/integration/data_pipeline/test_kill_imports.py \
		tests/integration/data_pipeline/test_kill_kafka.py \
		tests/integration/ml_engine/test_kill_training.py \
		tests/integration/data_pipeline/test_outages.py

alert-test: setup ## Make real faults, and see the alerts raised, told and over; STACK_BIN names the programs' folder
	ALERT_TEST=1 $(RUN)python -m pytest -s -m slow tests/stack/test_alerts_for_real.py

ci: ## Run what continuous integration runs
	.ci/run

clean: ## Remove the data of `make run` and the caches, not the packages
	rm -rf .data .pytest_cache .ruff_cache .hypothesis .schemathesis .import_linter_cache
