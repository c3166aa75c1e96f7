"""The screens of a case: all of it in short, and one account at length."""

from collections.abc import Mapping
from typing import Final, TextIO

from detectors.signal import Outcome
from provenance.cases.case import Account, Case, Cluster
from provenance.coordination.evidence.urls import defanged
from provenance.render import RenderOptions
from provenance.render.terminal import Page
from provenance.render.words import Words

NAMED: Final = 20
"""Accounts that are listed."""
MEMBERS: Final = 12
"""Accounts of a cluster that are named."""
OBJECTS: Final = 8
"""Shared things of an account's cluster that are shown."""


class Screen:
    """Prints a case."""

    def __init__(self, out: TextIO, look: RenderOptions) -> None:
        """Open the page."""
        self._page, self._words = Page(out, look), Words(look)

    def case(self, case: Case) -> None:
        """Print the accounts by risk, the clusters, what was not assessed, and the counts."""
        page, word = self._page, self._words.word
        page.line(self._words.shown(case.name))
        asking = [account for account in case.accounts if account.risk.rank >= _ASKS]
        for account in asking[:NAMED]:
            page.hang("  ", f"{account.risk.value.upper():<8}{self._called(account)}: "
                      f"{self._words.shown(account.sentence)}", 12)  # fmt: skip
        if (left := len(asking) - NAMED) > 0:
            page.line(word("run.more", count=left), 2)
        for cluster in case.clusters:
            page.hang("  ", self._cluster(cluster), 4)
        page.title(word("coordination.not_assessed"))
        for gap in case.not_assessed:
            count = f" ({self._words.number(gap.count)})" if gap.count else ""
            page.hang("  ", f"{self._words.shown(gap.what)}{count}: "
                      f"{self._words.shown(gap.reason)}", 4)  # fmt: skip
        page.title(self._words.shown(case.does_not_prove))
        risks = ", ".join(
            f"{risk} {self._words.number(count)}" for risk, count in case.counts["by_risk"].items()
        )
        page.line(word("case.counts", accounts=case.counts["accounts"], risks=risks,
                       posts=case.counts["posts"], clusters=case.counts["clusters"]))  # fmt: skip

    def _risks(self, counts: Mapping[str, int]) -> str:
        """Return how many there are of each risk."""
        return ", ".join(f"{risk} {self._words.number(count)}" for risk, count in counts.items())

    def account(self, account: Account, case: Case) -> None:
        """Print all that is known of an account."""
        page, word, shown = self._page, self._words.word, self._words.shown
        page.line(f"{account.risk.value.upper()}  {self._called(account)}")
        page.line(shown(account.sentence))
        for signal in account.signals:
            if signal.outcome is Outcome.FINDING:
                label = f"{self._words.label(signal)}: {self._words.evidence(signal)}"
                page.hang("  ", label, 4)
        risks = ", ".join(
            f"{risk} {self._words.number(count)}" for risk, count in account.posts.risk.items()
        )
        page.line(word("case.posts", count=account.posts.checked, risks=risks or "-"))
        for uri in account.posts.worst:
            page.line(shown(uri), 2)
        for match in account.bank_matches:
            page.hang("  ", word("case.match", entry=match.entry or "-", bank=match.bank or "-",
                                 part=match.part), 4)  # fmt: skip
        if account.same_picture_as:
            page.hang("", word("case.same", names=", ".join(account.same_picture_as)), 2)
        for cluster in case.clusters:
            if cluster.id in account.clusters:
                page.hang("", self._cluster(cluster), 2)
                self._objects(cluster, account)
        if account.clusters:
            page.title(shown(case.does_not_prove))

    def _objects(self, cluster: Cluster, account: Account) -> None:
        own = [each for each in cluster.objects if any(s.account == account.account_id
               for s in each.by)]  # fmt: skip
        for each in own[:OBJECTS]:
            value = each.value if isinstance(each.value, str) else each.digest
            if each.kind == "same_url":
                value = defanged(value)
            kind = self._words.word(f"coordination.kind.{each.kind}")
            said = self._words.word("coordination.object", count=each.accounts, first=each.first,
                                    last=each.last, value=value)  # fmt: skip
            self._page.hang("  ", f"{kind}: {said}", 4)

    def _cluster(self, cluster: Cluster) -> str:
        title = self._words.word("coordination.cluster", count=len(cluster.accounts))
        names = ", ".join(map(self._words.shown, cluster.accounts[:MEMBERS]))
        if (left := len(cluster.accounts) - MEMBERS) > 0:
            names += f", {self._words.word('run.more', count=left)}"
        return f"{cluster.id}  {title}: {names}"

    def _called(self, account: Account) -> str:
        handle = f" @{self._words.shown(account.handle)}" if account.handle else ""
        return f"{self._words.shown(account.account_id)}{handle}"


_ASKS: Final = 2
"""Rank of the risk from which on an account is listed: review."""
