"""Keyed digests in the place of ids: the same key joins two files, and nothing else does."""

import hmac
import re
from pathlib import Path
from typing import Final

import msgspec

from detectors.errors import ConfigError
from provenance.intake.exports.post import Account, Post

LEAST: Final = 16
"""Bytes of a key."""
KEPT: Final = 32
"""Hex digits of a digest that are kept: 128 bits."""
MENTION: Final = re.compile(r"(?<![\w@.])@(\w(?:[\w.-]*\w)?(?:@\w(?:[\w.-]*\w)?)?)")
REDDITOR: Final = re.compile(r"(?<![\w/])(/?u/)([\w-]{2,})")
"""A person as Reddit writes them."""
DID: Final = re.compile(r"(?:at://)?did:[a-z]+:[\w.:%/-]*\w")
PLATFORM: Final = re.compile(
    r"(https?://(?:[\w-]+\.)*"
    r"(?:x\.com|twitter\.com|bsky\.app|t\.me|telegram\.me|reddit\.com|redd\.it|youtube\.com"
    r"|youtu\.be|tiktok\.com|facebook\.com|fb\.com|fb\.watch|instagram\.com|threads\.net)/"
    r"|https?://[^\s/]+/(?=@|users/))([^\s<>\"]+)",
    re.IGNORECASE,
)
"""An address of a platform, or of a server of the fediverse, and what in it names an account or a
post."""


class Key:
    """HMAC-SHA-256 under a key of the user's."""

    def __init__(self, secret: bytes) -> None:
        """Take the key.

        Args:
            secret: 16 bytes or more.
        """
        self._secret = secret

    def of(self, name: str) -> str:
        """Return the digest of an id or a handle, 32 hex digits."""
        return hmac.digest(self._secret, name.encode("utf-8", "surrogatepass"), "sha256").hex()[
            :KEPT
        ]

    def text(self, text: str) -> str:
        """Return a text in which mentions, and addresses that name accounts or posts, are keyed."""
        text = PLATFORM.sub(lambda found: found[1] + self.of(found[2]), text)
        text = DID.sub(lambda found: self.of(found[0]), text)
        text = REDDITOR.sub(lambda found: found[1] + self.handle(found[2]), text)
        return MENTION.sub(lambda found: f"@{self.handle(found[1])}", text)

    def handle(self, handle: str) -> str:
        """Return the digest of a handle, the same however it is spelt."""
        return self.of(handle.lower())

    def post(self, post: Post) -> Post:
        """Return a post without an id or a handle."""
        return msgspec.structs.replace(
            post,
            post_id=self.of(post.post_id),
            account_id=self.of(post.account_id),
            text=self.text(post.text),
            urls=[self.text(url) for url in post.urls],
            repost_of=self._optional(post.repost_of),
            reposted_account=self._optional(post.reposted_account),
            in_reply_to=self._optional(post.in_reply_to),
            object_id=self._optional(post.object_id),
        )

    def account(self, account: Account) -> Account:
        """Return an account without an id, a handle, a name or words of its own."""
        return msgspec.structs.replace(
            account,
            account_id=self.of(account.account_id),
            handle=self.handle(account.handle) if account.handle else None,
            name=None,
            bio=None,
        )

    def _optional(self, name: str | None) -> str | None:
        return None if name is None else self.of(name)


def key(path: Path) -> Key:
    """Load a key: the bytes of a file as they are.

    Raises:
        ConfigError: it cannot be read, or is too short.
    """
    try:
        secret = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    if len(secret) < LEAST:
        raise ConfigError(f"{path}: a key has {LEAST} bytes or more, this has {len(secret)}")
    return Key(secret)
