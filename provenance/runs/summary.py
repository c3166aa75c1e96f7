"""What the records of a run come to, counted as they pass."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from detectors.signal import CredentialFacts, MarkFacts, Outcome, Signal, facts_of
from provenance.record import Record
from provenance.runs.ledger import Ledger

FORMAT: Final = "provenance.summary/1"
NAMES: Final = 1000
"""Names of generators that are listed."""


class Summary:
    """Counts of records, in memory that does not grow with them."""

    def __init__(self, ledger: Ledger) -> None:
        """Start at nothing.

        Args:
            ledger: keeps the names of generators, of which there may be any number.
        """
        self._ledger = ledger
        self.risk, self.origin = Counter[str](), Counter[str]()
        self.how = Counter[str]()
        """How items came to their records."""
        self.findings = Counter[tuple[str, str | None, str]]()
        self.not_assessed = Counter[tuple[str, str]]()
        self.failed = Counter[str]()

    def add(self, record: Record, how: str) -> None:
        """Count a record, and how it came about."""
        self.how[how] += 1
        self.risk[record.verdict.risk.value] += 1
        self.origin[record.verdict.origin.value] += 1
        said = record.signals
        self.findings.update({
            (s.detector, s.claim.value if s.claim else None, s.reason.code)
            for s in said if s.outcome is Outcome.FINDING
        })  # fmt: skip
        self.not_assessed.update(
            {(s.detector, s.reason.code) for s in said if s.outcome is Outcome.NOT_ASSESSED}
        )
        self.failed.update({s.reason.code for s in said if s.outcome is Outcome.FAILED})
        for name in set(_generators(said)):
            self._ledger.count_name(name)

    @property
    def items(self) -> int:
        """How many records were counted."""
        return self.how.total()

    def body(
        self, state: str, unchecked: int, seconds: float, groups: dict[str, int]
    ) -> dict[str, Any]:
        """Return what `summary.json` says.

        Args:
            state: of the run.
            unchecked: items that could not be checked.
            seconds: that the pass took.
            groups: kind of group → how many there are.
        """
        return {
            "format": FORMAT,
            "state": state,
            "items": self.items,
            **{how: self.how[how] for how in ("looked_at", "reused", "same_bytes")},
            "unchecked": unchecked,
            "seconds": round(seconds, 3),
            "risk": dict(self.risk),
            "origin": dict(self.origin),
            "findings": [
                {"detector": detector, "claim": claim, "code": code, "items": items}
                for (detector, claim, code), items in _falling(self.findings)
            ],
            "generators": [
                {"name": name, "items": items} for name, items in self._ledger.names(NAMES)
            ],
            "not_assessed": [
                {"detector": detector, "code": code, "items": items}
                for (detector, code), items in _falling(self.not_assessed)
            ],
            "failed": [{"code": code, "items": items} for code, items in _falling(self.failed)],
            "groups": groups,
        }


def _generators(said: list[Signal]) -> Iterator[str]:
    """Yield the names of what made an item, as credentials and marks give them."""
    for signal in said:
        made_by = facts_of(signal, CredentialFacts).generator or facts_of(signal, MarkFacts).tool
        if signal.outcome is Outcome.FINDING and made_by:
            yield made_by


def _falling(counts: "Counter[Any]") -> list[tuple[Any, int]]:
    """Return what was counted, most first, then by name."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
