"""SARIF 2.1.0, as code hosts read it: a result for each item that asks for a look.

Limits are those that GitHub documents for uploads ("SARIF support for code scanning").
"""

from collections.abc import Iterable, Iterator
from typing import Any, TextIO
from urllib.parse import quote

import msgspec

from detectors.media import Kind
from provenance.engine.tally import could_not_check
from provenance.record import Record, Risk
from provenance.render import Look
from provenance.render.case import Case, case
from provenance.render.escape import escape_json
from provenance.render.words import Words

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Risk.HIGH: "error", Risk.REVIEW: "warning"}
MOST_RESULTS = 25_000
"""More and the whole file is refused."""
MOST_NOTICES = 1_000
"""Items that could not be checked and are named; the rest is counted."""
POSTS = ".jsonl#"
"""What stands between the file of posts and the post in a uri."""


def write(records: Iterable[Record], out: TextIO, look: Look) -> None:
    """Write one run. Results go out as they come; what follows them is small.

    Indentation is left out: it counts against the limit on the file's size.
    """
    run = _Run(look)
    out.write(f'{{"$schema":"{SCHEMA}","version":"2.1.0","runs":[{{"results":[')
    out.writelines(
        "," * bool(number) + run.json(result) for number, result in enumerate(run.results(records))
    )
    out.write("]," + run.json(run.rest())[1:] + "]}\n")


class _Run:
    """Turns records into results, and remembers what a run says at its end."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._words = Words(look)
        self._rules: set[Case] = set()
        self._notices: list[dict[str, Any]] = []
        self._unchecked = 0
        self._left_out = 0
        self._tool = {"name": "provenance-check"}
        self._policy = look.policy.name if look.policy else "default"

    def json(self, value: Any) -> str:
        """Give a value as JSON that is harmless on a terminal."""
        return escape_json(msgspec.json.encode(value).decode(), ascii_only=not self._look.unicode)

    def results(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        """Give the results of a stream of records."""
        given = 0
        for record in records:
            self._tool["version"] = record.tool.version
            self._policy = record.verdict.policy.name
            if could_not_check(record):
                self._notice(record)
            if record.verdict.risk not in LEVELS:
                continue
            if given == MOST_RESULTS:
                self._left_out += 1
                continue
            given += 1
            yield self._result(record)

    def rest(self) -> dict[str, Any]:
        """Give what a run says besides its results."""
        notices = self._notices[:MOST_NOTICES]
        for count, what in ((self._unchecked - len(notices), "items"), (self._left_out, "results")):
            if count > 0:
                notices.append({"level": "warning", "message": {"text": f"{count} more {what}"}})
        return {
            "tool": {
                "driver": {**self._tool, "rules": [self._rule(r) for r in sorted(self._rules)]}
            },
            "automationDetails": {"id": f"provenance/{self._policy}/"},
            "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notices}],
            "columnKind": "unicodeCodePoints",
        }

    def _rule(self, rule: Case) -> dict[str, Any]:
        said = {"text": self._words.word(f"verdict.{rule}")}
        made: dict[str, Any] = {"id": _id(rule), "shortDescription": said}
        if self._words.has(f"advice.{rule}"):
            made["help"] = {"text": self._words.word(f"advice.{rule}")}
        return made

    def _result(self, record: Record) -> dict[str, Any]:
        rule = case(record)
        self._rules.add(rule)
        decided = [record.signals[i] for i in record.verdict.reasons]
        said = [self._words.headline(record), *(self._words.evidence(signal) for signal in decided)]
        said.append(self._words.advice(record))
        return {
            "ruleId": _id(rule),
            "level": LEVELS[record.verdict.risk],
            "message": {"text": " ".join(filter(None, said))},
            "locations": [_location(record)],
            "partialFingerprints": _fingerprints(record, rule),
            "properties": {
                "risk": record.verdict.risk,
                "origin": record.verdict.origin,
                "complete": record.verdict.complete,
                "codes": [signal.reason.code for signal in decided],
            },
        }

    def _notice(self, record: Record) -> None:
        """Keep that an item could not be checked."""
        self._unchecked += 1
        if self._unchecked > MOST_NOTICES:
            return
        said = {"text": self._words.missed(record)}
        notice = {"level": "error", "message": said, "locations": [_location(record)]}
        self._notices.append(notice)


def _id(rule: Case) -> str:
    """Give a rule's id, in kebab case as linters have it."""
    return rule.value.replace("_", "-")


def _location(record: Record) -> dict[str, Any]:
    """Give where an item lies: a file, and in a file of posts which post."""
    uri, post = record.item.uri, ""
    if record.item.kind is Kind.POST and POSTS in uri:
        file, _, post = uri.partition(POSTS)
        uri = file + POSTS[:-1]
    line = int(post) if post.isdecimal() and post.isascii() and int(post[:9]) > 0 else 1
    place: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": address(uri)},
            "region": {"startLine": line if len(post) < 9 else 1},  # noqa: PLR2004 - no such line
        }
    }
    return place | ({"logicalLocations": [{"name": post, "kind": "post"}]} if post else {})


def address(uri: str) -> str:
    """Give a name as a URI reference: percent-encoded, absolute paths as `file:`."""
    quoted = quote(uri.removeprefix("./"), safe="/", errors="surrogatepass")
    return f"file://{quoted}" if quoted.startswith("/") else quoted


def _fingerprints(record: Record, rule: Case) -> dict[str, str]:
    """Give what tells results apart from run to run: the content, else the name."""
    if record.item.sha256 is None:
        return {"itemUri/v1": record.item.uri}
    content = record.item.sha256
    return {"contentSha256/v1": content, "primaryLocationLineHash": f"{content[:16]}-{_id(rule)}:1"}
