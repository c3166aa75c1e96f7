"""The detector: what a manifest declares, who signed it, and whether it still holds."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from detectors.c2pa import jumbf
from detectors.c2pa.declaration import Declaration, also, declared
from detectors.c2pa.store import walk
from detectors.c2pa.trust import Signers
from detectors.c2pa.trust.options import trust_of
from detectors.c2pa.validation import MISMATCHES, State, state, unlisted
from detectors.credentials.account import account, evidence, generator
from detectors.credentials.pointer import pointer
from detectors.credentials.reader import Found, Missing, Verifier
from detectors.credentials.reasons import reason_of
from detectors.credentials.second import cross_check
from detectors.credentials.thumbnail import compare
from detectors.decode.containers import may_hold_manifest, store_bytes, too_many_pieces
from detectors.decode.containers import walk as pieces_of
from detectors.decode.untrusted import mapping
from detectors.errors import CannotAssess
from detectors.item import Item, Sidecar
from detectors.signal import Claim, Outcome, Reason, Signal, Tier
from detectors.spec import Settings

LIBRARIES: Final = ("c2pa-python", "encypher-c2pa")

UNREAD: Final = frozenset({
    "image/vnd.adobe.photoshop", "image/x-canon-cr3", "image/x-fuji-raf", "image/x-olympus-orf",
    "image/x-panasonic-rw2",
})  # fmt: skip
"""Formats of pictures in which neither verifier looks for a manifest."""
READ_AS: Final = dict.fromkeys(
    ("image/x-canon-cr2", "image/x-pentax-pef", "image/x-samsung-srw", "image/x-raw"), "image/tiff"
)
"""Formats that the verifiers do not know by name → what they are built as."""


class Credentials:
    """Looks for a C2PA manifest in a file or beside it; one signal an item."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Read the trust lists in use; the verifiers are imported by the first manifest.

        Raises:
            ConfigError: an option or a list cannot be used.
        """
        trust = trust_of("credentials", options, LIBRARIES)
        self._today, self._lists, self.version = trust.today, trust.lists, trust.version
        self._verifier = Verifier(self._lists)

    def settings(self) -> Settings:
        """Return the libraries' versions and the lists in use."""
        return Settings(version=self.version, lists=self._lists.lists)

    def inspect(self, item: Item) -> list[Signal]:
        """Return one signal: state, integrity and declaration of the active manifest.

        An embedded manifest wins over a sidecar. Files without a place for a manifest are told
        from their container alone, without the cost of the libraries.
        """
        media_type = item.media_type or ""
        if media_type in UNREAD:
            reason = Reason("credential.format", {"media_type": media_type})
            return [_signal(Outcome.NOT_ASSESSED, reason, {"state": "unreadable"})]
        read: Found | Missing = Missing(state="absent", detail="")
        placed = may_hold_manifest(item.data, media_type)
        media_type = READ_AS.get(media_type, media_type)
        if placed:
            if over := _over_limit(item.data, media_type):
                return [over]
            read = self._verifier.read(item.data, media_type)
        if isinstance(read, Missing) and read.state != "unreadable" and item.sidecar is not None:
            return [self._beside(item, item.sidecar, media_type, read)]
        if isinstance(read, Missing) and read.state == "unreadable":
            return [_unreadable(read, _store(item.data, media_type), {})]
        if isinstance(read, Missing):
            return [_missing(read, pointer(item.data, media_type) if placed else None)]
        return [self._found(item, read, media_type, None)]

    def _beside(self, item: Item, sidecar: Sidecar, media_type: str, embedded: Missing) -> Signal:
        """Judge the sidecar; where it may belong to another file, a failing one says nothing."""
        named = {"sidecar": sidecar.name}
        try:
            store = sidecar.read()
        except CannotAssess as fault:
            return _signal(fault.outcome, fault.reason, {"state": "unreadable"} | named)
        if excess := jumbf.excess(store):
            return _unverified(excess, store, named)
        read = self._verifier.read(item.data, media_type, store)
        if isinstance(read, Missing) and read.state == "unreadable" and not sidecar.shared:
            return _unreadable(read, store, named)
        if isinstance(read, Missing):
            return _missing(embedded if sidecar.shared else read, None, named)
        standing = state(read.store)
        if sidecar.shared and standing.integrity == "broken":
            broken = sorted(MISMATCHES & set(standing.codes))
            facts: dict[str, Any] = {"state": "absent", "sidecar_codes": broken} | named
            return _signal(Outcome.CLEAR, Reason("credential.sidecar_of_another", named), facts)
        return self._found(item, read, media_type, store, named)

    def _found(
        self,
        item: Item,
        read: Found,
        media_type: str,
        sidecar: bytes | None,
        more: dict[str, Any] | None = None,
    ) -> Signal:
        """Return the signal of a manifest that could be read."""
        standing = _standing(read)
        said = _vouched(declared(read.store), read, standing)
        facts = account(read, said, standing) | (more or {})
        if read.listed:
            facts["trust_list"] = self._described(read.listed)
        else:
            facts["lists_in_use"] = [self._described(row) for row in self._lists.signers]
        if read.thumbnail and said.claim and standing.integrity == "holds":
            facts["thumbnail"] = compare(item, read.thumbnail)
        if standing.name != "valid":
            # an unlisted signer gains nothing by fooling the first verifier: he may sign what he
            # likes; so the second is asked where a failure or a trusted signer carries the verdict
            facts["cross_check"] = cross_check(item.data, media_type, sidecar, standing.integrity)
        return _signal(
            Outcome.FINDING,
            reason_of(said, standing, facts),
            facts,
            claim=_claim(said, standing),
            source=f"c2pa:{str(read.store.get('active_manifest'))[:200]}",
        )

    def _described(self, row: Signers) -> dict[str, Any]:
        return row.told(self._today or datetime.now(UTC).date())


