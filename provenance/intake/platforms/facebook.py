"""Tables of Meta's Content Library: posts of Facebook and Instagram."""

from typing import Any

import msgspec

from provenance.intake.exports.format import Head, Tables
from provenance.intake.exports.post import Account, Found, Post
from provenance.intake.exports.values import addresses, needed, time

OWNER = "post_owner.id"


class _Row(msgspec.Struct):
    id: str
    creation_time: str
    owner: str = msgspec.field(name=OWNER)
    text: str = ""
    lang: str = ""
    link: str = msgspec.field(name="link_attachment.link", default="")
    name: str = msgspec.field(name="post_owner.name", default="")
    handle: str = msgspec.field(name="post_owner.username", default="")


class Facebook(Tables):
    """Reads posts; accounts are the ids of pages, groups and people."""

    @staticmethod
    def tells(head: Head) -> bool:
        """Tell it by its columns."""
        return {"id", "creation_time", OWNER} <= head.columns

    def found(self, value: Any) -> Found:
        """Return the post of a row."""
        row = msgspec.convert(value, _Row)
        links = [row.link] if row.link else []
        post = Post(
            post_id=needed(row.id, "id"),
            account_id=needed(row.owner, OWNER),
            created_at=time(row.creation_time),
            text=row.text,
            urls=list(dict.fromkeys([*links, *addresses(row.text)])),
            platform="facebook",
            lang=row.lang or None,
        )
        account = Account(
            account_id=row.owner,
            platform="facebook",
            handle=row.handle or None,
            name=row.name or None,
        )
        return Found(post, (account,))
