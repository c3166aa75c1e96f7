"""Matches pictures against the user's banks of known fake-profile pictures."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from detectors.errors import CannotAssess, ConfigError
from detectors.item import Item
from detectors.known_fakes.bank.entry import Entry, Status
from detectors.known_fakes.bank.place import Store, opened, place
from detectors.known_fakes.calibration import kept
from detectors.known_fakes.chance import Chance
from detectors.known_fakes.watch import Watched
from detectors.signal import Claim, Outcome, Reason, Signal, Tier

if TYPE_CHECKING:
    from detectors.known_fakes.search import Match, Searcher
    from detectors.known_fakes.views import Looks
    from detectors.picture import Picture

NAME: Final = "known_fakes"
LATER: Final = 4
"""Frames of an animation, spread over it, that are looked at where the first matches nothing."""
HALF_TURN: Final = 180
SHARES: Final = {"cropped": "cropped to", "surrounded": "set into a larger picture, of which it is"}
DONE: Final = {
    "upright": "as it was",
    "flipped": "upside down and mirrored",
    "transposed": "mirrored, on its side",
    "transversed": "mirrored, on its other side",
    "border_trimmed": "with a border",
    "circle": "cut to a circle",
}
"""Change, as `facts.transform` names it → in words."""
VERSION: Final = "1"
"""Of hashes, views and thresholds."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[detectors.known_fakes]` of the configuration, and `--bank`."""

    banks: list[str] = []
    """Folders, as `provenance bank add` makes them, or addresses: postgresql://…"""
    refresh: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    """Seconds for which a bank on a server may be taken to stand as it did."""


class KnownFakes:
    """Looks for each picture's nearest entries: by its bytes, by its hashes, by local features."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Open the banks; their hashes are put in order at the first item.

        Raises:
            ConfigError: an option is unknown, or a bank cannot be used.
        """
        try:
            given = msgspec.convert(dict(options), Options)
        except msgspec.ValidationError as error:
            raise ConfigError(f"detectors.{NAME}: {error}; use banks = [FOLDER, …]") from error
        self._banks = [
            Watched(opened(place(name)), given.refresh, time.monotonic) for name in given.banks
        ]
        self._fitted = [kept(bank.store.path)[1] for bank in self._banks]
        self._note_states()

    def inspect(self, item: Item) -> list[Signal]:
        """Give a finding for each bank with a match, the nearest fake and the nearest innocent.

        A file that is an entry to the byte is not decoded.
        """
        if not self._banks:
            return [_said(Outcome.NOT_ASSESSED, Reason(f"{NAME}.no_bank"))]
        try:
            return self._compared(item)
        except ConfigError:  # its words name hosts and paths, which are not for the record
            names = ", ".join(bank.store.name for bank in self._banks)
            return [_said(Outcome.FAILED, Reason(f"{NAME}.bank_lost", {"banks": names}))]

    def _compared(self, item: Item) -> list[Signal]:
        """Compare an item with the banks as they stand."""
        searchers = [bank.searcher() for bank in self._banks]
        self._note_states()
        if exact := [signal for each in searchers for signal in _by_bytes(item, each)]:
            return exact
        from detectors.known_fakes.views import looks

        seen = looks(item.picture)
        item.fingerprints["pdq"] = seen.pdq.tobytes().hex()
        found = _of_frame(item.picture, seen, searchers) or _of_later(item.picture, searchers)
        if found:
            return found
        if seen.plain:
            args = {"quality": seen.quality, "deviation": round(seen.deviation, 1)}
            return [_said(Outcome.NOT_ASSESSED, Reason(f"{NAME}.low_detail", args))]
        return [_said(Outcome.CLEAR, Reason(f"{NAME}.clear", _size(searchers)))]

    def _note_states(self) -> None:
        """Let the version say what is searched."""
        states = [
            bank.state + (f"+{fitted}" if fitted else "")
            for bank, fitted in zip(self._banks, self._fitted, strict=True)
        ]
        self.version = ", ".join([VERSION, *states])


