"""Tables of shares as CooRTweet takes them: which object, by whom, in which post, when."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from provenance.intake.exports.format import Head
from provenance.intake.exports.package import Package
from provenance.intake.exports.post import Account, Found, Post
from provenance.intake.exports.rows import Row, table
from provenance.intake.exports.values import needed, time


class _Row(msgspec.Struct):
    object_id: str
    account_id: str
    content_id: str
    timestamp_share: str


class CooRTweet:
    """Reads shares: posts without a text, with the id of what they share."""

    lists: ClassVar[Sequence[str]] = ()

    @staticmethod
    def tells(head: Head) -> bool:
        """Tell it by its columns."""
        return set(_Row.__struct_fields__) <= head.columns

    def __init__(self, package: Package) -> None:
        """Take an export."""
        self._package = package

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all tables."""
        for name in self._package.ending(".csv"):
            yield from table(self._package, name)

    def found(self, value: Any) -> Found:
        """Return the post of a row."""
        row = msgspec.convert(value, _Row)
        post = Post(
            post_id=needed(row.content_id, "content_id"),
            account_id=needed(row.account_id, "account_id"),
            created_at=time(row.timestamp_share),
            text="",
            object_id=needed(row.object_id, "object_id"),
        )
        return Found(post, (Account(account_id=row.account_id),))
