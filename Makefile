# Two commands matter: `make demo` shows the whole round trip, `make test` proves it.

.PHONY: help setup setup-test demo test torture check schemas locale rules lock shots
.DELETE_ON_ERROR:

VENV = .venv
STAMP = $(VENV)/.set-up
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
# A third worker: many tests wait for a server or a daemon.
PYTEST_ARGS ?= -n 3 --dist load

help:
	@echo "make demo     the whole round trip against the practice bank, in one minute"
	@echo "make test     all tests"
	@echo "make torture  the long form of tests/torture: kills, cuts, full disks, clocks; hours"
	@echo "make check    ruff, format, mypy, the bill of materials (build/sbom.json), the audit"
	@echo "make shots    screenshots of every page of the console, into build/shots/"
	@echo "make schemas  write schemas/*.xsd from their dictionary"
	@echo "make locale   bring the translations up to date with the code"
	@echo "make rules    write docs/rules.md from the rules"
	@echo "make lock     choose the newest versions of the dependencies"
	@echo "make setup    only what the others need"

setup: $(STAMP)
	@tools/packages.sh gpg=gnupg

setup-test: setup
	@tools/packages.sh sshd=openssh-server systemd-analyze=systemd xmllint=libxml2-utils strace=strace \
	  setpriv=util-linux /usr/lib/postgresql=postgresql chromium=chromium npm=npm
	@cd tests/console && [ node_modules/.package-lock.json -nt package-lock.json ] \
	  || npm ci --ignore-scripts --no-audit --no-fund --silent

$(STAMP): requirements.lock oracles.lock pyproject.toml tools/python.sh
	python=$$(tools/python.sh) && "$$python" -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --require-hashes --no-deps -r oracles.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	$(BIN)/h2h demo

test: setup-test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# Prints a table at its end: what was tried, survived, lost, doubled, in doubt.
torture: setup-test
	H2H_TORTURE=full $(BIN)/python -m pytest -n 2 --dist load --timeout 7200 tests/torture

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements --output-reproducible -o build/sbom.json requirements.lock
	$(BIN)/python tools/audit.py

schemas: setup
	$(BIN)/python schemas/generate.py

locale: setup
	$(BIN)/python tools/catalogue.py

# Look at them: build/shots/WORKSPACE/PAGE-THEME-WIDTH-LANGUAGE.png
shots: setup
	@tools/packages.sh chromium=chromium /usr/share/fonts/opentype/noto=fonts-noto-cjk
	$(BIN)/python tools/shots.py $(SHOTS)

rules: setup
	$(BIN)/python tools/rules.py

# Needs uv. Hashes of every file, and no index address: where packages come from is yours to say.
lock:
	uv pip compile pyproject.toml --all-extras --group dev --upgrade --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -o requirements.lock
	uv pip compile oracles.in --no-deps --upgrade --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -o oracles.lock
