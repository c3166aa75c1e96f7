"""Standard input as one item."""

import sys
from functools import partial

from detectors.errors import CannotAssess
from detectors.item import Item, Kind
from provenance.intake import files


def item(kind: Kind | None) -> Item:
    """Return what comes in on standard input, under the name `-`."""
    try:
        return Item("-", partial(given, files.bounded(sys.stdin.buffer.read, 0)), kind=kind)
    except CannotAssess as fault:
        return Item("-", partial(refused, fault), kind=kind)


def given(data: bytes) -> bytes:
    """Return bytes that are already here."""
    return data


def refused(fault: CannotAssess) -> bytes:
    """Raise what kept the bytes away.

    Raises:
        CannotAssess: always.
    """
    raise fault
