# One command habit, for people, agents and CI alike. `make help` lists the targets.
# Needs make, git and Python >= 3.11; everything else goes into .venv, from requirements.lock.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check golden bench bundle lock clean setup

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp

# The first interpreter that is new enough and can make an environment; say `make PYTHON=...` to choose another.
NAMES := python3 python3.14 python3.13 python3.12 python3.11
PYTHON ?= $(shell for name in $(NAMES); do \
	"$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)

# What runs side by side (each test has files of its own), and what measures time or starts processes: alone.
FAST := $(wildcard $(addprefix tests/,architecture contract golden laws unit))
SLOW := $(wildcard $(addprefix tests/,compat journeys e2e faults))
T ?=
ARGS ?=

help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(STAMP) ## a running workspace: sources, local destinations, events through the MCP server, a journey
	@$(BIN)/turnout demo

test: $(STAMP) ## the whole suite; T=tests/unit for a part, ARGS="-k word -x" for pytest's own options
ifneq ($(T),)
	@$(BIN)/pytest $(ARGS) $(T)
else
	@$(BIN)/pytest -n 2 $(ARGS) $(FAST)
ifneq ($(SLOW),)
	@$(BIN)/pytest -n 2 --dist loadfile $(ARGS) $(SLOW)
endif
endif

check: $(STAMP) ## format, lint, types, architecture
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy server/turnout tests $(wildcard examples/*.py)
	@$(BIN)/pytest -q tests/architecture

golden: $(STAMP) ## write the golden files again and show what changed
	@$(BIN)/pytest -q -n 2 --write-golden $$(grep -rlwE --include='test_*.py' 'golden|write_golden' tests)
	@git --no-pager diff --stat -- tests/golden server/README.md manifests
	@git --no-pager diff -- tests/golden server/README.md manifests
	@git ls-files --others --exclude-standard -- tests/golden

bench: $(STAMP) ## the ratios, measured side by side in one run
	@PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

bundle: $(STAMP) ## the MCPB bundle, for hosts that install servers from one file: build/turnout-VERSION.mcpb
	@version=$$($(BIN)/turnout --version) && target="build/turnout-$${version#turnout }.mcpb" && \
	$(BIN)/python manifests/clients/mcpb/build.py "$$target" && echo "$$target"

setup: $(STAMP) ## only make the environment

$(STAMP): requirements.lock pyproject.toml
	@[ -n "$(PYTHON)" ] || { for name in $(NAMES); do \
	    "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { \
	      echo "$$name has no venv or ensurepip. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }; done; \
	  echo "Turnout needs Python 3.11 or newer; found: $$(python3 --version 2>&1 || true)." \
	    "Install one, or say where it is: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Turnout needs Python 3.11 or newer; $(PYTHON) is: $$("$(PYTHON)" --version 2>&1 || true)" >&2; exit 1; }
	@[ -x $(BIN)/python ] || "$(PYTHON)" -m venv $(VENV) || \
	  { echo "No environment could be made. On Debian and Ubuntu: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@echo "Installing into $(VENV) ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Keeps the pins that still fit; UPGRADE=1 takes the newest of everything. A name with no address stands in the file.
lock: ## write requirements.lock again from pyproject.toml; UPGRADE=1 for the newest
	@[ -n "$(PYTHON)" ] || { echo "Turnout needs Python 3.11 or newer." >&2; exit 1; }
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	"$(PYTHON)" -m venv "$$folder" && "$$folder/bin/pip" install --quiet --disable-pip-version-check 'uv>=0.9' && \
	UV_CUSTOM_COMPILE_COMMAND="make lock" "$$folder/bin/uv" pip compile --quiet $(if $(UPGRADE),--upgrade) --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --extra test --extra check \
	  --output-file requirements.lock pyproject.toml >/dev/null
	@! grep -nE '://|--(extra-)?index-url|--find-links|--trusted-host| @ ' requirements.lock

clean: ## remove the environment, caches and builds
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	@find server tests examples -name __pycache__ -type d -prune -exec rm -rf {} +
