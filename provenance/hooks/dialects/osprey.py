"""Events of ROOST's Osprey: a decision as its rules read it.

Source: docs/integration/data-flow.md of roostorg/osprey: messages of the topic
`osprey.actions_input`. What rules see is the record (`JsonData(path='$.verdict.risk')`), with
`sentence`, and `message` for what was asked.
"""

import hashlib
from typing import Any, Final

import msgspec

from provenance.hooks.decision import Decision
from provenance.hooks.message import Message, parse

ACTION: Final = "provenance_checked"
"""What rules match."""


def message_of(body: bytes) -> Message:
    """Return the message that a body holds.

    Raises:
        Malformed: it holds none.
    """
    return parse(body)


def said(message: Message, decision: Decision, now: str) -> dict[str, Any]:
    """Return the event of a decision.

    Args:
        message: that was decided on; `action_id` of its context, a whole number, becomes that of
            the event, else one is made of its id.
        decision: on it.
        now: RFC 3339.
    """
    context = msgspec.json.decode(message.context)
    given = context.get("action_id") if isinstance(context, dict) else None
    number = given if isinstance(given, int) else _number(message.id)
    record = msgspec.json.decode(decision.record)
    asked = {"id": message.id, "context": context}
    seen = {**record, "sentence": decision.sentence, "message": asked}
    action = {"action_id": number, "action_name": ACTION, "data": seen}
    return {"send_time": now, "data": action}


def _number(identity: str) -> int:
    """Return a number of 63 bits, the same for the same id."""
    digest = hashlib.sha256(identity.encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big") >> 1
