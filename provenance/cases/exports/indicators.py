"""Indicators as a table, in the columns of Meta's threat reports, defanged."""

import csv
import io
from collections.abc import Iterator

from provenance.cases.case import Case, Cluster
from provenance.cases.exports.about import SPRAYING, addresses_of
from provenance.coordination.evidence.urls import defanged

COLUMNS = (
    "Tactic", "Technique", "Procedure", "Indicator", "Type", "First seen", "Last seen", "Cluster",
)  # fmt: skip
ACTING = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
"""How a cell begins that a spreadsheet would run, and the mark of text itself."""


def write(case: Case) -> bytes:
    """Return the table."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    for cluster in case.clusters:
        rows.writerows([*map(cell, row)] for row in _of_cluster(cluster))
    return out.getvalue().encode()


def _of_cluster(cluster: Cluster) -> Iterator[tuple[str, ...]]:
    seen: dict[str, list[str]] = {}
    for each in cluster.objects:
        for share in each.by:
            seen.setdefault(share.account, []).append(share.time)
        if each.kind != "same_url":
            value = each.value if isinstance(each.value, str) else each.digest
            yield (*SPRAYING, value, each.kind, each.first, each.last, cluster.id)
    for each in addresses_of(cluster):
        shown = defanged(each.value) if isinstance(each.value, str) else each.digest
        yield (*SPRAYING, shown, each.kind, each.first, each.last, cluster.id)
    for account in cluster.accounts:
        times = seen.get(account, [cluster.first])
        yield ("", "", "", account, "account", min(times), max(times), cluster.id)


def cell(text: str) -> str:
    """Return a cell that no spreadsheet runs."""
    return f"'{text}" if text.startswith(ACTING) else text
