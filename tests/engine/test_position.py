"""Where a worker is, and what it says, come through whole."""

import os
from collections.abc import Callable
from multiprocessing.connection import Pipe

from hypothesis import given
from hypothesis import strategies as st

from provenance.engine.config import RunConfig
from provenance.engine.messages import Messages, put
from provenance.engine.position import Position, mappable, mapped


class Looking:
    """A detector by its name alone."""


class Picture(Looking):
    """Has the name of a stage."""


def test_a_position_is_read_as_it_was_written(chosen: Callable[..., RunConfig]) -> None:
    config, descriptor = chosen(Looking, Picture), mappable()
    theirs, ours = (Position(config, mapped(each)) for each in (os.dup(descriptor), descriptor))
    assert ours.at == (0, "item")
    for item in (1, 2):
        theirs.next_item()
        assert ours.at.item == item - 1  # it has not begun with it
        for stage in ("item", "looking", "picture", "looking", "settings"):
            before = ours.word
            theirs.begin(stage)
            assert ours.at == (item, stage)
            assert ours.word != before


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.binary(max_size=300))))
def test_messages_come_whole_however_they_are_cut(said: list[tuple[bytes, bytes]]) -> None:
    reading, writing = Pipe(duplex=False)
    whole, ours = Pipe(duplex=False)
    with reading, writing, whole, ours:
        messages, got = Messages(reading.fileno()), list[tuple[bytes, bytes]]()
        put(ours.fileno(), *said)
        while whole.poll():
            os.write(writing.fileno(), os.read(whole.fileno(), 7))
            got += messages.read()
        assert got == said
