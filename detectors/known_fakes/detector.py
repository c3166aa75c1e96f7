"""Matches pictures against the user's banks of known fake-profile pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from detectors.errors import ConfigError
from detectors.item import Item
from detectors.known_fakes.bank.entry import Entry, Status
from detectors.known_fakes.bank.store import Bank
from detectors.known_fakes.chance import Chance
from detectors.signal import Claim, Outcome, Reason, Signal, Tier

if TYPE_CHECKING:
    from detectors.known_fakes.search import Match, Searcher

NAME: Final = "known_fakes"
VERSION: Final = "1"
"""Of hashes, views and thresholds."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[detectors.known_fakes]` of the configuration, and `--bank`."""

    banks: list[str] = []
    """Folders, as `provenance bank add` makes them."""


class KnownFakes:
    """Looks for each picture's nearest entries: by its bytes, by its hashes, by local features."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Open the banks; their hashes are put in order at the first picture.

        Raises:
            ConfigError: an option is unknown, or a bank cannot be used.
        """
        try:
            given = msgspec.convert(dict(options), Options)
        except msgspec.ValidationError as error:
            raise ConfigError(f"detectors.{NAME}: {error}; use banks = [FOLDER, …]") from error
        self._banks = [_opened(path) for path in given.banks]
        self._searchers: list[Searcher] | None = None
        states = [f"{bank.name}@{bank.changes}" for bank in self._banks]
        self.version = ", ".join([VERSION, *states])

    def inspect(self, item: Item) -> list[Signal]:
        """Give a finding for each bank with a match, the nearest fake and the nearest innocent.

        A file that is an entry to the byte is not decoded.
        """
        if not self._banks:
            return [_said(Outcome.NOT_ASSESSED, Reason(f"{NAME}.no_bank"))]
        if exact := [signal for each in self._ready() for signal in _by_bytes(item, each)]:
            return exact
        from detectors.known_fakes.views import looks

        seen = looks(item.picture)
        item.fingerprints["pdq"] = seen.pdq.tobytes().hex()
        if seen.plain:
            args = {"quality": seen.quality, "deviation": round(seen.deviation, 1)}
            return [_said(Outcome.NOT_ASSESSED, Reason(f"{NAME}.low_detail", args))]
        matches = [
            _found(each.bank, len(each.index.entries), match)
            for each in self._ready()
            for match in each.matches(item.picture, seen)
        ]
        return matches or [_said(Outcome.CLEAR, Reason(f"{NAME}.clear", self._size()))]

    def _ready(self) -> "list[Searcher]":
        """Give the banks with their hashes in order."""
        if self._searchers is None:
            from detectors.known_fakes.search import Searcher

            self._searchers = [Searcher(bank) for bank in self._banks]
        return self._searchers

    def _size(self) -> dict[str, Any]:
        """Give how much was looked through."""
        return {
            "entries": sum(len(each.index.entries) for each in self._ready()),
            "banks": ", ".join(bank.name for bank in self._banks),
        }


def _opened(path: str) -> Bank:
    if "://" in path:
        raise ConfigError(f"{path}: only banks in folders can be opened")
    return Bank(Path(path))


def _by_bytes(item: Item, searcher: "Searcher") -> list[Signal]:
    """Give the match of the very bytes, at no chance of error that could be stated."""
    entry = searcher.index.exact.get(item.sha256)
    if entry is None:
        return []
    size = len(searcher.index.entries)
    facts = {"algorithm": "sha256", "distance": 0, **_chance(Chance(0.0, 0.0))}
    return [_signal(searcher.bank, entry, size, facts, exact=True)]


def _found(bank: Bank, entries: int, match: "Match") -> Signal:
    """Give the finding of a match by its look."""
    facts = {
        "algorithm": match.algorithm,
        "distance": match.distance,
        **_chance(match.chance),
        "comparisons": match.comparisons,
        "view": match.view,
        "transform": match.transform,
        **({} if match.entry.local else {"local": "not_assessed"}),
        **match.facts,
    }
    return _signal(bank, match.entry, entries, facts, exact=False)


def _signal(
    bank: Bank, entry: Entry, entries: int, facts: dict[str, Any], *, exact: bool
) -> Signal:
    """Give a finding about an entry."""
    known = {
        "entry": entry.id,
        "bank": bank.name,
        "class": entry.kind.value,
        "entries": entries,
        "status": entry.status.value,
        "source": entry.source,
        "first_seen": entry.first_seen,
    }
    disputed = entry.status is Status.DISPUTED
    claim = Claim.KNOWN_INNOCENT if entry.innocent else Claim.KNOWN_FAKE
    what = "disputed" if disputed else "innocent" if entry.innocent else entry.kind.value
    code = f"{NAME}.{'same_bytes' if exact else 'match'}_{what}"
    args = {"entry": entry.id, "bank": bank.name, "chance": _worded(facts)}
    return Signal(
        detector=NAME,
        tier=Tier.MATCH,
        outcome=Outcome.FINDING,
        claim=None if disputed else claim,
        source=f"bank:{bank.name}/{entry.id}",
        reason=Reason(code, args),
        facts={**{k: v for k, v in known.items() if v is not None}, **facts},
    )


def _chance(chance: Chance) -> dict[str, float]:
    """Give the facts of a chance, three significant digits."""
    return {
        "false_match_probability": float(f"{chance.point:.3g}"),
        "false_match_upper": float(f"{chance.upper:.3g}"),
    }


def _worded(facts: dict[str, Any]) -> str:
    """Give the chance of a false match for a sentence: "1 in 12,000"."""
    point = facts["false_match_probability"]
    if point <= 0:
        return "none"
    rounded = float(f"{1 / point:.2g}")
    return f"1 in {rounded:,.0f}" if rounded < 1e9 else "under 1 in 1,000,000,000"  # noqa: PLR2004


def _said(outcome: Outcome, reason: Reason) -> Signal:
    return Signal(detector=NAME, tier=Tier.MATCH, outcome=outcome, reason=reason)
