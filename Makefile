# What there is to do in a checkout; `make` alone lists it. CI runs `.ci/run`, which calls these.
#   make test ARGS="tests/intake -k symlink"      make fuzz SECONDS=600 ONLY="pdf mail"
ARGS ?=
SECONDS ?= 60
ONLY ?=
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export OMP_NUM_THREADS ?= 1
export ENCYPHER_C2PA_TELEMETRY := off

.PHONY: help dev lint test plain wheel docs site fixtures judges bench fuzz

help:  ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

dev:  ## make .venv, an environment to work in
	python3 -m venv .venv
	.venv/bin/pip install --quiet --editable '.[test]'

lint:  ## ruff, mypy and the import contracts
	ruff check .
	ruff format --check .
	mypy
	lint-imports

test:  ## the tests, without network where the system lets us (ARGS: for pytest)
	.ci/offline python -m pytest $(ARGS)

plain:  ## a plain install without extras: first command, doctor, one calibration
	.ci/plain

wheel:  ## the wheel and the source distribution in dist/, built three times to the same bytes
	.ci/reproducible dist

docs:  ## write the pages that are quoted from the code
	python docs/make.py

site:  ## the documentation as a site, in build/site
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --strict

fixtures:  ## make the fixtures anew whose bytes never change, and show what differs
	python fixtures/make.py
	git diff --stat --exit-code fixtures

judges:  ## every judge of the measuring data, where they lie beside the checkout; takes hours
	.ci/judges

bench:  ## CPU and memory of the command (the other benchmarks want data: benchmarks/)
	python benchmarks/cpu.py

fuzz:  ## every parser on hostile input (SECONDS each, ONLY: names of harnesses)
	PYTHONPATH="tests/fuzz:tools/weights$${PYTHONPATH:+:$$PYTHONPATH}" python tests/fuzz/run.py --seconds $(SECONDS) $(ONLY)
