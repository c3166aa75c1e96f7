"""No parser raises what it does not say it raises, or takes long, whatever bytes it is given."""

import pytest
from harnesses import HARNESSES, tried
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants import mutants

CALM = settings(max_examples=12, suppress_health_check=list(HealthCheck), print_blob=True)


@pytest.mark.parametrize("name", HARNESSES)
def test_a_good_file_is_read(name: str) -> None:
    corpus = HARNESSES[name].corpus()
    assert corpus
    refused = 0
    for data in corpus:
        try:
            HARNESSES[name].look(data)
        except HARNESSES[name].refuses:
            refused += 1
    assert refused < len(corpus) or name.startswith("model_")  # weights are not shipped twice


@pytest.mark.parametrize("name", HARNESSES)
def test_mutants_are_read_or_refused(name: str) -> None:
    harness = HARNESSES[name]
    corpus = harness.corpus()

    @CALM
    @given(st.data())
    def look(data: st.DataObject) -> None:
        tried(harness, data.draw(mutants(corpus)))

    look()
