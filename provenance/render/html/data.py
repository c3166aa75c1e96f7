"""Records as the page's script reads them: what is the same in many of them stands there once."""

import json
from typing import Any

import msgspec

from detectors.decode.sniff import Kind
from detectors.signal import Signal
from provenance.record import Described, Part, Record
from provenance.render.explained import QUESTIONS, answer
from provenance.render.report import Report, said
from provenance.render.words import Words
from provenance.verdict.headline import Headline, headline, unread

Facts = list[tuple[str, str]]
"""Names and values, escaped."""


def json_of(value: object) -> str:
    """Return a value as JSON that can stand in a page: no tag begins or ends in it."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")


class Data:
    """Turns records into lines of JSON that name signals and texts by their numbers."""

    def __init__(self, report: Report) -> None:
        """Start with none."""
        self._report = report
        self._texts: dict[str, int] = {}
        self._signals: dict[str, int] = {}
        self._known: dict[tuple[str, bytes], int] = {}
        """Policy and signal → its number."""
        self.pictures: dict[str, int] = {}
        """SHA-256 of a picture → its number."""

    @property
    def texts(self) -> list[str]:
        """Every text and list of facts, as JSON."""
        return list(self._texts)

    @property
    def signals(self) -> list[str]:
        """Every signal, as JSON."""
        return list(self._signals)

    def item(self, record: Record) -> str:
        """Return a record as JSON."""
        item, verdict = record.item, record.verdict
        words = self._report.words(verdict.policy)
        sha256 = verdict.policy.sha256
        read = unread(record) is None
        told: dict[str, Any] = {
            "uri": item.uri,
            "risk": verdict.risk.value,
            "origin": verdict.origin.value,
            "headline": self._text(words.headline(record)),
            "advice": self._text(words.advice(record)),
            "weight": self._text(_weight(words, record)),
            "policy": self._text(words.policy(record)),
            "not_assessed": self._text(words.unassessed(record) if read else ""),
            "incomplete": self._text(words.incomplete(record) if read else ""),
            "answers": [self._text(answer(words, record, question)) for question in QUESTIONS],
            "signals": [self._signal(words, one, sha256) for one in ordered(record)],
            "groups": self._report.numbers(record),
            "facts": [self._text(facts) for facts in described(words, record)],
        }
        if numbers := [self.pictures.setdefault(each, len(self.pictures)) for each in _own(record)]:
            told["pictures"] = numbers
        shown = words.shown(item.uri)
        return json_of(told | ({"name": shown} if shown != item.uri else {}))

    def _signal(self, words: Words, signal: Signal, policy: str) -> int:
        """Return the number of a signal, in the words of a policy."""
        key = policy, msgspec.json.encode(signal)
        if key not in self._known:
            self._known[key] = _number(self._signals, json_of(self._told(words, signal)))
        return self._known[key]

    def _told(self, words: Words, signal: Signal) -> dict[str, Any]:
        """Return what the page says of a signal."""
        head = {"source": signal.source, "code": signal.reason.code, "log10_lr": signal.log10_lr}
        return {
            "detector": signal.detector,
            "label": self._text(words.label(signal)),
            "outcome": signal.outcome,
            "claim": signal.claim,
            "said": self._text(words.evidence(signal)),
            "facts": self._text(facts_in(words, head | signal.facts)),
        }

    def _text(self, value: str | list[Any]) -> int:
        return _number(self._texts, json_of(value))


def _number(table: dict[str, int], key: str) -> int:
    return table.setdefault(key, len(table))


def _own(record: Record) -> list[str]:
    """Return the digests of the pictures that an item is, or that a post shows."""
    parts: list[Part] | list[Described] = record.item.parts or [record.item]
    return [part.sha256 for part in parts if part.kind is Kind.IMAGE and part.sha256]


def ordered(record: Record) -> list[Signal]:
    """Return the signals that decided, then the other findings, then the rest."""
    decided = [record.signals[number] for number in record.verdict.reasons]
    return decided + said([signal for signal in record.signals if signal not in decided])


def _weight(words: Words, record: Record) -> str:
    """Return how often such a finding is wrong, where that is known: of statistics and matches."""
    what = headline(record)
    if what is Headline.MEASURED:
        return words.advice(record)
    decided = [record.signals[number] for number in record.verdict.reasons]
    return next((words.evidence(one) for one in decided if "chance" in one.reason.args), "")


def described(words: Words, record: Record) -> list[Any]:
    """Return what is known of an item, of its parts, and of what looked."""
    tool = record.tool
    parts = [[words.shown(part.name), _known(words, part)] for part in record.item.parts or ()]
    looked = facts_in(words, {tool.name: tool.version, "date": tool.date, **tool.detectors})
    return [["", _known(words, record.item)], *parts, ["tool", looked]]


def _known(words: Words, item: Described | Part) -> Facts:
    known = {"kind": item.kind.value, "media_type": item.media_type, "bytes": item.bytes}
    return facts_in(words, known | {"sha256": item.sha256, **item.facts, **item.fingerprints})


def facts_in(words: Words, values: dict[str, Any]) -> Facts:
    """Return the values that are known, as text."""
    return [
        (words.shown(name), words.shown(value if isinstance(value, str) else _json(value)))
        for name, value in values.items()
        if value is not None
    ]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
