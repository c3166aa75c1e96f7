"""What the records of a run come to, counted as they pass."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

from detectors.signal import CredentialFacts, MarkFacts, Outcome, Signal, facts_of
from provenance.record import Record

FORMAT: Final = "provenance.summary/1"
K = TypeVar("K", str, tuple[str, str], tuple[str, str, str])


class Summary:
    """Counts of records, each once for every key, in memory that does not grow with them."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.risk, self.origin = Counter[str](), Counter[str]()
        self.how = Counter[str]()
        """How items came to their records; "" where nobody asks."""
        self.incomplete = 0
        """Items whose verdict is not complete."""
        self.findings = Counter[tuple[str, str, str]]()
        """By detector, claim ("" for none) and code."""
        self.not_assessed = Counter[tuple[str, str]]()
        """By detector and code."""
        self.failed = Counter[tuple[str, str]]()
        self.detectors, self.claims = Counter[str](), Counter[str]()
        """Of findings."""
        self.codes = Counter[str]()
        """Of what failed."""

    def add(self, record: Record, how: str = "") -> None:
        """Count a record, and how it came about."""
        self.how[how] += 1
        self.risk[record.verdict.risk.value] += 1
        self.origin[record.verdict.origin.value] += 1
        self.incomplete += not record.verdict.complete
        keys: dict[Outcome, set[Any]] = {outcome: set() for outcome in Outcome}
        for one in record.signals:
            key: tuple[str, ...] = (one.detector, one.reason.code)
            if one.outcome is Outcome.FINDING:
                key = (one.detector, one.claim.value if one.claim else "", one.reason.code)
            keys[one.outcome].add(key)
        self.findings.update(keys[Outcome.FINDING])
        self.not_assessed.update(keys[Outcome.NOT_ASSESSED])
        self.failed.update(keys[Outcome.FAILED])
        self.detectors.update({detector for detector, _, _ in keys[Outcome.FINDING]})
        self.claims.update({claim for _, claim, _ in keys[Outcome.FINDING] if claim})
        self.codes.update({code for _, code in keys[Outcome.FAILED]})

    @property
    def items(self) -> int:
        """How many records were counted."""
        return self.how.total()

    @property
    def gaps(self) -> Counter[tuple[str, str]]:
        """What was not assessed or failed."""
        return self.not_assessed + self.failed

    def body(
        self,
        state: str,
        unchecked: int,
        seconds: float,
        groups: dict[str, int],
        generators: Iterable[tuple[str, int]],
    ) -> dict[str, Any]:
        """Return what `summary.json` says.

        Args:
            state: of the run.
            unchecked: items that could not be checked.
            seconds: that the pass took.
            groups: kind of group → how many there are.
            generators: names of what made items, and how many each made.
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
                {"detector": detector, "claim": claim or None, "code": code, "items": items}
                for (detector, claim, code), items in ranked(self.findings)
            ],
            "generators": [{"name": name, "items": items} for name, items in generators],
            "not_assessed": [
                {"detector": detector, "code": code, "items": items}
                for (detector, code), items in ranked(self.not_assessed)
            ],
            "failed": [{"code": code, "items": items} for code, items in ranked(self.codes)],
            "groups": groups,
        }


def generators(record: Record) -> set[str]:
    """Return the names of what made an item, as credentials and marks give them."""
    return set(_generators(record.signals))


def _generators(said: list[Signal]) -> Iterator[str]:
    for signal in said:
        made_by = facts_of(signal, CredentialFacts).generator or facts_of(signal, MarkFacts).tool
        if signal.outcome is Outcome.FINDING and made_by:
            yield made_by


def ranked(counts: "Counter[K]") -> list[tuple[K, int]]:
    """Return what was counted, the most frequent first, and what is equally frequent by name."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
