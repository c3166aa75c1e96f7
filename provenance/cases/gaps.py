"""What a case does not hold, and why, as it is found out."""

from collections.abc import Iterable

from detectors.signal import Reason
from provenance.cases.case import Gap
from provenance.messages import say


class Gaps:
    """Collects what was not looked at."""

    def __init__(self, locale: str) -> None:
        """Start with none.

        Args:
            locale: language of the sentences.
        """
        self._locale = locale
        self.found: list[Gap] = []

    def note(self, what: str, code: str, count: int | None = None) -> None:
        """Note a gap.

        Args:
            what: was not looked at.
            code: of the sentence that says why.
            count: of what; 0: there is no gap.
        """
        if count != 0:
            reason = say(Reason(code), self._locale)
            self.found.append(Gap(what=what, reason=reason, count=count))

    def extend(self, gaps: Iterable[Gap]) -> None:
        """Note gaps that others found."""
        self.found.extend(gaps)
