"""One honest verdict on where a picture, a text or a post comes from."""

from typing import Any

from provenance.version import __version__

__all__ = ["__version__", "check", "scan"]


def __getattr__(name: str) -> Any:
    """Return `check` or `scan`, imported at first use so that `import provenance` costs nothing."""
    if name in ("check", "scan"):
        from provenance import api

        return getattr(api, name)
    raise AttributeError(f"module 'provenance' has no attribute {name!r}")
