"""Counts as records pass, and the exit code that follows."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import PurePath

from detectors.decode.sniff import NAMED_PICTURES, Kind
from detectors.signal import Outcome, Signal
from provenance.record import Record, Risk

NOTHING_APPLIES = "item.nothing_applies"
"""Says that no chosen detector looks at items of a kind: nobody asked, so nothing is amiss."""
EXAMINED = NAMED_PICTURES | {
    ".svgz",
    ".txt", ".text", ".md", ".markdown", ".rst", ".adoc", ".tex", ".html", ".htm", ".xhtml", ".mht",
    ".mhtml", ".eml", ".msg", ".pdf", ".doc", ".docx", ".docm", ".dot", ".dotx", ".odt", ".ott",
    ".fodt", ".rtf", ".epub", ".pages", ".wps", ".ppt", ".pptx", ".odp",
}  # fmt: skip
"""Endings of names that claim a picture, a text or a document."""
TABLES = "text/csv"
"""The one media type of a text that is data."""
DOCUMENTS = frozenset({"application/pdf", "application/msword", "application/rtf"})
OK, FLAGGED, USAGE, UNCHECKED = 0, 1, 2, 3


class Tally:
    """What a run came to."""

    def __init__(
        self,
        fail_on: Risk | None,
        unchecked: Callable[[Record], bool],
        tell: Callable[[Record], None],
        interruption: Callable[[], int] = lambda: 0,
        accepted: Callable[[Record], bool] = lambda _record: False,
    ) -> None:
        """Start at nothing.

        Args:
            fail_on: the risk from which on an item is flagged; None: never.
            unchecked: tells whether an item could not be checked.
            tell: told of every record of such an item.
            interruption: asked at the end: the exit code of an interrupted run, else 0.
            accepted: tells whether people have accepted what was found in an item.
        """
        self.risks: Counter[Risk] = Counter()
        self.flagged = 0
        self.accepted = 0
        """Items that would be flagged, had people not accepted what was found in them."""
        self.unchecked = 0
        self.interrupted = 0
        """The exit code of an interrupted run, else 0; set at the end."""
        self._fail_on = fail_on
        self._could_not_check, self._tell = unchecked, tell
        self._interruption, self._accepted = interruption, accepted

    @property
    def checked(self) -> int:
        """Records that passed."""
        return self.risks.total()

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records, and count them."""
        for record in records:
            self.risks[record.verdict.risk] += 1
            if self._reaches(record):
                accepted = self._accepted(record)
                self.accepted += accepted
                self.flagged += not accepted
            if self._could_not_check(record):
                self.unchecked += 1
                self._tell(record)
            yield record
        self.interrupted = self._interruption()

    def _reaches(self, record: Record) -> bool:
        return self._fail_on is not None and record.verdict.risk.rank >= self._fail_on.rank

    @property
    def exit_code(self) -> int:
        """The exit code: interrupted, then flagged, then not checked, else 0."""
        if self.interrupted:
            return self.interrupted
        if self.flagged:
            return FLAGGED
        return UNCHECKED if self.unchecked else OK


def could_not_check(record: Record, named: Container[str] | None = None) -> bool:
    """Tell whether an item could not be read or is unsupported, or a detector failed on it.

    A file of a type that is not examined (data, programs, fonts, archives) does not count where a
    scan came upon it by itself, unless its name or its content says that it is a picture, a text or
    a document.

    Args:
        record: of the item.
        named: items that the user named; None: all of them.
    """
    if not any(map(keeps_from_checking, record.signals)):
        return False
    return named is None or record.item.uri in named or not _of_other_type(record)


def keeps_from_checking(signal: Signal) -> bool:
    """Tell whether a signal says that an item, or what a detector looks for, was not checked."""
    if signal.outcome is Outcome.FAILED:
        return True
    whole = signal.detector == "item" and signal.outcome is Outcome.NOT_ASSESSED
    return whole and signal.reason.code != NOTHING_APPLIES


def _of_other_type(record: Record) -> bool:
    """Tell whether an item is of a type that is not examined, and claims to be of no other."""
    media_type = record.item.media_type or ""
    return (
        record.item.kind is Kind.UNSUPPORTED
        and all(signal.outcome is not Outcome.FAILED for signal in record.signals)
        and PurePath(record.item.uri).suffix.lower() not in EXAMINED
        and (media_type == TABLES or not media_type.startswith(("image/", "text/")))
        and media_type not in DOCUMENTS
    )
