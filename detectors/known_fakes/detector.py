"""Matches pictures against the user's banks of known fake-profile pictures."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from detectors.bank.chance.tables import FalseMatchRate
from detectors.bank.entry import EXACT, WEAK, Entry, Status
from detectors.bank.feeds import OLD_DAYS, FeedState, feeds
from detectors.bank.location import Store, location_of, opened
from detectors.bank.matching.parts import Parts, at
from detectors.bank.matching.watched import Watched
from detectors.errors import CannotAssess, ConfigError, Error
from detectors.item import Item
from detectors.signal import Claim, Outcome, Reason, Signal, Tier, phrase
from detectors.spec import BankState, Settings

if TYPE_CHECKING:
    from detectors.bank.matching.decisions import Held
    from detectors.bank.matching.search import Match, Searcher
    from detectors.decode.picture import Picture
    from detectors.hashing.views import PictureHashes

NAME: Final = "known_fakes"
LATER: Final = 4
"""Frames of an animation, spread over it, that are looked at where the first matches nothing."""
HALF_TURN: Final = 180
RAREST: Final = 1_000_000_000
"""Random pictures in how many of which a false match is not told more closely."""
VERSION: Final = "1"
"""Version of hashes, views and thresholds."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[detectors.known_fakes]` of the configuration, and `--bank`."""

    banks: list[str] = []
    """Folders, as `provenance bank add` makes them, or addresses: postgresql://…"""
    refresh: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    """Seconds for which a bank on a server may be taken to stand as it did."""
    today: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$")] | None = None
    """UTC day by which the age of a feed is told; None: the day on which it looks."""


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
            Watched(opened(location_of(name)), given.refresh, time.monotonic)
            for name in given.banks
        ]
        self._today = given.today
        self._note_states()

    def outdated(self) -> bool:
        """Tell whether a bank in a folder has changed since it was opened."""
        return any(bank.outdated() for bank in self._banks)

    def inspect(self, item: Item) -> list[Signal]:
        """Return a finding for each bank with a match, the nearest fake and the nearest innocent.

        A file that is an entry to the byte is not decoded.
        """
        if not self._banks:
            return [_said(Outcome.NOT_ASSESSED, Reason(f"{NAME}.no_bank"))]
        try:
            return self._dated(self._compared(item))
        except Error:  # its words name hosts and paths, which are not for the record
            names = ", ".join(bank.store.name for bank in self._banks)
            return [_said(Outcome.FAILED, Reason(f"{NAME}.bank_lost", {"banks": names}))]

    def _compared(self, item: Item) -> list[Signal]:
        """Compare an item with the banks as they stand."""
        searchers = [bank.searcher() for bank in self._banks]
        self._note_states()
        if exact := _by_bytes(item, searchers, EXACT[:1]):
            return self._unheld(item, exact)
        weak = _by_bytes(item, searchers, WEAK)
        try:
            found = self._by_look(item, searchers)
        except CannotAssess as fault:
            if not weak:
                raise
            found = [_said(fault.outcome, fault.reason)]
        matched = {signal.source for signal in found}
        weak = [signal for signal in weak if signal.source not in matched]
        if weak:
            none = (f"{NAME}.clear", f"{NAME}.bytes_alone")
            found = [*weak, *(each for each in found if each.reason.code not in none)]
        return self._unheld(item, found)

    def _dated(self, found: list[Signal]) -> list[Signal]:
        """Return the signals with how fresh the feeds are that filled the banks."""
        states = {bank.store.name: feeds(bank.store.path) for bank in self._banks}
        if not any(states.values()):
            return found
        today = self._today or datetime.now(UTC).date().isoformat()
        old = {
            name: state.age(today)
            for filled in states.values()
            for name, state in filled.items()
            if state.age(today) > OLD_DAYS
        }
        return [_with_age(each, states, old, today) for each in found]

    def _by_look(self, item: Item, searchers: "list[Searcher]") -> list[Signal]:
        """Return what the look of an item says, one signal at least."""
        from detectors.hashing.views import hash_views

        seen = hash_views(item.picture)
        item.fingerprints["pdq"] = seen.pdq.tobytes().hex()
        parts = Parts(item.picture)
        found = _of_frame(item.picture, seen, parts, searchers)
        found = found or _of_later(item.picture, searchers)
        if found := found or _comes_near(item.picture, searchers):
            return found
        if seen.low_detail and not parts.found:
            args = {"quality": seen.quality, "deviation": round(seen.deviation, 1)}
            return [_said(Outcome.NOT_ASSESSED, Reason(f"{NAME}.low_detail", args))]
        return [_nothing(searchers, len(parts.found))]

    def _unheld(self, item: Item, found: list[Signal]) -> list[Signal]:
        """Return the signals without a claim where a bank took the picture back.

        What was withdrawn or is disputed in one bank holds for all that are asked together.
        """
        frames = {each.facts.get("frame") for each in found}
        frame = next(iter(frames - {None}), None)
        fakes = [each for each in found if each.claim is Claim.KNOWN_FAKE]
        regions = {tuple(each.facts.get("region", ())) for each in fakes}
        held = {region: self._held(item, frame, region) for region in regions}
        return [
            _taken_back(each, *taken)
            if (taken := held.get(tuple(each.facts.get("region", ()))))
            else each
            for each in found
        ]

    def _held(
        self, item: Item, frame: int | None, region: tuple[int, ...]
    ) -> "tuple[Held, str] | None":
        """Return what holds for a picture, or for a part of it, and in which bank."""
        for bank in self._banks:
            try:
                picture = None if frame is None else item.picture.frame(frame)
                if region:
                    picture = at(picture or item.picture, region)
                held = bank.holds().of_item(item, picture)
            except CannotAssess:  # its bytes were compared, and are all that is known of it
                held = []
            if held:
                return held[0], bank.store.name
        return None

    def _note_states(self) -> None:
        """Let the version say what is searched."""
        states = [
            bank.state + (f"+{bank.calibration}" if bank.calibration else "")
            for bank in self._banks
        ]
        self.version = ", ".join([VERSION, *states])

    def settings(self) -> Settings:
        """Return the banks as they stand, with the digests of their calibrations.

        A bank is named by its id, since records give its name, which is that of its folder.
        """
        options = {
            "calibrations": [bank.calibration for bank in self._banks],
            "waiting": [bank.waiting for bank in self._banks],
        }
        banks = tuple(BankState(bank.store.id, bank.store.changes) for bank in self._banks)
        return Settings(version=VERSION, options=options, banks=banks)