def _size(searchers: "list[Searcher]") -> dict[str, Any]:
    """Give how much was looked through."""
    return {
        "entries": sum(len(each.index) for each in searchers),
        "banks": ", ".join(each.bank.name for each in searchers),
    }


def _of_frame(picture: "Picture", seen: "Looks", searchers: "list[Searcher]") -> list[Signal]:
    """Give the findings about one frame; a plain one matches nothing."""
    if seen.plain:
        return []
    return [
        _found(each.bank, len(each.index), match, picture)
        for each in searchers
        for match in each.matches(picture, seen)
    ]


def _of_later(picture: "Picture", searchers: "list[Searcher]") -> list[Signal]:
    """Give the findings about the first of some later frames that has any."""
    from detectors.known_fakes.views import looks

    step = max(1, picture.frames // (LATER + 1))
    for number in range(step, picture.frames, step)[:LATER]:
        try:
            frame = picture.frame(number)
        except CannotAssess:  # the first frame has spoken for the file; this one is not there
            return []
        if found := _of_frame(frame, looks(frame), searchers):
            facts = {"frame": number}
            return [msgspec.structs.replace(each, facts=each.facts | facts) for each in found]
    return []


def _by_bytes(item: Item, searcher: "Searcher") -> list[Signal]:
    """Give the match of the very bytes, at no chance of error that could be stated."""
    entry = searcher.index.exact(item.sha256)
    if entry is None:
        return []
    size = len(searcher.index)
    facts = {"algorithm": "sha256", "distance": 0, **_chance(Chance(0.0, 0.0))}
    return [_signal(searcher.bank, entry, size, facts, exact=True)]


def _found(bank: Store, entries: int, match: "Match", picture: "Picture") -> Signal:
    """Give the finding of a match by its look."""
    facts = {
        "algorithm": match.algorithm,
        "distance": match.distance,
        **_chance(match.chance),
        "comparisons": match.comparisons,
        "view": match.view,
        "transform": match.transform,
        **({} if match.entry.local else {"local": "not_assessed"}),
        **({"truncated": True} if picture.truncated else {}),
        **match.facts,
    }
    return _signal(bank, match.entry, entries, facts, exact=False)


def _signal(
    bank: Store, entry: Entry, entries: int, facts: dict[str, Any], *, exact: bool
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
    args = {
        "entry": entry.id,
        "bank": bank.name,
        "entries": entries,
        "since": _since(entry),
        **({} if exact else {"how": _how(facts), "chance": _worded(facts)}),
    }
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
    rounded = float(f"{1 / max(facts['false_match_probability'], 1e-12):.2g}")
    return f"1 in {rounded:,.0f}" if rounded < 1e9 else "under 1 in 1,000,000,000"  # noqa: PLR2004


def _how(facts: dict[str, Any]) -> str:
    """Give what was done to the picture and how near it is, for a sentence."""
    near = (
        f"{facts['places']} local features agree"
        if facts["distance"] is None
        else f"{facts['distance']} of 256 bits differ"
    )
    cut = ["the file ends early"] if facts.get("truncated") else []
    return "; ".join([", ".join(map(_done, facts["transform"].split(", "))), *cut, near])


def _done(transform: str) -> str:
    """Give one change in words."""
    name, _, number = transform.rpartition("_")
    if name == "turned" and number.isdigit():
        degrees = int(number)
        way = "left" if degrees <= HALF_TURN else "right"
        return f"turned {min(degrees, 2 * HALF_TURN - degrees)} degrees to the {way}"
    if name in SHARES:
        return f"{SHARES[name]} {number} %"
    return DONE.get(transform, transform)


def _since(entry: Entry) -> str:
    """Give where and since when an entry is known, as a sentence after a space."""
    seen = f"First seen {entry.first_seen[:10]}" if entry.first_seen else ""
    source = f"from {entry.source}" if entry.source else ""
    words = " ".join(part for part in (seen, source) if part)
    return f" {words[0].upper()}{words[1:]}." if words else ""


def _said(outcome: Outcome, reason: Reason) -> Signal:
    return Signal(detector=NAME, tier=Tier.MATCH, outcome=outcome, reason=reason)
