# `make help` tells what there is. Nothing but make and Python 3.11 or newer must be installed.

SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?=
BOOTSTRAP := sh tools/bootstrap.sh
BIN := .venv/bin

.PHONY: help run test soak check bench fuzz growth tour format lock clean setup setup-dev

help: ## Show this list.
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: setup ## Start Kontinuum on http://127.0.0.1:8000; Ctrl-C stops it.
	@exec $(BIN)/kontinuum serve

test: setup-dev ## Run the whole test suite. ARGS="tests/unit -k name" for a part of it.
	@chromium=$$($(BIN)/python tools/bootstrap_chromium.py) || exit 1; \
	KONTINUUM_TEST_CHROMIUM=$$chromium exec $(BIN)/python -m pytest -n auto $(ARGS)

soak: setup-dev ## Let twenty people work at once for five minutes, and compare each page they see.
	@chromium=$$($(BIN)/python tools/bootstrap_chromium.py) || exit 1; \
	KONTINUUM_TEST_CHROMIUM=$$chromium KONTINUUM_TEST_SOAK=300 exec $(BIN)/python -m pytest -n0 -s tests/browser/test_sessions_apart.py

check: setup-dev ## Check format, lint, types, layers, migrations, translations and docs.
	@$(BIN)/python tools/check_all.py

fuzz: setup-dev ## Ask a living server what nobody would ask, for minutes (ARGS="--minutes 30").
	@$(BIN)/python -m bench.fuzz $(ARGS)

growth: setup-dev ## Measure how answers change from 1,000 to 100,000 patients (ARGS="build --folder DIR").
	@$(BIN)/python -m bench.growth $(ARGS)

bench: setup-dev ## Measure import, create, read, search and chart page beside their limits.
	@$(BIN)/python -m bench $(ARGS)

tour: setup-dev ## Walk through days of work in the demo and write the pictures of docs/tour.
	@chromium=$$($(BIN)/python tools/bootstrap_chromium.py) || exit 1; \
	KONTINUUM_TEST_CHROMIUM=$$chromium $(BIN)/python -m bench.tour $(ARGS)

format: setup-dev ## Format the code and apply the lint's safe corrections.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: setup-dev ## Choose and pin the dependencies anew (needs `uv` on the path).
	@$(BIN)/python tools/bootstrap_lock.py

clean: ## Remove .venv, caches and build results. The record in var/ stays.
	@rm -rf .venv .venv.lock build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -path ./var -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@PYTHON="$(PYTHON)" $(BOOTSTRAP) run

setup-dev:
	@PYTHON="$(PYTHON)" $(BOOTSTRAP) dev
