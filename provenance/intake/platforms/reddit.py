"""Submissions and comments of Reddit as JSON lines, as its dumps have them."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from provenance.intake.exports.format import Head
from provenance.intake.exports.package import Package
from provenance.intake.exports.post import Account, Found, NotAPost, Post
from provenance.intake.exports.rows import Row, objects
from provenance.intake.exports.values import addresses, needed, time, unescaped

COMMENT, SUBMISSION = "t1_", "t3_"
"""Kinds of ids (Reddit's API: fullnames)."""
GONE = ("[deleted]", "[removed]")


class _Row(msgspec.Struct):
    id: str
    author: str
    created_utc: str | float
    body: str | None = None
    title: str | None = None
    selftext: str = ""
    is_self: bool = True
    url: str | None = None
    parent_id: str | None = None


class Reddit:
    """Reads submissions and comments; ids are fullnames, accounts the names of authors."""

    lists: ClassVar[Sequence[str]] = ()

    @staticmethod
    def tells(head: Head) -> bool:
        """Tell it by the keys of a submission or a comment."""
        return any(
            {"author", "created_utc"} <= {*row} and not {"body", "title"}.isdisjoint(row)
            for row in head.rows
        )

    def __init__(self, package: Package) -> None:
        """Take an export."""
        self._package = package

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all files."""
        for name in self._package.ending(".json", ".jsonl", ".ndjson", ".zst"):
            yield from objects(self._package, name, self.lists)

    def found(self, value: Any) -> Found:
        """Return the post of a row."""
        row = msgspec.convert(value, _Row)
        if row.author in GONE or row.body in GONE:
            raise NotAPost("deleted or removed")
        if row.body is None and row.title is None:
            raise NotAPost("neither a submission nor a comment")
        comment = row.body is not None
        said = [row.body] if comment else [row.title, row.selftext]
        text = unescaped("\n\n".join(filter(None, said)))
        link = [row.url] if row.url and not row.is_self else []
        post = Post(
            post_id=(COMMENT if comment else SUBMISSION) + needed(row.id, "id"),
            account_id=needed(row.author, "author"),
            created_at=time(row.created_utc),
            text=text,
            urls=list(dict.fromkeys([*link, *addresses(text)])),
            in_reply_to=row.parent_id if comment else None,
            platform="reddit",
        )
        return Found(post, (Account(account_id=row.author, platform="reddit", handle=row.author),))
