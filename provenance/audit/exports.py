"""Decisions in the forms that laws and spreadsheets ask for. A person decides; this states facts.

Statements of reasons: Regulation (EU) 2022/2065, article 17, in the form of the Commission's
transparency database (digital-services-act/transparency-database). Provenance data: California
Business and Professions Code, section 22757.3.1.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from detectors.decode.sniff import Kind
from detectors.signal import CredentialFacts, MarkFacts, Outcome, Reason, Signal, Tier, facts_of
from provenance.audit.reading import Decision
from provenance.messages import say
from provenance.record import Origin, Record, Risk
from provenance.verdict.evidence import findings
from provenance.verdict.headline import headline, unread

MOST_FACTS: Final = 5000
"""Characters of `decision_facts`."""
FIRST, LAST = date(2000, 1, 1), date(2038, 1, 1)
"""Days that the database takes as those of content."""
MILLISECONDS_FROM: Final = 1e11
"""Numbers from here on count milliseconds: as seconds they would be past the year 5000."""
CONTENT: Final = {Kind.IMAGE: "CONTENT_TYPE_IMAGE", Kind.TEXT: "CONTENT_TYPE_TEXT"}
AI: Final = (Origin.AI_GENERATED, Origin.AI_EDITED)
PRESENT: Final = ("trusted", "valid", "invalid", "distrusted")
"""States of a credential that is there and signed."""


class Row(NamedTuple):
    """A decision as a row of a table."""

    n: str
    time: str
    actor: str
    uri: str
    sha256: str
    kind: str
    media_type: str
    risk: str
    origin: str
    complete: str
    policy: str
    codes: str
    """Of the findings that decided, separated by spaces."""
    appeals: str
    """Outcomes in their order, separated by spaces."""


def statements(
    decisions: Iterable[Decision],
    name: str,
    least: Risk,
    decided: Mapping[str, Any],
    tables: tuple[str, ...],
) -> Iterator[dict[str, Any]]:
    """Yield a statement of reasons for each decision of a risk or a higher one.

    Decision, ground and category are null: a person fills them in.

    Args:
        decisions: of a log.
        name: of the log.
        least: the risk.
        decided: what a person filled in, the same for each.
        tables: of plug-ins' sentences, see `say`.
    """
    log = sha256(name.encode()).hexdigest()
    for decision in decisions:
        entry, record = decision
        if record.verdict.risk.rank < least.rank:
            continue
        day = _posted(record)
        applied = entry.time[: len("2026-11-30")]
        yield {
            "decision_visibility": None,
            "decision_ground": None,
            "category": None,
            **_content(record),
            "content_date": day or applied,
            "application_date": applied,
            "decision_facts": _facts(decision, dated=day is not None, tables=tables),
            "source_type": "SOURCE_VOLUNTARY",
            "automated_detection": "Yes",
            "automated_decision": "AUTOMATED_DECISION_NOT_AUTOMATED",
            "puid": f"{log}-{entry.n}",
            **decided,
        }


def provenance_data(decisions: Iterable[Decision]) -> Iterator[dict[str, Any]]:
    """Yield what section 22757.3.1 asks to be shown of each item.

    Args:
        decisions: of a log.
    """
    for entry, record in decisions:
        credentials = [one for one in map(_credential, record.signals) if one]
        marks = [one for one in map(_mark, findings(record.signals)) if one]
        yield {
            "n": entry.n,
            "uri": record.item.uri,
            "sha256": record.item.sha256,
            "available": bool(credentials or marks),
            "system_or_device": _named(record.signals),
            "signatures": bool(credentials),
            "altered": _altered(record, credentials),
        }


def rows(decisions: Iterable[Decision], appeals: Mapping[int, Iterable[str]]) -> Iterator[Row]:
    """Yield a row for each decision.

    Args:
        decisions: of a log.
        appeals: number of a decision → outcomes.
    """
    for entry, record in decisions:
        item, verdict = record.item, record.verdict
        codes = [record.signals[i].reason.code for i in verdict.reasons]
        yield Row(
            n=str(entry.n),
            time=entry.time,
            actor=entry.actor,
            uri=item.uri,
            sha256=item.sha256 or "",
            kind=item.kind.value,
            media_type=item.media_type or "",
            risk=verdict.risk.value,
            origin=verdict.origin.value,
            complete=str(verdict.complete).lower(),
            policy=verdict.policy.name,
            codes=" ".join(codes),
            appeals=" ".join(appeals.get(entry.n, ())),
        )


def _content(record: Record) -> dict[str, Any]:
    """Return the types of content: by kind, and synthetic where that is declared."""
    kinds = [part.kind for part in record.item.parts or ()] or [record.item.kind]
    types = list(dict.fromkeys(CONTENT[kind] for kind in kinds if kind in CONTENT))
    if record.verdict.origin in AI:
        types.append("CONTENT_TYPE_SYNTHETIC_MEDIA")
    if types:
        return {"content_type": types}
    other = record.item.media_type or record.item.kind.value
    return {"content_type": ["CONTENT_TYPE_OTHER"], "content_type_other": other[:500]}


def _posted(record: Record) -> str | None:
    """Return the day on which a post says that it was made, None where it says none."""
    said = record.item.facts.get("created_at") if record.item.kind is Kind.POST else None
    try:
        if isinstance(said, str):
            day = datetime.fromisoformat(said).astimezone(UTC).date()
        elif isinstance(said, int | float):
            seconds = said / 1000 if said >= MILLISECONDS_FROM else said
            day = datetime.fromtimestamp(seconds, UTC).date()
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return day.isoformat() if FIRST <= day <= LAST else None


def _facts(decision: Decision, *, dated: bool, tables: tuple[str, ...]) -> str:
    """Return what was found, in sentences."""
    entry, record = decision
    alone = unread(record)
    said = [alone.reason if alone else Reason(f"verdict.{headline(record)}")]
    said += [record.signals[index].reason for index in record.verdict.reasons]
    args = {"n": entry.n, "time": entry.time, "version": record.tool.version}
    said.append(Reason("audit.dsa_source", args))
    if not dated:
        said.append(Reason("audit.dsa_undated"))
    words = " ".join(say(reason, extra=tables) for reason in said)
    ellipsis = "\N{HORIZONTAL ELLIPSIS}"
    return words if len(words) <= MOST_FACTS else words[: MOST_FACTS - 1] + ellipsis


def _credential(signal: Signal) -> CredentialFacts | None:
    """Return the facts of a credential that is there; None of any other signal."""
    if signal.tier is not Tier.CREDENTIAL:
        return None
    facts = facts_of(signal, CredentialFacts)
    return facts if facts.state in PRESENT else None


def _mark(signal: Signal) -> MarkFacts | None:
    """Return the facts of a mark that says where an item comes from; None of any other signal."""
    declares = signal.tier is Tier.METADATA and signal.detector != "item" and signal.claim
    return facts_of(signal, MarkFacts) if declares else None


def _named(signals: Iterable[Signal]) -> str | None:
    """Return what made an item, or altered it much, as it is declared; None where nothing says."""
    for signal in signals:
        if facts := _credential(signal):
            path = signal.facts.get("ai_path")
            agent = path.get("softwareAgent") if isinstance(path, dict) else None
            name = agent if isinstance(agent, str) else facts.generator
        elif signal.outcome is Outcome.FINDING and (mark := _mark(signal)):
            name = mark.tool or mark.value
        else:
            continue
        if name:
            return name
    return None


def _altered(record: Record, credentials: Iterable[CredentialFacts]) -> bool | None:
    """Tell whether the item was altered, as far as it is declared or shows; None: nothing says."""
    if any(facts.integrity == "broken" for facts in credentials):
        return True
    return {
        Origin.AI_EDITED: True,
        Origin.EDITED: True,
        Origin.AI_GENERATED: False,
        Origin.CAPTURED: False,
    }.get(record.verdict.origin)
