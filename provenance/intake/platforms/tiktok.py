"""Lists of videos as TikTok's Research API returns them."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from provenance.intake.exports.format import Head
from provenance.intake.exports.package import Package
from provenance.intake.exports.post import Account, Found, Post
from provenance.intake.exports.rows import Row, objects
from provenance.intake.exports.values import addresses, needed, time


class _Row(msgspec.Struct):
    id: int | str
    create_time: int | str
    username: str
    video_description: str = ""


class TikTok:
    """Reads videos, of which a post has the description; accounts are user names."""

    lists: ClassVar[Sequence[str]] = ("data.videos", "videos")

    @staticmethod
    def tells(head: Head) -> bool:
        """Tell it by the keys of a video."""
        return any({"id", "create_time", "username"} <= {*row} for row in head.rows)

    def __init__(self, package: Package) -> None:
        """Take an export."""
        self._package = package

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all files."""
        for name in self._package.ending(".json", ".jsonl", ".ndjson"):
            yield from objects(self._package, name, self.lists)

    def found(self, value: Any) -> Found:
        """Return the post of a row."""
        row = msgspec.convert(value, _Row)
        post = Post(
            post_id=needed(row.id, "id"),
            account_id=needed(row.username, "username"),
            created_at=time(row.create_time),
            text=row.video_description,
            urls=addresses(row.video_description),
            platform="tiktok",
        )
        account = Account(account_id=row.username, platform="tiktok", handle=row.username)
        return Found(post, (account,))
