"""Why a feed is refused, in words: what was found, and what it may mean."""

from typing import Final

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    SlowRetrievalError,
    UnsignedMetadataError,
)
from tuf.api.serialization import DeserializationError

from detectors.errors import Error
from provenance.feeds.source import ElsewhereError

WORDS: Final = {
    "signature": "the signatures are wrong or too few, so it is not from who you follow",
    "rollback": "it is older than what was seen before",
    "expired": "its time stamp has expired: the publisher has not renewed it, or somebody keeps the"
    " newer one from you",
    "mixed": "its files are of different versions: an upload is under way, or somebody mixed them",
    "length": "a file is larger than the signed metadata say",
    "digest": "a file is not the one that was signed",
    "missing": "a file that was signed is missing",
    "slow": "the server is too slow",
    "redirect": "the server sends us to another host",
    "unreachable": "it cannot be read",
    "endless": "a file unpacks to more than a part may have",
    "form": "it is of a form that this program does not know",
    "sequence": "it names an older sequence than was taken in before",
    "root": "the root is not the one that was asked for",
}
"""Kind of a refusal → what it says."""


class RefusedError(Error):
    """A feed that is not believed; nothing was changed here."""

    def __init__(self, kind: str, detail: str) -> None:
        """Keep both.

        Args:
            kind: of `WORDS`.
            detail: what exactly was found, and where.
        """
        super().__init__(kind, detail)
        self.kind, self.detail = kind, detail

    def __str__(self) -> str:
        return f"refused, {WORDS[self.kind]} ({self.detail})"


_KINDS: Final = (
    (UnsignedMetadataError, "signature"),
    (BadVersionNumberError, "rollback"),
    (ExpiredMetadataError, "expired"),
    (LengthOrHashMismatchError, "digest"),
    (DeserializationError, "form"),
    (RepositoryError, "mixed"),
    (DownloadLengthMismatchError, "length"),
    (SlowRetrievalError, "slow"),
    (ElsewhereError, "redirect"),
    (DownloadHTTPError, "missing"),
    (DownloadError, "unreachable"),
)
"""The first that fits counts."""
MOST: Final = 200
"""Characters of a foreign message."""


def of(error: RepositoryError | DownloadError) -> RefusedError:
    """Return the refusal that an error of TUF means."""
    kind = next(kind for each, kind in _KINDS if isinstance(error, each))
    return RefusedError(kind, str(error)[:MOST])
