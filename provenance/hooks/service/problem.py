"""Errors as problem documents (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec

from detectors.signal import Reason
from provenance.messages import say

MEDIA_TYPE: Final = "application/problem+json"
TITLES: Final = {status.value: status.phrase for status in HTTPStatus}
RETRY_SECONDS: Final = 1
"""After which a client that was turned away may ask again."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What an error says."""

    type: str = "about:blank"
    title: str
    """Of the status."""
    status: int
    detail: str
    """What is amiss, in a sentence."""
    code: str
    """Of the reason; for programs."""


class Problem(Exception):  # noqa: N818 - an answer, not a fault of ours
    """A request that is answered with an error."""

    def __init__(
        self, status: int, code: str, headers: Mapping[str, str] | None = None, **args: Any
    ) -> None:
        """Keep what is answered.

        Args:
            status: of HTTP.
            code: of a sentence.
            headers: of the answer.
            args: of the sentence.
        """
        super().__init__(code)
        self.status, self.headers = status, dict(headers or {})
        self.document = Document(
            title=TITLES[status], status=status, detail=say(Reason(code, args)), code=code
        )

    @property
    def body(self) -> bytes:
        """The document, as JSON."""
        return msgspec.json.encode(self.document)


def busy() -> Problem:
    """Return the problem of a service that has enough to do."""
    return Problem(503, "request.busy", {"Retry-After": str(RETRY_SECONDS)})
