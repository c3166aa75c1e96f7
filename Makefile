# Tries every parser on hostile input, a minute each: `make fuzz`, or `make fuzz SECONDS=600 ONLY="pdf mail"`.
SECONDS ?= 60
ONLY ?=
PYTHON ?= python

.PHONY: fuzz
fuzz:
	PYTHONPATH="tests/fuzz$${PYTHONPATH:+:$$PYTHONPATH}" $(PYTHON) tests/fuzz/run.py --seconds $(SECONDS) $(ONLY)
