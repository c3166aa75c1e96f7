"""SARIF 2.1.0, as code hosts read it: a result for each item that asks for a look.

Limits are those that GitHub documents for uploads ("SARIF support for code scanning"). What is over
them is cut from the lowest risk, and the run says how much.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

import msgspec

from provenance.intake.location import Location, Root
from provenance.record import Record, Risk
from provenance.render import RenderOptions
from provenance.render.escape import escape_json
from provenance.render.words import Words
from provenance.verdict.headline import Headline, headline

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Risk.HIGH: "error", Risk.REVIEW: "warning"}
SEVERITIES = {Risk.HIGH: "8.0", Risk.REVIEW: "5.0"}
"""`security-severity` of a rule whose results go so high: GitHub reads 7.0 and more as high."""
MOST_RESULTS = 25_000
"""More and the whole file is refused."""
MOST_NOTICES = 1_000
"""Items that could not be checked, or lie outside the root, and are named; the rest is counted."""
MOST_PACKED = 9_000_000
"""Bytes of results once packed by gzip: a file over 10 MB is refused, and notices and rules need
room too."""
BASE = "ROOT"
"""The name under which a run gives its root."""


def write(records: Iterable[Record], out: TextIO, look: RenderOptions) -> None:
    """Write one run. Errors go out as they come, then the warnings that there is room for.

    Indentation is left out: it counts against the limit on the file's size.
    """
    run = _Run(look)
    out.write(f'{{"$schema":"{SCHEMA}","version":"2.1.0","runs":[{{"results":[')
    out.writelines(
        "," * bool(number) + result for number, result in enumerate(run.results(records))
    )
    out.write("]," + run.json(run.rest())[1:] + "]}\n")


class _Run:
    """Turns records into results, and remembers what a run says at its end."""

    def __init__(self, look: RenderOptions) -> None:
        self._look = look
        self._words = Words(look)
        self._root = Root(look.root)
        self._rules: dict[Headline, Risk] = {}
        self._unchecked = _Notices("items")
        self._outside = _Notices("items outside the root")
        self._room = _Room()
        self._tool = {"name": "provenance-check"}
        self._policy = look.policy.name if look.policy else "default"

    def json(self, value: Any) -> str:
        """Return a value as JSON that is harmless on a terminal."""
        return escape_json(msgspec.json.encode(value).decode(), ascii_only=not self._look.unicode)

    def results(self, records: Iterable[Record]) -> Iterator[str]:
        """Yield the results of a stream of records as JSON, errors before warnings."""
        waiting: list[tuple[Headline, str]] = []
        for record in records:
            self._tool["version"] = record.tool.version
            self._policy = record.verdict.policy.name
            asks, unchecked = record.verdict.risk in LEVELS, self._look.unchecked(record)
            if not asks and not unchecked:
                continue
            place = self._located(record)
            if unchecked:
                self._unchecked.add("error", self._words.missed(record), place)
            if not asks:
                continue
            rule = headline(record)
            result = self.json(self._result(record, place, rule))
            if record.verdict.risk is Risk.HIGH:
                yield from self._taken(rule, Risk.HIGH, result)
            elif len(waiting) < MOST_RESULTS:
                waiting.append((rule, result))
            else:
                self._room.left_out += 1
        for rule, result in waiting:
            yield from self._taken(rule, Risk.REVIEW, result)

    def _taken(self, rule: Headline, risk: Risk, result: str) -> Iterator[str]:
        """Yield a result back, and keep its rule, if there is room for it."""
        if self._room.takes(result):
            self._rules[rule] = max(risk, self._rules.get(rule, risk), key=lambda known: known.rank)
            yield result

    def _located(self, record: Record) -> Location:
        """Return where an item lies, and keep that it lies outside the root."""
        place = self._root.locate(record)
        if not place.inside:
            said = f"{self._words.shown(record.item.uri)} lies outside the root"
            self._outside.add("note", said, place)
        return place

    def rest(self) -> dict[str, Any]:
        """Return what a run says besides its results."""
        notices = self._unchecked.shown(MOST_NOTICES)
        notices += self._outside.shown(MOST_NOTICES - len(notices))
        if self._room.left_out:
            notices.append(_counted(self._room.left_out, "results"))
        if cut := self._look.cut():
            notices.append({"level": "error", "message": {"text": cut}})
        return {
            "tool": {
                "driver": {**self._tool, "rules": [self._rule(r) for r in sorted(self._rules)]}
            },
            "automationDetails": {"id": f"provenance/{self._policy}/"},
            "originalUriBaseIds": {BASE: {"uri": self._root.uri}},
            "invocations": [
                {"executionSuccessful": not cut, "toolExecutionNotifications": notices}
            ],
            "columnKind": "unicodeCodePoints",
        }

    def _rule(self, rule: Headline) -> dict[str, Any]:
        made: dict[str, Any] = {
            "id": _id(rule),
            "shortDescription": {"text": self._words.word(f"verdict.{rule}")},
            "properties": {
                "security-severity": SEVERITIES[self._rules[rule]], "tags": ["security"]
            },
        }  # fmt: skip
        if self._words.has(f"advice.{rule}"):
            made["help"] = {"text": self._words.word(f"advice.{rule}")}
        return made

    def _result(self, record: Record, place: Location, rule: Headline) -> dict[str, Any]:
        risk = record.verdict.risk
        decided = [record.signals[i] for i in record.verdict.reasons]
        return {
            "ruleId": _id(rule),
            "level": LEVELS[risk],
            "message": {"text": self._words.whole(record)},
            "locations": [_location(place)],
            "partialFingerprints": _fingerprints(record, place, rule),
            "properties": {
                "risk": risk,
                "origin": record.verdict.origin,
                "complete": record.verdict.complete,
                "codes": [signal.reason.code for signal in decided],
            },
        } | self._baseline(record)

    def _baseline(self, record: Record) -> dict[str, Any]:
        """Return what the baseline says of a result; nothing where there is none."""
        if self._look.accepted is None:
            return {}
        why = self._look.acceptance(record)
        if why is None:
            return {"baselineState": "new"}
        accepted = {"kind": "external", "justification": self._words.shown(why)}
        return {"baselineState": "unchanged", "suppressions": [accepted]}


class _Room:
    """Counts what an upload still takes."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(1)  # packs less than gzip does, so the bound holds
        self._packed = self._results = 0
        self.left_out = 0
        """Results that it did not take."""

    def takes(self, result: str) -> bool:
        """Tell whether there is room for a result, which then takes it."""
        if self._results >= MOST_RESULTS or self._packed >= MOST_PACKED:
            self.left_out += 1
            return False
        self._packed += len(self._packer.compress(result.encode()))
        self._results += 1
        return True


