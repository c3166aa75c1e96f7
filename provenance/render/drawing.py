"""The match of a record, drawn."""

import io

from detectors.item import Item
from detectors.signal import MatchFacts, facts_of
from provenance.record import Record
from provenance.render.words import Words


def drawing(
    item: Item, record: Record, banks: list[str], words: Words, form: str
) -> tuple[str, bytes] | None:
    """Return the entry of the first match of a record, and its drawing; None without a match.

    The picture is decoded here, so it is called in a process of its own.

    Args:
        item: that the record is of.
        record: with its signals.
        banks: names or addresses of the banks that were searched.
        words: for what stands beside the pictures.
        form: of the drawing, as Pillow calls it.

    Raises:
        ConfigError: a bank cannot be opened, or none holds the entry.
        CannotAssess: the picture cannot be decoded.
    """
    from provenance.banking.matched import aligned, matched
    from provenance.render.match import draw

    told = ((signal, facts_of(signal, MatchFacts)) for signal in record.signals)
    signal, facts = next((one for one in told if one[1].entry), (None, None))
    if signal is None or facts is None:
        return None
    match = matched(banks, facts, item.picture)
    risk = words.word("drawing.risk", uri=record.item.uri, risk=record.verdict.risk.value)
    captions = [words.say(signal.reason), risk]
    drawn = io.BytesIO()
    draw(match.picture, aligned(match.picture, match.block), captions, words).save(drawn, form)
    return match.entry, drawn.getvalue()
