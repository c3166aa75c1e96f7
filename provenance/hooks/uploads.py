"""What a record means for somebody who can only accept or reject a file."""

from detectors.decode.limits import MOST_MEGAPIXELS
from provenance.engine.description import DEADLINE
from provenance.engine.tally import could_not_check
from provenance.record import Record, Risk


def flagged(record: Record, fail_on: Risk | None) -> bool:
    """Tell whether an item has a risk or a higher one; None: never."""
    return fail_on is not None and record.verdict.risk.rank >= fail_on.rank


def unsure(record: Record) -> bool:
    """Tell whether an item, or what a detector looks for, was not checked."""
    late = any(signal.reason.code == DEADLINE for signal in record.signals)
    return late or could_not_check(record)


def unopened(record: Record) -> bool:
    """Tell whether nothing has shown that a picture can be decoded, if its format is one that is.

    Detectors that read containers alone say nothing about broken pixels.
    """
    item = record.item
    known = "width" in item.facts or "pdq" in item.fingerprints
    return item.media_type in MOST_MEGAPIXELS and not known
