"""The article inside a web page, without menus, lists of links and legal notes."""

import logging
import re
from importlib.metadata import version
from typing import Any

from detectors.decode.documents.visible import visible
from detectors.decode.probing import without_probing

LONGEST = 1 << 20
"""Characters of a page whose article is searched for; of longer ones all visible text is taken.
A table of so many takes 5 CPU seconds and 300 MB."""
LONGEST_TAG = 2000
"""Characters of a tag that may keep its attributes: the parser compares each with each."""
_TAG = re.compile(
    r"""<([a-zA-Z][^\s/>]{0,40}+)(?:=\s*+"[^"]*+"?|=\s*+'[^']*+'?|[^>])*+>?""", re.IGNORECASE
)
"""A start tag as the HTML standard reads it (13.2.5.6): quotes count behind an equals sign. It ends
with the page at the latest, so that nothing is looked at twice."""


def readable(source: str, facts: dict[str, Any]) -> str:
    """Read the main text of an HTML page, or all its visible text where none can be told.

    Sets `facts["main_text"]` to the library that chose. Fragments such as one paragraph have no
    main text, and without trafilatura nothing is left out.
    """
    if len(source) > LONGEST:
        return visible(source)
    try:
        with without_probing():
            from trafilatura import extract
    except ImportError:
        return visible(source)
    logging.getLogger("trafilatura").addHandler(logging.NullHandler())
    try:
        text = extract(_bounded(source), include_comments=False, favor_recall=True)
    except (ValueError, RecursionError):  # what lxml will not parse, and trees deeper than its walk
        text = None
    if not text:
        return visible(source)
    facts["main_text"] = f"trafilatura {version('trafilatura')}"
    return str(text)


def _bounded(source: str) -> str:
    """Return a page whose long tags have lost their attributes."""
    return _TAG.sub(
        lambda tag: tag[0] if len(tag[0]) <= LONGEST_TAG else f"<{tag[1][:40]}>", source
    )
