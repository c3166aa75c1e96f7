"""Events of Bluesky's Ozone: a decision as a report, or as a tag where nothing is flagged.

Source: lexicons/tools/ozone/moderation/{emitEvent,defs}.json of bluesky-social/atproto. A label
would be published at once, so none is made: a report asks people.
"""

from typing import Any, Final

import msgspec

from provenance.hooks.decision import Decision
from provenance.hooks.message import Malformed, Message, parse
from provenance.record import Risk

DEFINITIONS: Final = "tools.ozone.moderation.defs"
REASON: Final = "com.atproto.moderation.defs#reasonOther"
TAG: Final = "provenance-{risk}"
ASKS: Final = (Risk.HIGH.value, Risk.REVIEW.value)
"""Risks that people are asked about."""


class Context(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`context` of a message: whom the event is about, and whose it is."""

    subject: dict[str, Any]
    """`com.atproto.repo.strongRef` or `com.atproto.admin.defs#repoRef`."""
    created_by: str
    """DID of the moderator or service."""
    subject_blob_cids: list[str] = []


def message_of(body: bytes) -> Message:
    """Return the message that a body holds.

    Raises:
        Malformed: it holds none, or its context does not name a subject.
    """
    message = parse(body)
    _context(message)
    return message


def said(message: Message, decision: Decision, now: str) -> dict[str, Any]:  # noqa: ARG001 - the server dates events
    """Return the input of `tools.ozone.moderation.emitEvent`."""
    context = _context(message)
    told = {
        "event": _report(decision) if decision.risk in ASKS else _tag(decision),
        "subject": context.subject,
        "createdBy": context.created_by,
    }
    blobs = {"subjectBlobCids": context.subject_blob_cids} if context.subject_blob_cids else {}
    return told | blobs


def _context(message: Message) -> Context:
    try:
        return msgspec.json.decode(message.context, type=Context)
    except msgspec.DecodeError as error:
        raise Malformed("hook.malformed", error=f"its context: {error}") from None


def _report(decision: Decision) -> dict[str, Any]:
    comment = f"{decision.risk}: {decision.sentence}"
    return {"$type": f"{DEFINITIONS}#modEventReport", "reportType": REASON, "comment": comment}


def _tag(decision: Decision) -> dict[str, Any]:
    added = [TAG.format(risk=decision.risk)]
    comment = {"comment": decision.sentence}
    return {"$type": f"{DEFINITIONS}#modEventTag", "add": added, "remove": [], **comment}
