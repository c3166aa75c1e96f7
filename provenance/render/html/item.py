"""One item at length, as a page to keep and to print: no script, nothing fetched."""

import base64
from collections.abc import Sequence
from typing import Any, BinaryIO

from detectors.signal import CredentialFacts, Signal, Tier, facts_of
from provenance.record import Record
from provenance.render import RenderOptions
from provenance.render.explained import QUESTIONS, account, answer, by_windows
from provenance.render.html.data import described, facts_in, ordered
from provenance.render.html.page import parts, template
from provenance.render.words import Words
from provenance.verdict import Policy
from provenance.verdict.headline import unread

RELATIONS = {"parentOf": "parent", "componentOf": "component", "inputTo": "input"}
"""Relationship of an ingredient (C2PA 2.2, 10.3) → the end of the code of its words."""


def write(
    record: Record,
    policy: Policy,
    pictures: Sequence[tuple[str, bytes]],
    out: BinaryIO,
    look: RenderOptions,
) -> None:
    """Write pictures and evidence, what it means, the credential's history, and every fact.

    Args:
        record: of one item.
        policy: the one that judged it.
        pictures: a caption and the picture, WebP.
        out: receives the page.
        look: language; `verbose` is not asked for.
    """
    told = said(record, policy, pictures, Words(look))
    pieces = template("explained.html.jinja").generate(**parts(), **told)
    out.writelines(piece.encode() for piece in pieces)


def said(
    record: Record, policy: Policy, pictures: Sequence[tuple[str, bytes]], words: Words,
    *, drawn: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Return what `item.html.jinja` shows of an item.

    Args:
        record: of it.
        policy: the one that judged it.
        pictures: a caption and the picture, WebP.
        words: to say it with.
        drawn: whether one of them is a match that was drawn.
    """
    answers = {asked: answer(words, record, asked, drawn=drawn) for asked in QUESTIONS}
    return {
        "record": record,
        "words": words,
        "read": unread(record) is None,
        "pictures": [(caption, _address(picture)) for caption, picture in pictures],
        "signals": ordered(record),
        "answers": [(f"explain.{asked}", told) for asked, told in answers.items()],
        "history": [_root(words, record, one) for one in record.signals if _has_history(one)],
        "account": [*by_windows(words, record), *account(words, record, policy)],
        "facts": [*described(words, record), *(_of_signal(words, one) for one in record.signals)],
    }


def _address(picture: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(picture).decode()}"


def _of_signal(words: Words, signal: Signal) -> list[Any]:
    head = {"outcome": signal.outcome.value, "claim": signal.claim, "source": signal.source}
    code = {"code": signal.reason.code, "log10_lr": signal.log10_lr}
    return [words.label(signal), facts_in(words, head | code | signal.facts)]


def _has_history(signal: Signal) -> bool:
    return signal.tier is Tier.CREDENTIAL and bool(facts_of(signal, CredentialFacts).generator)


def _root(words: Words, record: Record, signal: Signal) -> dict[str, Any]:
    """Return the active manifest as the root of its history."""
    facts = facts_of(signal, CredentialFacts)
    issuer = facts.signer.get("issuer") if facts.signer else None
    named = {"title": record.item.uri, "issuer": issuer}
    below = {"generator": facts.generator, "ingredients": facts.ingredients}
    return _node(words, named | below | {"declares_ai": facts.ai}, root=True)


def _node(words: Words, told: dict[str, Any], *, root: bool = False) -> dict[str, Any]:
    """Return a manifest in words, with the ingredients below it."""
    relation = RELATIONS.get(str(told.get("relationship")), "other")
    said = [words.word(f"page.relation.{relation}")] if not root else []
    for key, code in (("generator", "page.made_by"), ("issuer", "page.signed_by")):
        if value := told.get(key):
            said.append(words.word(code, name=value))
    if told.get("declares_ai"):
        said.append(words.word("page.declares_ai"))
    below = told.get("ingredients")
    entries = [one for one in below if isinstance(one, dict)] if isinstance(below, list) else []
    return {
        "title": words.shown(str(told.get("title") or "")),
        "said": said,
        "codes": words.shown(", ".join(map(str, told.get("codes") or ()))),
        "below": [_node(words, entry) for entry in entries],
    }
