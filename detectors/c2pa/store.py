"""A manifest store as JSON, read without trust in its shape: whatever stands there, nothing raises.

The store is the dict that `c2pa.Reader.json()` gives, for pictures and texts alike.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Literal

LinkPath = Literal["self", "component", "input"]

MOST_MANIFESTS = 256
MOST_ROWS = 1000
"""Rows of any one list that are looked at; real stores hold tens."""
TEXT = 300
"""Characters kept of a string that a file chose."""


def text(value: Any, most: int = TEXT) -> str | None:
    """Return a string of a file, cut and without lone surrogates; None if none or empty."""
    if not isinstance(value, str) or not value:
        return None
    return value[:most].encode("utf-8", "replace").decode()


def rows(value: Any, most: int = MOST_ROWS) -> list[dict[str, Any]]:
    """Return the mappings in a list that a file supplied; of anything else, nothing."""
    return [row for row in value[:most] if isinstance(row, dict)] if isinstance(value, list) else []


def walk(store: Mapping[str, Any]) -> Iterator[tuple[str, LinkPath, str, dict[str, Any]]]:
    """Yield every manifest that the active one links to, nearest first, once for each kind of path.

    Yields:
        label, kind of path, relationships on the way, manifest.
    """
    found = store.get("manifests")
    manifests: dict[str, Any] = found if isinstance(found, dict) else {}
    waiting: deque[tuple[Any, LinkPath, str]] = deque([(store.get("active_manifest"), "self", "")])
    seen: set[tuple[str, LinkPath]] = set()
    while waiting and len(seen) < MOST_MANIFESTS:
        label, path, links = waiting.popleft()
        manifest = manifests.get(label) if isinstance(label, str) else None
        if not isinstance(manifest, dict) or (label, path) in seen:
            continue
        seen.add((label, path))
        yield label, path, links, manifest
        for row in rows(manifest.get("ingredients")):
            kind = row.get("relationship")
            step = f"{links}/{kind}".strip("/")[:TEXT]
            waiting.append((row.get("active_manifest"), onward(path, kind), step))


def onward(path: LinkPath, relationship: Any) -> LinkPath:
    """Return the kind of path behind one more ingredient; what is not known counts as an input."""
    if path == "input" or relationship not in ("parentOf", "componentOf"):
        return "input"
    return path if relationship == "parentOf" else "component"


def codes_of(value: Any) -> list[str]:
    """Return the codes of a list of validation results, each once."""
    return list(dict.fromkeys(code for row in rows(value) if (code := text(row.get("code"), 100))))
