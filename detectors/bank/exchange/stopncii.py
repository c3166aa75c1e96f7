"""StopNCII: the answer of FetchHashes.

Field names as in python-threatexchange's `exchanges/impl/stopncii_api.py`. A later record of the
same signal type and hash replaces the former whole; the two are its id.
"""

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.bank.entry import Entry, Status
from detectors.bank.exchange.files import decoded, document, listed
from detectors.bank.exchange.row import Feed, FeedRow, seconds, shared, whole
from detectors.decode.untrusted import mapping
from detectors.errors import ConfigError

SIGNALS: Final = {"imagepdq": "pdq"}
"""Signal type in lower case → algorithm."""
OTHERS: Final = ("video", "text", "url")
"""Beginnings of the signal types that are of no picture."""
STANDING: Final = ("active", "received")
"""Statuses of a record that counts."""
GONE: Final = ("withdrawn", "deleted")
EXTRA: Final = "provenance"
CASES: Final = uuid.UUID("364743d0-e3ca-42ea-88e1-2d501d374d34")
"""Namespace of the case numbers that are derived from feed and id."""


def read(path: Path) -> Iterator[FeedRow]:
    """Yield a row for each hash record.

    Raises:
        ConfigError: there is no list of them.
    """
    page = decoded(document(path), dict[str, msgspec.Raw]) or {}
    records = decoded(page["hashRecords"], list[msgspec.Raw]) if "hashRecords" in page else None
    if records is None:
        raise ConfigError(f"{path}: no answer of FetchHashes: it has no list `hashRecords`")
    for number, raw in enumerate(records):
        record = decoded(raw, dict[str, Any])
        where = f"hashRecords[{number}]"
        if record is None:
            yield FeedRow(where=where, skipped=(("unreadable", "not an object"),))
        else:
            yield _row(where, record)


def write(entries: Sequence[Entry], feed: Feed) -> Iterator[bytes]:
    """Yield one page with all records."""
    latest = max((seconds(entry.modified) for entry in entries), default=0)
    yield (
        f'{{"count":{len(entries)},"nextSetTimestamp":{latest},"nextPageToken":"",'
        '"hasMoreRecords":false,"hashRecords":['
    ).encode()
    for number, entry in enumerate(entries):
        yield (b",\n" if number else b"\n") + msgspec.json.encode(_record(entry, feed))
    yield b"\n]}\n"


def _row(where: str, record: dict[str, Any]) -> FeedRow:
    rest = mapping(record.get(EXTRA))
    signal, value = str(record.get("signalType") or ""), str(record.get("hashValue") or "")
    algorithm = SIGNALS.get(signal.lower())
    feedbacks = [mapping(each) for each in listed(record.get("CSPFeedbacks"))]
    said: dict[str, Any] = {
        "id": f"{signal}:{value.lower()}"[:512],
        "tags": [tag for each in feedbacks for tag in listed(each.get("tags"))],
        "source": next((each["source"] for each in feedbacks if each.get("source")), None),
    }
    skipped: tuple[tuple[str, str], ...] = ()
    if algorithm:
        said["hashes"] = {algorithm: [{"value": value}]}
    elif not rest:
        other = signal.lower().startswith(OTHERS)
        skipped = (("not_a_picture" if other else "unknown_algorithm", signal[:40]),)
    decided = {}
    if record.get("lastModtimestamp"):
        decided["modified"] = record["lastModtimestamp"]
    status = str(record.get("hashStatus") or "")
    if status.lower() in GONE:
        decided["status"] = Status.WITHDRAWN.value
    elif status.lower() not in ("", *STANDING):
        decided["status"] = status  # not known here, so not active
    return FeedRow(where=where, said=said, rest=rest, decided=decided, skipped=skipped)


def _record(entry: Entry, feed: Feed) -> dict[str, Any]:
    status = "Withdrawn" if entry.status is Status.WITHDRAWN else "Active"
    pdq = whole(entry, "pdq")
    counts = entry.status is Status.ACTIVE and not entry.innocent
    return {
        "lastModtimestamp": seconds(entry.modified),
        "hashValue": pdq or whole(entry, "sha256") or "",
        "hashStatus": status,
        "caseNumbers": {str(uuid.uuid5(CASES, f"{feed.name}\n{entry.id}")): status},
        "signalType": "ImagePDQ" if pdq else "Unknown",
        "CSPFeedbacks": [
            {
                "source": entry.source or feed.name,
                "feedbackValue": "Blocked" if counts else "NotBlocked",
                "tags": list(entry.tags),
            }
        ],
        EXTRA: shared(entry, feed),
    }
