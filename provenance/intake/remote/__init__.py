"""Buckets as sources: the one room that reaches remote stores.

A source is `SCHEME://BUCKET/KEY`. A key is a name and nothing else: `..`, `::`, `?` and `*` in it
lead nowhere, and no name makes fsspec open another kind of store inside this one. A folder is what
keys have in common up to a slash, as stores list them; an object whose key ends with a slash stands
for a folder and is no item.
"""

from provenance.intake.remote.folders import Entry, lies, reach, scandir, source
from provenance.intake.remote.names import is_remote, refuse_others, split
from provenance.intake.remote.store import answers, fetched, see_that_it_is_usable, streamed

__all__ = [
    "Entry",
    "answers",
    "fetched",
    "is_remote",
    "lies",
    "reach",
    "refuse_others",
    "scandir",
    "see_that_it_is_usable",
    "source",
    "split",
    "streamed",
]
