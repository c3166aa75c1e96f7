"""Clusters of accounts for people and for programs."""

from typing import TextIO

import msgspec

from provenance.coordination.clusters import Cluster, Document, SharedObject, Undistinguished
from provenance.coordination.evidence.urls import defanged
from provenance.render import RenderOptions
from provenance.render.escape import escape_json
from provenance.render.terminal import Page
from provenance.render.words import Words

NAMED = 12
"""Accounts that are named on a screen."""
SHOWN = 5
"""Shared objects of a cluster on a screen."""


def write(document: Document, form: str, out: TextIO, look: RenderOptions) -> None:
    """Write a document for the terminal, as json or as jsonl."""
    if form == "terminal":
        _Screen(out, look).document(document)
    elif form == "json":
        text = msgspec.json.format(msgspec.json.encode(document), indent=1).decode()
        out.write(escape_json(text, ascii_only=not look.unicode) + "\n")
    else:
        out.writelines(line(cluster, ascii_only=not look.unicode) for cluster in document.clusters)


def line(cluster: Cluster, *, ascii_only: bool = False) -> str:
    """Return a cluster as a line of JSON."""
    return escape_json(msgspec.json.encode(cluster).decode(), ascii_only=ascii_only) + "\n"


class _Screen:
    """What was found, on a terminal."""

    def __init__(self, out: TextIO, look: RenderOptions) -> None:
        self._page, self._words = Page(out, look), Words(look)

    def document(self, document: Document) -> None:
        """Print clusters, what chance explains, and what was not looked at."""
        page, word = self._page, self._words.word
        for cluster in document.clusters:
            self._cluster(cluster)
        if document.not_distinguishable:
            page.line(word("coordination.not_distinguishable"))
            for each in document.not_distinguishable:
                self._other(each)
            page.line("")
        page.line(word("coordination.not_assessed"))
        for gap in document.not_assessed:
            self._inset(f"{word(f'coordination.kind.{gap.kind}')}: {self._words.say(gap.reason)}")
        named = [
            word(f"coordination.skipped.{name}", count=self._words.number(count))
            for name, count in document.skipped.items()
            if count
        ]
        if named:
            page.line(word("coordination.skipped", named=", ".join(named)))
        page.line("")
        page.line(document.does_not_prove)
        page.line(
            word(
                "coordination.counts",
                posts=self._words.number(document.posts),
                accounts=self._words.number(document.accounts),
                clusters=len(document.clusters),
            )
        )

    def _cluster(self, cluster: Cluster) -> None:
        page, word = self._page, self._words.word
        title = word("coordination.cluster", count=len(cluster.accounts))
        page.line(f"{cluster.id}  {title}")
        null = ", ".join(word(f"coordination.null.{name}") for name in cluster.null)
        expected = cluster.expected_by_chance
        self._inset(word("coordination.chance_figure", expected=expected, null=null))
        self._inset(
            word(
                "coordination.span",
                objects=len(cluster.objects),
                first=cluster.first,
                last=cluster.last,
                edges=cluster.edges,
            )
        )
        self._inset(self._accounts(cluster.accounts))
        for each in cluster.objects[:SHOWN]:
            self._object(each)
        if (left := len(cluster.objects) - SHOWN) > 0:
            self._inset(word("run.more", count=left))
        page.line("")

    def _object(self, each: SharedObject) -> None:
        word = self._words.word
        value = each.digest
        if isinstance(each.value, str):
            shown = each.value
            if each.kind == "same_url":
                shown = defanged(shown)
            value = word("coordination.value", value=shown)
        if each.members:
            said = word("coordination.trait", count=each.accounts)
            self._inset(f"{word(f'coordination.kind.{each.kind}')}: {said}")
            return
        said = word(
            "coordination.object",
            count=each.accounts,
            first=each.first,
            last=each.last,
            value=value,
        )
        self._inset(f"{word(f'coordination.kind.{each.kind}')}: {said}")

    def _other(self, each: Undistinguished) -> None:
        self._inset(self._accounts(each.accounts))
        self._inset(self._words.say(each.reason))

    def _inset(self, text: str) -> None:
        self._page.hang("  ", text, 4)

    def _accounts(self, names: list[str]) -> str:
        word = self._words.word
        shown = ", ".join(map(self._words.shown, names[:NAMED]))
        if (left := len(names) - NAMED) > 0:
            shown += f", {word('run.more', count=left)}"
        return word("coordination.accounts", names=shown)
