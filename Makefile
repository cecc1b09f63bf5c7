# The commands people type. `make help` lists them; each sets up what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash -o pipefail
PYTHON ?= python3
VENV := .venv
ENGINES := .venv-engines
JARS := .jars

.PHONY: help setup lock check test demo bench clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed $(ENGINES)/.installed $(JARS)/.installed ## install everything below this folder: two Python environments and the engines' jars

$(VENV)/.uv: requirements/installer.txt
	@local/prerequisites.sh $(PYTHON)
	@echo "setup: creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --require-hashes -r requirements/installer.txt
	@touch $@

$(VENV)/.installed: $(VENV)/.uv requirements.txt pyproject.toml
	@echo "setup: installing the application into $(VENV)"
	@$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --require-hashes -r requirements.txt
	@$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --no-deps --editable .
	@touch $@

$(ENGINES)/.installed: $(VENV)/.uv requirements/engines.txt
	@echo "setup: installing Flink and Spark into $(ENGINES) (about a minute)"
	@$(PYTHON) -m venv $(ENGINES)
	@$(VENV)/bin/uv pip install --quiet --python $(ENGINES)/bin/python --require-hashes -r requirements/engines.txt
	@touch $@

$(JARS)/.installed: $(VENV)/.uv local/kafka/pom.xml flink_src/pom.xml
	@echo "setup: fetching the Kafka broker and Flink's connector into $(JARS)"
	@mvn --quiet --batch-mode -f local/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(JARS)/kafka
	@mvn --quiet --batch-mode -f flink_src/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(JARS)/flink
	@touch $@

lock: $(VENV)/.uv ## pin the requirements anew, with hashes
	@for set in app:requirements.txt engines:requirements/engines.txt installer:requirements/installer.txt; do \
	  $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate --python-version 3.11 \
	    --custom-compile-command "make lock" requirements/$${set%%:*}.in -o $${set##*:}; done

check: $(VENV)/.installed ## ruff and mypy
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

test: setup check ## all checks and tests
	@$(VENV)/bin/pytest

demo: setup ## the whole system on this machine, from transactions to decisions
	@$(VENV)/bin/fraud demo --out out/demo

bench: setup ## measure; writes benchmarks/out/*.json
	@$(VENV)/bin/python -m benchmarks.run

clean: ## remove everything set up or written below this folder
	rm -rf $(VENV) $(ENGINES) $(JARS) out benchmarks/out .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
