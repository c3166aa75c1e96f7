"""The frame of a public report in Markdown, with gaps for what a machine cannot know."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from detectors.signal import Reason
from provenance.cases.case import Case, Cluster
from provenance.cases.exports.about import addresses_of
from provenance.coordination.evidence.urls import defanged
from provenance.messages import say

GAPS: Final = ("who", "why")
"""What a machine cannot know; `--notes` fills it."""
OBJECTS: Final = 20
"""Shared things of a cluster that are listed."""


def write(case: Case, notes: Mapping[str, str], locale: str) -> bytes:
    """Return the frame.

    Args:
        case: as it is to leave.
        notes: what people know, by name: `who`, `why`, and sections of their own.
        locale: language of the sentences.
    """
    lines = [*_Frame(case, notes, locale).lines()]
    return ("\n".join(lines).rstrip("\n") + "\n").encode()


class _Frame:
    def __init__(self, case: Case, notes: Mapping[str, str], locale: str) -> None:
        self._case, self._notes, self._locale = case, notes, locale

    def _word(self, code: str, **args: Any) -> str:
        return say(Reason(f"case.frame.{code}", args), self._locale)

    def lines(self) -> Iterator[str]:
        """Yield the lines of all sections."""
        case, word = self._case, self._word
        yield from (f"# {escaped(word('title', name=case.name))}", "")
        yield from self._section("summary", [word("summary_text", **self._figures()),
                                             "", case.does_not_prove])  # fmt: skip
        for name in GAPS:
            gap = word("gap", what=word(f"{name}_gap"))
            yield from self._section(name, [self._notes.get(name) or gap])
        for name, text in self._notes.items():
            if name not in GAPS:
                yield from (f"## {escaped(name)}", "", text, "")
        yield from self._section("platforms", self._counted("platform", case.counts["by_platform"]))
        yield from self._section("risks", self._counted("risk", case.counts["by_risk"]))
        yield from self._section("clusters", [])
        for cluster in case.clusters:
            yield from self._cluster(cluster)
        yield from self._section("timeline", self._timeline())
        yield from self._section("indicators", self._indicators())
        yield from self._section("method", [word("method_text", **self._method())])
        yield from self._section("limits", self._limits())

    def _section(self, name: str, lines: Iterable[str]) -> Iterator[str]:
        yield from (f"## {self._word(name)}", "", *lines, "")

    def _figures(self) -> dict[str, Any]:
        counts = self._case.counts
        return {
            "accounts": counts["accounts"],
            "posts": counts["posts"],
            "members": counts["accounts_in_clusters"],
            "clusters": counts["clusters"],
            "matched": counts["accounts_with_bank_matches"],
            "twice": counts["avatars_seen_twice"],
        }

    def _method(self) -> dict[str, Any]:
        said = self._case.method
        return {
            "windows": " / ".join(map(str, said.get("windows", []))),
            "most": f"{said.get('max_expected_by_chance', 0):.0%}",
            "permutations": said.get("permutations", 0),
            "seed": said.get("seed", 0),
        }

    def _counted(self, column: str, counts: Mapping[str, int]) -> Iterator[str]:
        yield from self._head(column, "accounts")
        yield from (_row(name, count) for name, count in counts.items())

    def _head(self, *columns: str) -> Iterator[str]:
        yield _row(*(self._word(f"column.{each}") for each in columns))
        yield "|" + "---|" * len(columns)

    def _cluster(self, cluster: Cluster) -> Iterator[str]:
        kinds = ", ".join(self._kind(kind) for kind in cluster.kinds)
        said = self._word(
            "kinds", count=len(cluster.accounts), kinds=kinds, first=cluster.first,
            last=cluster.last, edges=cluster.edges, expected=f"{cluster.expected_by_chance:.2g}",
        )  # fmt: skip
        yield from (f"### {cluster.id}", "", said, "")
        yield from self._head("kind", "accounts", "first", "last")
        for each in cluster.objects[:OBJECTS]:
            yield _row(self._kind(each.kind), each.accounts, each.first, each.last)
        yield ""

    def _kind(self, name: str) -> str:
        return say(Reason(f"coordination.kind.{name}"), self._locale)

    def _timeline(self) -> Iterator[str]:
        yield from self._head("hour", "posts", "members")
        for hour in self._case.timeline:
            yield _row(hour.hour, hour.posts, sum(hour.by_cluster.values()))

    def _indicators(self) -> Iterator[str]:
        yield from self._head("kind", "value", "first", "last")
        for cluster in self._case.clusters:
            texts = [each for each in cluster.objects if each.kind != "same_url"]
            for each in [*addresses_of(cluster), *texts]:
                value = each.value if isinstance(each.value, str) else each.digest
                shown = defanged(value) if each.kind == "same_url" else value
                yield _row(self._kind(each.kind), shown, each.first, each.last)

    def _limits(self) -> Iterator[str]:
        for gap in self._case.not_assessed:
            count = f" ({gap.count})" if gap.count else ""
            yield f"- {escaped(gap.what)}{count}: {escaped(gap.reason)}"
        others = len(self._case.not_distinguishable)
        yield f"- {self._word('undistinguished', count=others)}"


def _row(*cells: Any) -> str:
    return f"| {' | '.join(escaped(str(cell)) for cell in cells)} |"


def escaped(text: str) -> str:
    """Return a text in which nothing is Markdown, HTML or a mention."""
    line = " ".join(text.split())
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#|!@~&" else sign for sign in line)