class _Notices:
    """Notifications of one kind: some are named, all are counted."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._named: list[dict[str, Any]] = []
        self._count = 0

    def add(self, level: str, said: str, place: Location) -> None:
        """Keep a notification."""
        self._count += 1
        if self._count <= MOST_NOTICES:
            said_of = {"level": level, "message": {"text": said}, "locations": [_location(place)]}
            self._named.append(said_of)

    def shown(self, most: int) -> list[dict[str, Any]]:
        """Return the notifications, and one that counts what is over the limit."""
        shown = self._named[:most]
        left = self._count - len(shown)
        return [*shown, _counted(left, self._what)] if left else shown


def _counted(left: int, what: str) -> dict[str, Any]:
    return {"level": "warning", "message": {"text": f"{left} more {what}"}}


def _id(rule: Headline) -> str:
    """Return a rule's id, in kebab case as linters have it."""
    return rule.value.replace("_", "-")


def _location(place: Location) -> dict[str, Any]:
    """Return a location: a file, and in a file of posts which post."""
    base = {"uriBaseId": BASE} if place.inside else {}
    physical = {
        "artifactLocation": {"uri": place.uri} | base,
        "region": {"startLine": place.line},
    }
    logical = [{"name": place.post, "kind": "post"}]
    return {"physicalLocation": physical} | ({"logicalLocations": logical} if place.post else {})


def _fingerprints(record: Record, place: Location, rule: Headline) -> dict[str, str]:
    """Return what tells results apart from run to run: the place and content, and the content."""
    content = record.item.sha256
    told = "\0".join((place.name, content or "", rule)).encode("utf-8", "surrogatepass")
    known = {"primaryLocationLineHash": f"{hashlib.sha256(told).hexdigest()[:16]}:1"}
    return known | ({"contentSha256/v1": content} if content else {"itemUri/v1": record.item.uri})
