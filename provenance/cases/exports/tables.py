"""Clusters as tables that other researchers can compute with: who posted which object when."""

import csv
import io
from collections.abc import Iterable, Iterator

from provenance.cases.case import Case
from provenance.cases.exports.indicators import cell

SHARES = ("cluster", "account", "object", "kind", "post", "time")
CLUSTERS = ("cluster", "accounts", "kinds", "objects", "edges", "first", "last",
            "expected_by_chance", "does_not_prove")  # fmt: skip


def write(case: Case) -> dict[str, bytes]:
    """Return the tables by the names of their files."""
    return {
        "shares.csv": _table(SHARES, _shares(case)),
        "clusters.csv": _table(CLUSTERS, _clusters(case)),
    }


def _shares(case: Case) -> Iterator[tuple[str, ...]]:
    for cluster in case.clusters:
        for each in cluster.objects:
            for share in each.by:
                yield cluster.id, share.account, each.digest, each.kind, share.post, share.time


def _clusters(case: Case) -> Iterator[tuple[str, ...]]:
    for each in case.clusters:
        numbers = (len(each.objects), each.edges)
        yield (
            each.id, str(len(each.accounts)), " ".join(each.kinds), *map(str, numbers),
            each.first, each.last, f"{each.expected_by_chance:g}", each.does_not_prove,
        )  # fmt: skip


def _table(head: Iterable[str], rows: Iterable[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([*map(cell, row)] for row in rows)
    return out.getvalue().encode()
