# Everything a person or CI needs; each target says what it does and what it lacks.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
.PHONY: help install install-dev install-docs run test test-fast chaos attack fuzz bench-quick bench bench-full bench-shared lint types kafka jars-lock sbom release rehearsal collector client-types docs picture pins clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

$(VENV)/.python-ok:
	@command -v $(PYTHON) >/dev/null || { echo "make: python3 (3.11 or newer) is needed and was not found; set PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Set PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "make: Python's venv module is needed (on Debian: the package python3-venv)" >&2; exit 1; }
	@echo "==> making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run-ok: $(VENV)/.python-ok requirements/run.txt pyproject.toml schemas/pyproject.toml schemas/VERSION
	@echo "==> installing the pinned packages"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e schemas -e .
	@touch $@

# Python's own pip is as old as that Python, and takes nearly twice as long to choose among the files of so many packages.
$(VENV)/.dev-ok: $(VENV)/.run-ok requirements/pip.txt requirements/dev.txt
	@echo "==> installing the pinned development packages"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/pip.txt
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

install: $(VENV)/.run-ok ## .venv with the command `receiver` in it
install-dev: $(VENV)/.dev-ok ## the same, with everything the tests need

run: install ## the receiver with a simulated provider, until Ctrl-C; needs only Python 3.11+
	@exec $(BIN)/receiver dev --simulate

# Most of what takes long waits: for a process to start, to be given up, to be back. Six workers fill two cores.
WORKERS ?= 6
# The broker needs Java 17+, and its jars come through Maven; what of these is missing, kafka_local.py brings as wheels.
test: install-dev ## all tests, with a real Kafka broker; needs only Python 3.11+, uses Java 17+ and Maven where they are
	@$(BIN)/python deploy/kafka-local/kafka_local.py require
	@echo "==> running the tests"
	@FUZZ_CPU_S=60 $(BIN)/pytest -q -n $(WORKERS)

test-fast: install-dev ## the tests that need neither a broker, nor the whole service, nor a browser or compilers; two or three minutes
	@echo "==> running the tests without a broker"
	@$(BIN)/pytest -q -n $(WORKERS) -m "not kafka and not service and not tools"

MINUTES ?= 5
ENGINE ?= sqlite
CHAOS_sqlite := tests.chaos
CHAOS_postgres := tests.chaos.shared
chaos: install-dev ## load, faults, verdict: MINUTES=30 SEED=7 ARGS="--brokers 1"; uses a C compiler; ENGINE=postgres: several
	@$(BIN)/python -X utf8 -m $(CHAOS_$(ENGINE)) --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(ARGS)

fuzz: install-dev ## foreign bytes to the listener and every reader: MINUTES=30; what fails joins tests/fuzz/corpus
	@FUZZ_KEEP=1 FUZZ_CPU_S=$$(($(MINUTES) * 60)) $(BIN)/pytest -q tests/fuzz --timeout 0

attack: install-dev ## hostile callers beside honest ones, 3 minutes, each stops by itself: ARGS="--only churn --addresses 20"
	@$(BIN)/python -X utf8 -m tests.attack $(ARGS)

$(VENV)/.bench-ok: $(VENV)/.dev-ok requirements/bench.txt
	@echo "==> installing the pinned packages for plots"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

bench-quick: install-dev ## ours beside a bare server and others, as ratios, 3 minutes; needs a C compiler
	@$(BIN)/python -X utf8 -m tests.benchmarks quick $(ARGS)

bench: $(VENV)/.bench-ok ## the same, five rounds, with Bento where Go is, rates, plots and RESULTS.md; 20 minutes
	@$(BIN)/python -X utf8 -m tests.benchmarks bench --write $(ARGS)

bench-full: $(VENV)/.bench-ok ## the same, and journals of up to ten million callbacks; 40 minutes, and 45 GB of disk
	@$(BIN)/python -X utf8 -m tests.benchmarks full --write $(ARGS)

bench-shared: install-dev ## a journal in PostgreSQL beside one in a folder: processes, slots, a replica, take-overs, histories; 40 minutes
	@$(BIN)/python -X utf8 -m tests.benchmarks.shared $(ARGS)

lint: install-dev ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: install-dev ## mypy, strict
	@$(BIN)/mypy

kafka: install ## a real single-node Apache Kafka on 127.0.0.1:9092, until Ctrl-C; needs only Python 3.11+
	@exec $(BIN)/python deploy/kafka-local/kafka_local.py run

jars-lock: install ## deploy/kafka-local/jars.lock anew, after a change of its pom.xml (needs Maven)
	@$(BIN)/python deploy/kafka-local/kafka_local.py lock

sbom: install-dev ## dist/sbom.cdx.json: what is installed with the receiver, CycloneDX, from the pins
	@$(BIN)/python deploy/sbom/sbom.py requirements/run.txt dist/sbom.cdx.json

release: install-dev ## tested, into dist/: wheels, sdists, chart, image, SBOM, notes, SHA256SUMS; uploads nothing; IMAGE_ARGS="..."
	@$(BIN)/python deploy/release/release.py check
	@$(MAKE) --no-print-directory test
	@$(BIN)/python deploy/release/release.py make dist

rehearsal: install-dev ## what a release of this commit would be, untested, into dist/rehearsal: under a version that is none
	@$(BIN)/python deploy/release/release.py rehearse dist/rehearsal

# Go takes minutes for it. Where it is not, the test that wants it says so, and CI builds none.
COLLECTOR := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/receiver-tests/otelcol
collector: ## a real OpenTelemetry collector for the test that wants one, minutes; needs Go
	@mkdir -p $(COLLECTOR)
	@GOBIN=$(COLLECTOR) go install go.opentelemetry.io/collector/cmd/builder@v0.165.0
	@cp tests/trace/otelcol.yaml $(COLLECTOR)/ && cd $(COLLECTOR) && ./builder --config otelcol.yaml

client-types: install ## schemas/types anew, after a change of what is published; needs Node.js 20+ and Go
	@$(BIN)/python -m exchange_events.publish
	@$(BIN)/python schemas/types/make_types.py

$(VENV)/.docs-ok: $(VENV)/.dev-ok requirements/docs.txt
	@echo "==> installing the pinned packages for the site"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@

install-docs: $(VENV)/.docs-ok ## the same, with what builds the site

docs: $(VENV)/.docs-ok ## dist/site: the documents as a site, after what of them is made from the code
	@PYTHONPATH=. $(BIN)/python deploy/pages/pages.py
	@$(BIN)/zensical build --clean --strict

picture: install-dev ## docs/operate/console.png, taken anew from a simulated run; needs Chromium
	@$(BIN)/python deploy/pages/picture.py

pins: ## compile requirements/*.txt anew from the ranges (needs uv)
	cd requirements && uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --no-emit-package exchange-events -q --upgrade --extra console ../pyproject.toml build.in -o run.txt
	cd requirements && uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --no-emit-package exchange-events -q --upgrade --extra console ../pyproject.toml dev.in -c run.txt -o dev.txt
	cd requirements && uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --no-emit-package exchange-events -q --upgrade --extra console --extra otel --extra postgres ../pyproject.toml build.in -c dev.txt -o image.txt
	cd requirements && uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --no-emit-package exchange-events -q --upgrade bench.in -c dev.txt -o bench.txt
	cd requirements && uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --no-emit-package exchange-events -q --upgrade docs.in -c dev.txt -o docs.txt
	cd requirements && uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --no-emit-package exchange-events -q --upgrade java.in -c dev.txt -o java.txt
	cd requirements && uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --no-emit-package exchange-events -q --upgrade maven.in -c dev.txt -o maven.txt
	cd requirements && uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --no-emit-package exchange-events -q --upgrade pip.in -o pip.txt

clean: ## remove .venv and caches; var/ (the journal) stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
