"""One honest verdict on where a picture, a text or a post comes from."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["check", "scan"]


def __getattr__(name: str) -> Any:
    """Give `check` or `scan`, imported at first use so that `import provenance` costs nothing."""
    if name in __all__:
        from provenance.engine import library

        return getattr(library, name)
    raise AttributeError(f"module 'provenance' has no attribute {name!r}")
