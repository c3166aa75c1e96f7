"""The pictures behind the ids: what was decided of one here or there holds for its copies."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from detectors.bank.entry import EXACT, PERCEPTUAL, Entry, Status
from detectors.bank.exchange.conflicts import MergeOutcome, Resolution, resolve
from detectors.bank.matching import copies
from detectors.bank.matching.decisions import (
    Held,
    Holds,
    kept_out,
    reinstated,
    strictest_first,
    strictness,
)

if TYPE_CHECKING:
    from detectors.bank.location import Store
    from detectors.bank.matching.search import Searcher


class Pictures:
    """A bank as it stood at the beginning, and what was decided on the way."""

    def __init__(
        self,
        store: "Store | None",
        foreseen: Iterable[Entry],
        *,
        dispute: bool = False,
        reinstate: str | None = None,
    ) -> None:
        """Read what was decided.

        Args:
            store: the bank; None where there is none yet.
            foreseen: what the other side has decided, in whatever order it says so.
            dispute: what was withdrawn there becomes disputed here.
            reinstate: why entries are taken in of whose picture something else was decided here.
        """
        self._store = store
        self._holds = Holds(store, innocents=True) if store else None
        self._dispute, self._reinstate = dispute, reinstate
        self._met: dict[str, Entry] = {}
        """Hash → what the other side withdrew, disputes or calls harmless; the strictest."""
        for entry in foreseen:
            self._note(entry)
        self._searched: Searcher | None = None

    def resolve(
        self, here: Entry | None, there: Entry, block: bytes | None = None
    ) -> tuple[Resolution, Held | None]:
        """Return what becomes of an entry, and the decision that keeps it out.

        Args:
            here: what stands here under its id.
            there: as the other says it.
            block: its local features.
        """
        done = resolve(here, there, dispute=self._dispute)
        wanted = there if done.outcome is MergeOutcome.WITHDRAWN_HERE else done.entry
        if wanted is None:
            return done, None
        held = self._held(wanted, block)
        if done.outcome is MergeOutcome.WITHDRAWN_HERE and here is not None and not there.innocent:
            held.insert(0, Held(entry=here, confirmed=True))
        out = kept_out(wanted, held)
        if out is not None and self._reinstate is None:
            same_id = done.outcome is MergeOutcome.WITHDRAWN_HERE
            outcome = done.outcome if same_id else MergeOutcome(f"copy_{out.what}")
            return Resolution(outcome), out
        if out is not None and self._reinstate is not None:
            entry = reinstated(wanted, held, self._reinstate)
            if here is not None:
                entry = msgspec.structs.replace(entry, local=here.local)
            done = Resolution(MergeOutcome.REINSTATED, entry)
        return done, None

    def copies_of(self, gone: Entry, block: bytes | None = None) -> Iterator[Entry]:
        """Yield the entries here of the picture of a tombstone, as it leaves them.

        Where hashes alone say that it is the same picture, the user decides.
        """
        if self._store is None:
            return
        self._searched = self._searched or _searcher(self._store)
        for copy in copies.of_entry(self._searched, gone, block):
            entry = copy.entry
            if entry.id == gone.id or entry.innocent:
                continue
            dispute = self._dispute or not copy.confirmed
            if dispute and entry.status is Status.DISPUTED:
                continue
            yield msgspec.structs.replace(
                entry,
                status=Status.DISPUTED if dispute else Status.WITHDRAWN,
                reason=gone.reason or "withdrawn by those who shared it",
                modified=max(entry.modified, gone.modified),
            )

    def _held(self, entry: Entry, block: bytes | None) -> list[Held]:
        """Return what holds for the picture of an entry, here or by what came before it."""
        held = self._holds.of_entry(entry, block) if self._holds else []
        met = {
            each.id: Held(entry=each, confirmed=True, where="in the same feed")
            for _, value in entry.digests(*EXACT, *PERCEPTUAL)
            if (each := self._met.get(value)) and each.id != entry.id
        }
        return strictest_first([*held, *met.values()])

    def _note(self, entry: Entry) -> None:
        """Keep in mind what came as decided."""
        if entry.innocent is not (entry.status is Status.ACTIVE):
            return
        for _, value in entry.digests(*EXACT, *PERCEPTUAL):
            known = self._met.get(value, entry)
            self._met[value] = max(known, entry, key=strictness)


def _searcher(store: "Store") -> "Searcher":
    from detectors.bank.matching.search import Searcher

    return Searcher(store)
