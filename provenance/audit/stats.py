"""What became of decisions: how many were appealed against, and how many fell."""

from typing import NamedTuple

import msgspec

from provenance.audit.reading import Reader
from provenance.record import Record

REVERSED = "reversed"
STANDING = ("upheld", REVERSED)
"""Outcomes that decide; a note leaves what was decided before."""


class Cause(NamedTuple):
    """What a decision rests on."""

    policy: str
    detector: str
    """Empty where no finding decided; so is the code."""
    code: str


class Counts(msgspec.Struct):
    """Decisions that rest on a cause."""

    decisions: int = 0
    appeals: int = 0
    """Those that people appealed against."""
    reversals: int = 0
    """Those whose last appeal reversed them."""


def stats(reader: Reader) -> dict[Cause, Counts]:
    """Return the counts of each cause, sorted; a decision counts once for each of its reasons.

    Raises:
        DamagedError: a line is none.
        UnavailableError: the log cannot be read.
    """
    appeals = reader.appeals()
    counted = dict[Cause, Counts]()
    for entry, record in reader.decisions():
        said = appeals.get(entry.n, ())
        outcomes = [appeal.outcome for _, appeal in said if appeal.outcome in STANDING]
        for cause in causes(record):
            counts = counted.setdefault(cause, Counts())
            counts.decisions += 1
            counts.appeals += bool(said)
            counts.reversals += outcomes[-1:] == [REVERSED]
    return dict(sorted(counted.items()))


def causes(record: Record) -> set[Cause]:
    """Return what a decision rests on."""
    name, reasons = record.verdict.policy.name, record.verdict.reasons
    decided = [record.signals[index] for index in reasons if index < len(record.signals)]
    found = {Cause(name, signal.detector, signal.reason.code) for signal in decided}
    return found or {Cause(name, "", "")}
