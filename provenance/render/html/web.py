"""The page of the service, for whoever has no terminal: drop files and texts, read verdicts."""

import io
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from provenance.record import Record
from provenance.render import RenderOptions, explained
from provenance.render.html.data import json_of
from provenance.render.html.item import said
from provenance.render.html.page import STYLE, parts, template, trusted
from provenance.render.words import Words
from provenance.verdict import Policy

STYLES: Final = (STYLE, "web.css")
SCRIPT: Final = "web.js"
SCRIPT_WORDS: Final = (
    "working", "looking", "failed", "lost", "again", "copy", "copied", "print", "remove", "removed",
    "text", "used",
)  # fmt: skip
"""Words that the script puts into the page."""
COLUMNS: Final = 80
"""Of a verdict that is copied as text."""


def page(words: Words) -> tuple[str, str]:
    """Return the page, and its policy (CSP)."""
    made: dict[str, Any] = parts(SCRIPT, STYLES, served=True)
    script = {name: words.word(f"web.{name}", name="{name}") for name in SCRIPT_WORDS}
    told = template("web.html.jinja").render(**made, word=words.word, said=trusted(json_of(script)))
    return told, made["policy"]


def article(
    record: Record, policy: Policy, pictures: Sequence[tuple[str, bytes]], look: RenderOptions
) -> str:
    """Return a verdict as a piece of the page.

    Args:
        record: of one item.
        policy: the one that judged it.
        pictures: its match, drawn: a caption and the picture, WebP.
        look: language.
    """
    plain = io.StringIO()
    explained.write(record, policy, plain, msgspec.structs.replace(look, width=COLUMNS))
    told = said(record, policy, pictures, Words(look), drawn=bool(pictures))
    return template("article.html.jinja").render(**told, plain=plain.getvalue())
