"""What counting under a key gives."""

from typing import Any

import msgspec

MOST = 2_000
"""Tokens of a text that are scored, from its beginning: marked ones settle it long before."""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How a text stands under one key."""

    tokens: int
    """Tokens that were scored; what comes again counts once."""
    log10_p: float
    """log10 of the chance that a text that knows nothing of the key scores as high."""
    facts: dict[str, Any]
    """The share that counted, and the one that chance gives."""
