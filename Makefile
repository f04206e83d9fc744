# Two commands do everything on a machine with Python 3.11 to 3.13, git and make:
#   make demo   install, start a simulated shop with faults, check it, print the report
#   make test   install, then every linter and test that this machine can run
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint tests docs bench soak peers dist constraints clean install

# pyenv leaves shims on PATH that do not run: each candidate is tried
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
WORKERS ?= auto
CODE := supportctl probes integrations resend playbooks
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help:  ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

install: .venv/installed  ## set up .venv with the pinned dependencies

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "supportctl needs Python 3.11, 3.12 or 3.13; none is on PATH. Name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "This Python cannot make environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

.venv/dependencies: constraints.txt | .venv/bin/python
	@echo "Installing the pinned dependencies into .venv ..."
	@$(PIP) --require-hashes --only-binary :all: --no-binary pyshtrih,unilog,comagic-data-api-sdk -r constraints.txt
	@touch $@

.venv/installed: pyproject.toml .venv/dependencies
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

demo: install  ## start a simulated shop with faults, check it, print the report
	@$(BIN)/python tools/demo.py

test: lint tests  ## everything that this machine can run: linters, then tests; what it cannot is listed at the end

# every linter runs, also after one has complained
lint: install  ## ruff, mypy, import rules, pip check
	@failed=; for step in "ruff check ." "ruff format --check ." mypy "lint-imports --no-logo" \
			"python -m pip --disable-pip-version-check check"; do \
		echo "-- $$step"; $(BIN)/$$step || failed="$$failed, $$step"; done; \
		test -z "$$failed" || { echo "lint failed: $${failed#, }" >&2; exit 1; }

tests: install  ## the tests alone, with coverage
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --cov --cov-report=term:skip-covered

docs: install  ## write what is generated: docs/findings.md and the report in README.md
	@$(BIN)/python tools/docs.py

bench: install  ## the figures of docs/performance.md, measured on this machine
	@failed=; for script in $(filter-out benchmarks/measure.py,$(sort $(wildcard benchmarks/*.py))); do \
		echo "== $$script"; $(BIN)/python "$$script" || failed="$$failed $$script"; done; \
		test -z "$$failed" || { echo "limits missed:$$failed" >&2; exit 1; }

soak: install  ## break deliveries for MINUTES (5): simulated days of traffic, then at least KILLS (200) of real workers
	@PYTHONPATH=.:tests/support $(BIN)/python tests/chaos/soak.py $(or $(MINUTES),5) $(or $(KILLS),200)

peers:  ## set up the programs that tests talk to and that we did not write
	@tools/peers.sh

dist:  ## freeze supportctl for computers without Python: dist/supportctl, and one archive of it
	@PYTHON="$(PYTHON)" tools/dist.sh

constraints:  ## pin the newest dependencies anew, with hashes
	@tools/constraints.sh

clean:  ## remove what was built, installed and measured
	rm -rf .venv .peers build dist .coverage* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
