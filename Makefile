# Each target does all its own set-up in .venv; a second run finds it done.
#   make demo        a simulated day of 50 devices through the stream, and its report
#   make test        unit tests (seconds), then the tests with one local Spark session
#   make test-spark4 the same tests on the second line: Spark 4.1, Delta 4, Scala 2.13, in .venv-spark4
#   make test-spark4-core  those of them that tell the lines apart: bad input, Kafka
#   make acceptance  tests against the labelled data and recorded answers in $AD_STREAM_SHARED, else ../shared
#   make browser     the dashboard in Chromium (apt-get install chromium)
#   make bench       benchmarks/, each script prints its table
#   make soak        tests that run for many minutes; AD_STREAM_KILLS=20 shortens the kill runs
#   make lint        ruff and mypy
#   make setup       only the set-up
# PYTHON=/path/to/python3.11 chooses the interpreter.
SHELL := /bin/sh
export OMP_NUM_THREADS ?= 1
export AD_STREAM_SHARED ?= ../shared
export PIP_DISABLE_PIP_VERSION_CHECK := 1

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

.PHONY: demo test test-spark4 test-spark4-core acceptance browser bench soak lint setup jars jars4 clean
.DEFAULT_GOAL := test

demo: $(VENV)/local
	@$(PY) -m ad_stream.runtime.jars delta > /dev/null
	$(VENV)/bin/ad-stream demo $(ARGS)

test: $(VENV)/dev jars
	$(PY) -m pytest -m "not (spark or broker or $(HEAVY))" $(ARGS)
	$(PY) -m pytest -m "(spark or broker) and not ($(HEAVY))" -n 2 --dist loadgroup --durations 12 $(ARGS)

test-spark4: $(VENV4)/dev jars4
	$(PY4) -m pytest -m "not (spark or broker or $(HEAVY))" $(ARGS)
	$(PY4) -m pytest -m "(spark or broker) and not ($(HEAVY))" -n 2 --dist loadgroup --durations 12 $(ARGS)

test-spark4-core: $(VENV4)/dev jars4
	$(PY4) -m pytest $(CORE4) -n 2 --dist loadgroup --durations 12 $(ARGS)

acceptance: $(VENV)/dev jars
	@test -d "$(AD_STREAM_SHARED)" || { \
	  echo "make acceptance: there is no folder $(AD_STREAM_SHARED), so name the one with quality/ and conformance/ in AD_STREAM_SHARED." >&2; exit 2; }
	$(PY) -m pytest -m acceptance $(ARGS)

browser: $(VENV)/dev
	$(PY) -m pytest -m browser $(ARGS)

bench: $(VENV)/dev jars
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(PY) $$script || exit 1; done

soak: $(VENV)/dev jars
	$(PY) -m pytest -m soak $(ARGS)

lint: $(VENV)/dev
	$(PY) -m ruff check .
	$(PY) -m mypy

setup: $(VENV)/dev jars

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

clean:
	rm -rf $(VENV) $(VENV4) .ad_stream build dist .pytest_cache .mypy_cache .ruff_cache