def _standing(read: Found) -> State:
    """Return the state by the codes and by the lists of those believed and not believed."""
    found = state(read.store)
    if read.distrusted:
        return msgspec.structs.replace(found, name="distrusted")
    if found.name == "trusted" and read.listed is None:
        return msgspec.structs.replace(found, name="valid")
    return found


def _vouched(said: Declaration, read: Found, standing: State) -> Declaration:
    """Return the declaration without a capture that a trusted signer only passes on.

    Under a trusted manifest a capture counts as proof, so everyone from the camera on has to be on
    a list; a declaration of AI counts whoever made it.
    """
    if standing.name != "trusted" or said.claim is not Claim.CAPTURED:
        return said
    history = {label for label, path, _, _ in walk(read.store) if path == "self"}
    if history & unlisted(read.store):
        return msgspec.structs.replace(said, claim=None)
    return said


def _claim(said: Declaration, standing: State) -> Claim | None:
    """Return the claim that this state allows."""
    if standing.name == "distrusted":
        return None
    if standing.integrity == "broken":
        return Claim.TAMPERED
    return said.claim if standing.integrity == "holds" else None


def _over_limit(data: bytes, media_type: str) -> Signal | None:
    """Return the signal of a file that a verifier would take long over, or None."""
    pieces = pieces_of(data, media_type)
    store = store_bytes(data, media_type, pieces)
    excess = jumbf.excess(store) or (None if store is data else jumbf.excess(data))
    if excess is None and (many := too_many_pieces(data, media_type, pieces)):
        excess = jumbf.Excess(what="pieces", found=many[0], limit=many[1])
    return _unverified(excess, store, {}) if excess else None


def _store(data: bytes, media_type: str) -> bytes:
    """Return bytes in which the store of a file lies in one piece."""
    return store_bytes(data, media_type, pieces_of(data, media_type))


def _unverified(excess: jumbf.Excess, store: bytes, more: dict[str, Any]) -> Signal:
    """Return the signal of a manifest that is too large to verify, with what it declares."""
    facts, args = _unconfirmed(store)
    reason = Reason("credential.over_limit", excess.args() | args)
    return _signal(Outcome.NOT_ASSESSED, reason, facts | more)


def _unreadable(read: Missing, store: bytes, more: dict[str, Any]) -> Signal:
    """Return the signal of a manifest that the library cannot read, with what our walk reads."""
    facts, args = _unconfirmed(store)
    reason = Reason("credential.unreadable", {"detail": read.detail} | args)
    return _signal(Outcome.NOT_ASSESSED, reason, facts | {"detail": read.detail} | more)


def _unconfirmed(store: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what an active manifest declares that nothing confirms, as facts and arguments."""
    manifest = jumbf.active(store)
    said = declared(manifest)
    active: dict[str, Any] = next(iter(mapping(manifest.get("manifests")).values()), {})
    facts: dict[str, Any] = {"state": "unreadable", "ai": said.ai, "verified": False}
    named = generator(active)
    if said.evidence:
        facts["ai_path"] = evidence(said.evidence)
    if named:
        facts["generator"] = named
    by = (said.evidence and said.evidence.agent) or named or "?"
    return facts, {"by": by} | also(said) if also(said) else {}


def _missing(read: Missing, refers: str | None, facts: dict[str, Any] | None = None) -> Signal:
    """Return the signal where there is no manifest to judge."""
    told: dict[str, Any] = {"state": read.state} | (facts or {})
    if read.state == "remote":
        told["remote_url"] = read.detail
        return _signal(
            Outcome.NOT_ASSESSED, Reason("credential.remote", {"url": read.detail}), told
        )
    if read.state == "unreadable":
        told["detail"] = read.detail
        reason = Reason("credential.unreadable", {"detail": read.detail})
        return _signal(Outcome.NOT_ASSESSED, reason, told)
    if refers:
        told |= {"stripped": True, "provenance": refers}
        return _signal(Outcome.CLEAR, Reason("credential.stripped"), told)
    return _signal(Outcome.CLEAR, Reason("credential.absent"), told)


def _signal(
    outcome: Outcome,
    reason: Reason,
    facts: dict[str, Any],
    *,
    claim: Claim | None = None,
    source: str | None = None,
) -> Signal:
    """Return a signal of this detector."""
    return Signal(
        detector="credentials",
        tier=Tier.CREDENTIAL,
        outcome=outcome,
        claim=claim,
        source=source,
        reason=reason,
        facts=facts,
    )
