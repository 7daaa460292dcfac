# Each target does all its own set-up in .venv; a second run finds it done. `make help` lists them.
# PYTHON=/path/to/python3.11 chooses the interpreter; ARGS="-k watermark" goes to pytest (of demo: to ad-stream demo).
SHELL := /bin/sh
export OMP_NUM_THREADS ?= 1
export AD_STREAM_SHARED ?= ../shared
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Container images often forbid Python to keep what it compiled; each of the hundreds of processes that tests start would do it anew.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
PY := $(VENV)/bin/python
# Every file that pip takes has its SHA-256 in requirements/locked/ (requirements/lock.sh writes them).
HASHED := -m pip install --quiet --require-hashes --no-build-isolation --requirement requirements/locked
OURSELVES := -m pip install --quiet --no-deps --no-build-isolation --editable .
PINS := pyproject.toml $(wildcard requirements/locked/*.txt)
VENV4 := .venv-spark4
PY4 := $(VENV4)/bin/python
CORE4 := $(addprefix tests/,spark/test_bad_input.py brokers/test_kafka.py)
HEAVY := acceptance or soak or browser
REST := broker or thorough
UNIT := not (spark or broker or thorough or $(HEAVY))
QUICK := $(UNIT) and not slow
LONGER := (spark or slow) and not ($(REST) or $(HEAVY))
TWO := -n 2 --dist loadgroup --durations 10
SPELT := ad_stream benchmarks conf docs jobs notebooks tests *.md Makefile Dockerfile compose.yaml .ci/run requirements/*.sh requirements/*.py
SCRATCH := .ad_stream
LOWEST := $(SCRATCH)/lowest
LOOSER := tests/mypy.ini
COVERED := tests/unit/detectors tests/unit/scoring tests/unit/push tests/unit/config
# The total was 93 % on 2026-11-29.
FLOOR := 92

.PHONY: test-spark test-rest help demo check format arrows lint unit test test-all coverage test-lowest test-spark4 test-spark4-core acceptance
.PHONY: audit browser bench docs image-test notebooks soak setup jars jars4 pins wheel clean
.DEFAULT_GOAL := check

help: ## this list
	@awk -F ': .*## |: ## ' '/^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/local ## a simulated day of 50 devices through the stream, and its report
	@$(PY) -m ad_stream.runtime.jars delta > /dev/null
	$(VENV)/bin/ad-stream demo $(ARGS)

check: lint unit ## format, lint, spelling, types, arrows and the quick unit tests: what to run after every change

format: $(VENV)/dev ## what make check wants of the format, done
	$(PY) -m ruff check --fix --quiet . || true
	$(PY) -m ruff format .

arrows: $(VENV)/dev ## who imports whom, circles, lengths, names of classes
	$(PY) -m pytest tests/unit/test_arrows.py

lint: $(VENV)/dev ## format, lint, spelling and types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check --quiet . || { echo "make format puts these in shape:"; $(PY) -m ruff format --check .; }
	$(VENV)/bin/codespell $(SPELT)
	$(PY) -m mypy
	$(PY) -m mypy --config-file $(LOOSER)

unit: $(VENV)/dev
	$(PY) -m pytest tests/unit tests/contract -m "$(QUICK)" -n auto --dist loadgroup --durations 10 $(ARGS)

test: check test-spark ## check, then the slow unit tests and those with a local Spark session

test-spark: $(VENV)/dev jars ## the second half of make test
	$(PY) -m pytest -m "$(LONGER)" $(TWO) $(ARGS)

test-all: test test-rest ## test, then those with brokers, clusters and whole runs of their own; in .ci/run

test-rest: $(VENV)/dev jars ## those of test-all that test leaves out
	$(PY) -m pytest -m "($(REST)) and not ($(HEAVY))" $(TWO) $(ARGS)

coverage: $(VENV)/dev ## how much of detectors, scoring, push and config their unit tests run, with a floor
	$(PY) -m pytest $(COVERED) -m "$(UNIT)" -n auto --dist loadgroup --cov --cov-report term --cov-fail-under $(FLOOR) $(ARGS)

test-lowest: $(LOWEST)/ready ## detectors, scoring and tables on the lowest versions that pyproject.toml allows (Python 3.10)
	$(LOWEST)/bin/python -m pytest tests/unit/detectors tests/unit/scoring tests/unit/tables -m "$(UNIT)" $(ARGS)

test-spark4: $(VENV4)/dev jars4 ## unit and Spark tests on the second line: Spark 4.1, Delta 4, Scala 2.13, in .venv-spark4
	$(PY4) -m pytest -m "$(UNIT)" $(ARGS)
	$(PY4) -m pytest -m "(spark or $(REST)) and not ($(HEAVY))" $(TWO) $(ARGS)

test-spark4-core: $(VENV4)/dev jars4 ## those of them that tell the lines apart: bad input, Kafka
	$(PY4) -m pytest $(CORE4) $(TWO) $(ARGS)

acceptance: $(VENV)/dev jars ## against the labelled data and recorded answers in AD_STREAM_SHARED, else ../shared
	@test -d "$(AD_STREAM_SHARED)" || { \
	  echo "make acceptance: there is no folder $(AD_STREAM_SHARED), so name the one with quality/ and conformance/ in AD_STREAM_SHARED." >&2; exit 2; }
	$(PY) -m pytest -m "acceptance and not soak" $(TWO) $(ARGS)

browser: $(VENV)/dev ## the dashboard in Chromium (apt-get install chromium)
	$(PY) -m pytest -m browser $(TWO) $(ARGS)

bench: $(VENV)/dev jars ## benchmarks/, each script prints its table
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(PY) $$script || exit 1; done

soak: $(VENV)/dev jars ## tests that run for a minute or more each; AD_STREAM_KILLS=20 shortens the kill runs
	$(PY) -m pytest -m soak $(ARGS)

docs: $(VENV)/dev ## the parts of docs/ that are written from the code
	$(PY) docs/generate.py

notebooks: $(VENV)/bin/python ## the notebooks for Jupyter, in notebooks/jupyter/
	@$(PY) docs/jupyter.py

wheel: $(VENV)/dev ## builds the wheel into dist/, installs it bare and with an extra in a venv of its own, and runs it there
	@sh requirements/try_wheel.sh $(PY) $(SCRATCH)/wheel dist

image-test: ## builds the container image and runs compose.yaml end to end, without a Docker engine; needs root and Debian
	@python3 tests/image/run.py

audit: $(VENV)/bin/python ## asks the advisory service about every locked package; exit code 3 where it does not answer
	@test -x $(SCRATCH)/audit/bin/pip-audit || { $(PY) -m venv $(SCRATCH)/audit && $(SCRATCH)/audit/bin/python -m pip install --quiet pip-audit; }
	@$(PY) requirements/audit.py $(SCRATCH)/audit/bin/pip-audit requirements/locked/local.txt requirements/locked/dev.txt

pins: ## renews requirements/locked/ after a change of pyproject.toml or the constraints; needs uv (pip install uv)
	sh requirements/lock.sh

setup: $(VENV)/dev jars ## only the set-up

jars: $(VENV)/local
	@$(PY) -m ad_stream.runtime.jars delta kafka event_hubs > /dev/null

jars4: $(VENV4)/dev
	@$(PY4) -m ad_stream.runtime.jars delta kafka > /dev/null

$(VENV)/bin/python $(VENV4)/bin/python:
	@python=$$(sh requirements/find_python.sh) && "$$python" -m venv $(@:/bin/python=)

$(VENV)/local: $(VENV)/bin/python $(PINS)
	@echo "installing the pinned packages into $(VENV)"
	@$(PY) $(HASHED)/build.txt
	@$(PY) $(HASHED)/local.txt
	@$(PY) $(OURSELVES)
	@touch $@

$(VENV)/dev: $(VENV)/local
	@echo "installing the pinned test packages into $(VENV)"
	@$(PY) $(HASHED)/dev.txt
	@# PyPI has python-qpid-proton as source only: where no C compiler is, its tests are skipped and say so.
	@$(PY) $(HASHED)/simulate-event-hubs.txt 2> /dev/null || \
	  echo "python-qpid-proton could not be built, so the tests of the Event Hubs stand-in are skipped" >&2
	@touch $@

$(VENV4)/dev: $(VENV4)/bin/python $(PINS)
	@echo "installing the pinned packages of the second Spark line into $(VENV4)"
	@$(PY4) $(HASHED)/build.txt
	@$(PY4) $(HASHED)/spark4.txt
	@$(PY4) $(OURSELVES)
	@touch $@

$(LOWEST)/ready: requirements/lowest.txt
	@python=$$(PYTHON="$${PYTHON:-python3.10}" sh requirements/find_python.sh) && "$$python" -m venv $(LOWEST)
	@$(LOWEST)/bin/python -m pip install --quiet --requirement requirements/lowest.txt
	@touch $@

clean: ## away with all of it
	rm -rf $(VENV) $(VENV4) .ad_stream build dist .pytest_cache .mypy_cache .ruff_cache
