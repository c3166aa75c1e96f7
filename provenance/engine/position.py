"""Where a worker is: a word of memory that it shares with the process that hands it items.

The worker writes it as each stage begins. Its parent reads it where the worker has died, or is not
heard, so that a stage costs no message and what a worker died of is known all the same.
"""

import mmap
import os
import tempfile
from typing import Final, NamedTuple

from provenance.engine.check import FINGERPRINTS, KEPT, SETTINGS
from provenance.engine.child import Process
from provenance.engine.config import RunConfig
from provenance.engine.description import ITEM

SIZE: Final = 8
"""Bytes of the memory: one word, which is written at once."""
STAGE_BITS: Final = 12
COUNT_BITS: Final = 12
"""Of the number of the stage and of a count of all stages; the other 40 are of the item's."""


class At(NamedTuple):
    """Where a worker is."""

    item: int
    """Number of the item among those that it was given, from 1; 0: it has begun none."""
    stage: str


class Position:
    """The word, as the worker or as its parent has it."""

    def __init__(self, config: RunConfig, memory: mmap.mmap) -> None:
        """Take over the memory.

        Args:
            config: its detectors are stages.
            memory: as `memory` or `mapped` gives it.
        """
        detectors = (spec.name for spec in config.specs)
        stages = (ITEM, "picture", "passage", FINGERPRINTS, SETTINGS, KEPT, *detectors)
        self._stages = tuple(dict.fromkeys(stages))
        self._numbers = {stage: number for number, stage in enumerate(self._stages)}
        self._memory = memoryview(memory).cast("Q")
        self._item = self._count = 0

    def next_item(self) -> None:
        """Count an item; it has begun with its first stage."""
        self._item += 1

    def begin(self, stage: str) -> None:
        """Write which stage begins."""
        self._count = (self._count + 1) % 2**COUNT_BITS
        item_and_count = self._item << COUNT_BITS | self._count
        self._memory[0] = item_and_count << STAGE_BITS | self._numbers[stage]

    @property
    def word(self) -> int:
        """The word, which is another one after each stage."""
        return self._memory[0]

    @property
    def at(self) -> At:
        """Where the worker is."""
        word = self.word
        return At(word >> (STAGE_BITS + COUNT_BITS), self._stages[word % 2**STAGE_BITS])


class Started(NamedTuple):
    """A worker process that has just started."""

    process: Process
    position: Position


def memory() -> mmap.mmap:
    """Return memory that this process shares with those that it forks from now on."""
    return mmap.mmap(-1, SIZE)


def mappable() -> int:
    """Return a file descriptor of memory, for a process that is not forked from this one.

    Raises:
        OSError: there is none.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("position")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, SIZE)
    return descriptor


def mapped(descriptor: int) -> mmap.mmap:
    """Return the memory of a descriptor, which is closed."""
    try:
        return mmap.mmap(descriptor, SIZE)
    finally:
        os.close(descriptor)
