"""Tables of shares as CooRTweet takes them: which object, by whom, in which post, when."""

from typing import Any

import msgspec

from provenance.intake.exports.format import Head, Tables
from provenance.intake.exports.post import Account, Found, Post
from provenance.intake.exports.values import needed, time


class _Row(msgspec.Struct):
    object_id: str
    account_id: str
    content_id: str
    timestamp_share: str


class CooRTweet(Tables):
    """Reads shares: posts without a text, with the id of what they share."""

    @staticmethod
    def tells(head: Head) -> bool:
        """Tell it by its columns."""
        return set(_Row.__struct_fields__) <= head.columns

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