def _nothing(searchers: "list[Searcher]", parts: int) -> Signal:
    """Return what is said where nothing matches: of what was compared, and of nothing else."""
    entries = sum(len(each.index) for each in searchers)
    compared = sum(each.index.by_look for each in searchers)
    rest = entries - compared
    args: dict[str, Any] = {
        "entries": compared,
        "banks": ", ".join(each.bank.name for each in searchers),
        **({"by_bytes": rest} if rest else {}),
    }
    facts = {"compared": compared, "not_compared": rest} if rest else {}
    if rest and not compared:
        return _said(Outcome.NOT_ASSESSED, Reason(f"{NAME}.bytes_alone", args), facts)
    args |= {"parts": parts} if parts else {}
    if also := [f"{NAME}.parts"] * bool(parts) + [f"{NAME}.by_bytes"] * bool(rest):
        args["also"] = also
    return _said(Outcome.CLEAR, Reason(f"{NAME}.clear", args), facts)


def _comes_near(picture: "Picture", searchers: "list[Searcher]") -> list[Signal]:
    """Return what a picture comes near to by algorithms of which no chance is known."""
    found = []
    for each in searchers:
        if not (others := each.index.other_looks):
            continue
        from detectors.bank.matching.other_hashes import BITS, nearest

        if (near := nearest(picture, others)) is not None:
            facts = {
                "entry": near.entry.id,
                "bank": each.bank.name,
                "algorithm": near.algorithm,
                "distance": near.distance,
            }
            args = {**facts, "bits": BITS[near.algorithm]}
            found.append(_said(Outcome.NOT_ASSESSED, Reason(f"{NAME}.near", args), facts))
    return found


