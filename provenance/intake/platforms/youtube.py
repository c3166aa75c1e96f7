"""Comments of YouTube as tables of YouTube Data Tools."""

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from provenance.intake.exports.format import Head, Tables
from provenance.intake.exports.post import Account, Found, Post
from provenance.intake.exports.values import addresses, needed, time, unescaped


class _Row(msgspec.Struct, rename="camel"):
    id: str
    published_at: str
    text: str
    author_channel_id: str
    author_name: str = ""
    is_reply_to: str = ""


class YouTube(Tables):
    """Reads comments; accounts are channel ids."""

    endings: ClassVar[Sequence[str]] = (".csv", ".tab", ".tsv")

    @staticmethod
    def tells(head: Head) -> bool:
        """Tell it by its columns."""
        return {"id", "publishedAt", "text", "authorChannelId"} <= head.columns

    def found(self, value: Any) -> Found:
        """Return the post of a row."""
        row = msgspec.convert(value, _Row)
        text = unescaped(row.text)
        post = Post(
            post_id=needed(row.id, "id"),
            account_id=needed(row.author_channel_id, "authorChannelId"),
            created_at=time(row.published_at),
            text=text,
            urls=addresses(text),
            in_reply_to=row.is_reply_to or None,
            platform="youtube",
        )
        account = Account(
            account_id=post.account_id, platform="youtube", name=row.author_name or None
        )
        return Found(post, (account,))
