"""Records of Bluesky: events of Jetstream, answers of `getAuthorFeed`, listed records."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from provenance.intake.exports.format import Head
from provenance.intake.exports.package import Package
from provenance.intake.exports.post import Account, Found, NotAPost, Post
from provenance.intake.exports.rows import Row, objects
from provenance.intake.exports.values import time

POST, REPOST = "app.bsky.feed.post", "app.bsky.feed.repost"
BY_REPOST = "app.bsky.feed.defs#reasonRepost"
LINK = "app.bsky.richtext.facet#link"
ENDINGS = (".json", ".jsonl", ".ndjson")


class _Link(msgspec.Struct):
    link: str = msgspec.field(name="$link", default="")


class _Blob(msgspec.Struct):
    ref: _Link = msgspec.field(default_factory=_Link)


class _Image(msgspec.Struct):
    image: _Blob = msgspec.field(default_factory=_Blob)


class _External(msgspec.Struct):
    uri: str = ""


class _Embed(msgspec.Struct):
    images: list[_Image] = []
    video: _Blob | None = None
    external: _External | None = None
    media: "_Embed | None" = None


class _Feature(msgspec.Struct):
    kind: str = msgspec.field(name="$type", default="")
    uri: str = ""


class _Facet(msgspec.Struct):
    features: list[_Feature] = []


class _Subject(msgspec.Struct):
    uri: str


class _Reply(msgspec.Struct):
    parent: _Subject


class _Record(msgspec.Struct):
    kind: str = msgspec.field(name="$type")
    created_at: str = msgspec.field(name="createdAt")
    text: str = ""
    langs: list[str] = []
    facets: list[_Facet] = []
    reply: _Reply | None = None
    embed: _Embed | None = None
    subject: _Subject | None = None

    @property
    def links(self) -> list[str]:
        """Addresses that it links to."""
        found = [each.uri for facet in self.facets for each in facet.features if each.kind == LINK]
        if self.embed and self.embed.external:
            found.append(self.embed.external.uri)
        return list(dict.fromkeys(filter(None, found)))

    @property
    def blobs(self) -> list[str]:
        """CIDs of its media."""
        embeds = [each for each in (self.embed, self.embed and self.embed.media) if each]
        found = [image.image.ref.link for each in embeds for image in each.images]
        return [*found, *(each.video.ref.link for each in embeds if each.video)]


class _Commit(msgspec.Struct):
    operation: str
    collection: str
    rkey: str
    record: _Record | None = None


class _Event(msgspec.Struct):
    did: str
    kind: str
    commit: _Commit | None = None


class _Author(msgspec.Struct):
    did: str
    handle: str | None = None
    display_name: str | None = msgspec.field(name="displayName", default=None)

    def account(self) -> Account:
        """Return what is said of it."""
        return Account(
            account_id=self.did, platform="bluesky", handle=self.handle, name=self.display_name
        )


class _Shown(msgspec.Struct):
    uri: str
    author: _Author
    record: _Record


class _Reason(msgspec.Struct):
    kind: str = msgspec.field(name="$type", default="")
    by: _Author | None = None
    uri: str | None = None
    indexed_at: str | None = msgspec.field(name="indexedAt", default=None)


class _FeedItem(msgspec.Struct):
    post: _Shown
    reason: _Reason | None = None


class _Listed(msgspec.Struct):
    uri: str
    value: _Record


class Bluesky:
    """Reads posts and reposts; accounts are DIDs, ids are `at://` addresses."""

    lists: ClassVar[Sequence[str]] = ("feed", "records")

    @staticmethod
    def tells(head: Head) -> bool:
        """Tell it by the keys of events, feed items and listed records."""
        return any(map(_is_ours, head.rows))

    def __init__(self, package: Package) -> None:
        """Take an export; blobs lie in it under their CID, with any ending."""
        self._package = package
        names = package.names if package.is_folder or len(package.names) > 1 else ()
        self._blobs = {name.rpartition("/")[2].partition(".")[0]: name for name in names}

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all files."""
        for name in self._package.ending(*ENDINGS):
            yield from objects(self._package, name, self.lists)

    def found(self, value: Any) -> Found:
        """Return the post of a row."""
        if isinstance(value, dict) and "did" in value:
            return self._of_event(msgspec.convert(value, _Event))
        if isinstance(value, dict) and "post" in value:
            return self._of_feed(msgspec.convert(value, _FeedItem))
        said = msgspec.convert(value, _Listed)
        did = said.uri.removeprefix("at://").partition("/")[0]
        return self._made(said.uri, did, said.value)

    def _of_event(self, event: _Event) -> Found:
        commit = event.commit
        if commit is None:
            raise NotAPost(f"an event about an account ({event.kind})")
        if commit.record is None or commit.operation not in ("create", "update"):
            raise NotAPost(f"a deletion ({commit.operation} of {commit.collection})")
        uri = f"at://{event.did}/{commit.collection}/{commit.rkey}"
        return self._made(uri, event.did, commit.record)

    def _of_feed(self, item: _FeedItem) -> Found:
        post, reason = item.post, item.reason
        made = self._made(post.uri, post.author.did, post.record)
        if reason is None or reason.kind != BY_REPOST or reason.by is None:
            return made._replace(accounts=(post.author.account(),))
        repost = Post(
            post_id=reason.uri or f"{post.uri}#{reason.by.did}",
            account_id=reason.by.did,
            created_at=time(reason.indexed_at or ""),
            text=made.post.text,
            urls=made.post.urls,
            is_repost=True,
            repost_of=post.uri,
            reposted_account=post.author.did,
            platform="bluesky",
            lang=made.post.lang,
        )
        return Found(repost, (reason.by.account(), post.author.account()), made.media)

    def _made(self, uri: str, did: str, record: _Record) -> Found:
        if record.kind not in (POST, REPOST):
            raise NotAPost(f"no post ({record.kind})")
        origin = record.subject.uri if record.subject and record.kind == REPOST else None
        post = Post(
            post_id=uri,
            account_id=did,
            created_at=time(record.created_at),
            text=record.text,
            urls=record.links,
            is_repost=record.kind == REPOST,
            repost_of=origin,
            reposted_account=origin.removeprefix("at://").partition("/")[0] if origin else None,
            in_reply_to=record.reply.parent.uri if record.reply else None,
            platform="bluesky",
            lang=record.langs[0] if record.langs else None,
        )
        media = [self._blobs[cid] for cid in record.blobs if cid in self._blobs]
        return Found(post, (Account(account_id=did, platform="bluesky"),), media)


def _is_ours(row: dict[str, Any]) -> bool:
    """Tell whether an object is an event, a feed item or a listed record."""
    if {"did", "kind", "time_us"} <= {*row}:
        return True
    inner = row.get("value", row.get("post"))
    uri = inner.get("uri", row.get("uri")) if isinstance(inner, dict) else None
    return isinstance(uri, str) and uri.startswith("at://")