def _with_age(
    signal: Signal, states: dict[str, dict[str, FeedState]], old: dict[str, int], today: str
) -> Signal:
    """Return a signal with the freshness of the feed of its entry, and of all that are old."""
    facts, reason = dict(signal.facts), signal.reason
    if name := facts.get("feed"):
        state = states.get(str(facts.get("bank")), {}).get(name)
        facts["feed"] = {"name": name} | (state.told(today) if state else {})
    if old:
        facts["old_feeds"] = [{"name": name, "age_days": days} for name, days in old.items()]
        also = [*reason.args.get("also", ()), f"{NAME}.old_feeds"]
        args = {**reason.args, "also": also, "feeds": ", ".join(old), "days": min(old.values())}
        reason = Reason(reason.code, args)
    return msgspec.structs.replace(signal, facts=facts, reason=reason)


def _taken_back(signal: Signal, held: "Held", bank: str) -> Signal:
    """Return a match without its claim: the same picture was withdrawn or is disputed."""
    if signal.claim is not Claim.KNOWN_FAKE:
        return signal
    kind = "same_bytes" if signal.facts["algorithm"] in EXACT else "match"
    args = {**signal.reason.args, "held": held.entry.id, "held_bank": bank}
    decided = {"entry": held.entry.id, "bank": bank, "status": held.what}
    return msgspec.structs.replace(
        signal,
        claim=None,
        reason=Reason(f"{NAME}.{kind}_held_{held.what}", args),
        facts={**signal.facts, "held_by": decided},
    )


def _of_frame(
    picture: "Picture", seen: "PictureHashes", parts: Parts, searchers: "list[Searcher]"
) -> list[Signal]:
    """Return the findings about one frame."""
    return [
        _found(each.bank, len(each.index), match, picture)
        for each in searchers
        for match in each.matches(picture, seen, parts)
    ]


def _of_later(picture: "Picture", searchers: "list[Searcher]") -> list[Signal]:
    """Return the findings about the first of some later frames that has any."""
    from detectors.hashing.views import hash_views

    step = max(1, picture.frames // (LATER + 1))
    for number in range(step, picture.frames, step)[:LATER]:
        try:
            frame = picture.frame(number)
        except CannotAssess:  # the first frame has spoken for the file; this one is not there
            return []
        if found := _of_frame(frame, hash_views(frame), Parts(frame), searchers):
            facts = {"frame": number}
            return [msgspec.structs.replace(each, facts=each.facts | facts) for each in found]
    return []


def _by_bytes(item: Item, searchers: "list[Searcher]", algorithms: tuple[str, ...]) -> list[Signal]:
    """Return the matches of the very bytes, at no chance of error that could be stated.

    Of each bank the last fake and the last innocent of the first algorithm that finds one.
    """
    found: dict[tuple[str, bool], Signal] = {}
    for algorithm in algorithms:
        facts = {"algorithm": algorithm, "distance": 0, **_chance(FalseMatchRate(0.0, 0.0))}
        for each in searchers:
            if not each.index.carries(algorithm):
                continue
            last = {
                entry.innocent: entry
                for entry in each.index.exact(algorithm, item.digest(algorithm))
            }
            for innocent, entry in sorted(last.items()):
                said = _signal(each.bank, entry, len(each.index), facts, exact=True)
                found.setdefault((each.bank.name, innocent), said)
    return [*found.values()]


def _found(bank: Store, entries: int, match: "Match", picture: "Picture") -> Signal:
    """Return the signal of a match by its look."""
    if match.colourless:
        args = {"entry": match.entry.id, "bank": bank.name, "distance": match.distance}
        return _said(Outcome.NOT_ASSESSED, Reason(f"{NAME}.colourless", args))
    facts = {
        "algorithm": match.algorithm,
        "distance": match.distance,
        **_chance(match.chance),
        "comparisons": match.comparisons,
        "view": match.view,
        "transform": match.transform,
        **({} if match.entry.local else {"local": "not_assessed"}),
        **({"region": list(match.region)} if match.region else {}),
        **({"truncated": True} if picture.truncated else {}),
        **match.facts,
    }
    return _signal(bank, match.entry, entries, facts, exact=False)


def _signal(
    bank: Store, entry: Entry, entries: int, facts: dict[str, Any], *, exact: bool
) -> Signal:
    """Return a finding about an entry."""
    known = {
        "entry": entry.id,
        "bank": bank.name,
        "class": entry.kind.value,
        "entries": entries,
        "status": entry.status.value,
        "source": entry.source,
        "feed": entry.feed,
        "first_seen": entry.first_seen,
    }
    disputed = entry.status is Status.DISPUTED
    claim = Claim.KNOWN_INNOCENT if entry.innocent else Claim.KNOWN_FAKE
    what = "disputed" if disputed else "innocent" if entry.innocent else entry.kind.value
    code = f"{NAME}.{'same_bytes' if exact else 'match'}_{what}"
    weak = facts["algorithm"] in WEAK
    args = {
        "entry": entry.id,
        "bank": bank.name,
        "entries": entries,
        "since": _since(entry),
        **({} if exact else {"how": _how(facts), "chance": _one_in(facts)}),
        **({"algorithm": facts["algorithm"], "also": [f"{NAME}.weak"]} if weak else {}),
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


def _chance(chance: FalseMatchRate) -> dict[str, float]:
    """Return the facts of a chance, three significant digits."""
    return {
        "false_match_probability": float(f"{chance.point:.3g}"),
        "false_match_upper": float(f"{chance.upper:.3g}"),
    }


def _one_in(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the phrase of the chance of a false match: 1 in so many, two significant digits."""
    times = round(float(f"{1 / max(facts['false_match_probability'], 1e-12):.2g}"))
    return phrase(
        f"{NAME}.{'one_in' if times < RAREST else 'under_one_in'}", times=min(times, RAREST)
    )


def _how(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the phrase of what was done to the picture and how near it is."""
    changes = [_change(name) for name in facts["transform"].split(", ")]
    said = [phrase(f"{NAME}.changes", changes=changes)]
    if "region" in facts:
        left, top, width, height = facts["region"]
        said.append(phrase(f"{NAME}.region", left=left, top=top, width=width, height=height))
    if facts.get("truncated"):
        said.append(phrase(f"{NAME}.truncated"))
    if facts["distance"] is None:
        said.append(phrase(f"{NAME}.places", places=facts["places"]))
    else:
        said.append(phrase(f"{NAME}.bits", distance=facts["distance"]))
    return phrase(f"{NAME}.how", said=said)


def _change(transform: str) -> dict[str, Any]:
    """Return the phrase of one change, as `facts.transform` names it."""
    name, _, number = transform.rpartition("_")
    if name == "turned":
        degrees = int(number)
        way = "left" if degrees <= HALF_TURN else "right"
        return phrase(f"{NAME}.turned_{way}", degrees=min(degrees, 2 * HALF_TURN - degrees))
    if number.isdigit():
        return phrase(f"{NAME}.{name}", percent=int(number))
    return phrase(f"{NAME}.{transform}")


def _since(entry: Entry) -> list[dict[str, Any]]:
    """Return the phrase of where and since when an entry is known; none where nothing is."""
    seen = {"first_seen": entry.first_seen[:10]} if entry.first_seen else {}
    source = {"source": entry.source} if entry.source else {}
    known = "_".join([*seen, *source])
    return [phrase(f"{NAME}.{known}", **seen, **source)] if known else []


def _said(outcome: Outcome, reason: Reason, facts: dict[str, Any] | None = None) -> Signal:
    return Signal(detector=NAME, tier=Tier.MATCH, outcome=outcome, reason=reason, facts=facts or {})
