"""The detector: what a manifest in a text declares, who signed it, whether it still holds."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from detectors.c2pa import jumbf
from detectors.c2pa.declaration import Declaration, also, declared, disclosed
from detectors.c2pa.trust import Signers
from detectors.c2pa.trust.options import trust_of
from detectors.c2pa.validation import MISMATCHES, State
from detectors.decode.documents import READERS
from detectors.decode.text import Passage
from detectors.errors import CannotAssess
from detectors.item import Item, Sidecar
from detectors.signal import Claim, Outcome, Reason, Signal, Tier
from detectors.spec import Settings
from detectors.text_credentials.account import account, claim
from detectors.text_credentials.change import LONGEST_TRIED, change
from detectors.text_credentials.locate import (
    LONGEST_RUN,
    MEDIA_TYPES,
    MOST,
    SIGNS,
    Position,
    positions,
    stored,
)
from detectors.text_credentials.verify import (
    Assessed,
    Read,
    Unreadable,
    assess,
    detached,
    embedded,
)

LIBRARIES: Final = ("encypher-c2pa", "c2pa-python")
REFERENCE: Final = "manifest.structuredText.noResolutionPath"
SEVERAL: Final = {
    "manifest.text.multipleWrappers",
    "manifest.html.multipleManifests",
    "manifest.structuredText.multipleReferences",
}
MISMATCH: Final = "assertion.dataHash.mismatch"
UNBOUND: Final = {MISMATCH, "assertion.dataHash.malformed"}
MEMBER: Final = b"META-INF/content_credential.c2pa"
"""Where archives keep a manifest (C2PA 2.4, ZIP-based formats); no verifier here reads it."""
DECLARED: Final = {
    Claim.AI_GENERATED: "ai_declared",
    Claim.AI_EDITED: "ai_edited",
    Claim.EDITED: "edited",
    Claim.CAPTURED: "captured",
    None: "no_claim",
}
"""Reason of a manifest that holds, by its claim; the standing of its signer is appended."""


class TextCredentials:
    """Looks for C2PA manifests in a text (A.7 to A.9) or beside it; one signal a method found."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Read the trust lists in use; the verifiers are imported by the first manifest.

        Raises:
            ConfigError: an option or a list cannot be used.
        """
        trust = trust_of("text_credentials", options, LIBRARIES)
        self._today, self._lists, self.version = trust.today, trust.lists, trust.version

    def settings(self) -> Settings:
        """Return the libraries' versions and the lists in use."""
        return Settings(version=self.version, lists=self._lists.lists)

    def inspect(self, item: Item) -> list[Signal]:
        """Return state, integrity and declaration of every manifest found; an embedded one wins."""
        if item.media_type == "application/pdf":
            return [_signal(Outcome.CLEAR, Reason("text_credentials.pdf"), {"state": "absent"})]
        if item.media_type in READERS:
            return [self._beside(item, item.sidecar) if item.sidecar else _inside(item.data)]
        try:
            passage = item.passage
        except CannotAssess as reason:
            return [
                self._beside(item, item.sidecar) if item.sidecar else _unopened(item.data, reason)
            ]
        found = positions(passage, item.media_type)
        if any(position.kind != "residue" for position in found):
            found = [position for position in found if position.kind != "residue"]
        if item.sidecar is not None and not any(position.kind == "manifest" for position in found):
            return [self._beside(item, item.sidecar)]
        if not found:
            return [_signal(Outcome.CLEAR, Reason("text_credentials.absent"), {"state": "absent"})]
        return [self._at(item, passage, position) for position in found]

    def _at(self, item: Item, passage: Passage, position: Position) -> Signal:
        """Assess what stands at one position."""
        line, column = passage.at(position.start)
        facts: dict[str, Any] = {
            "method": position.method,
            "position": {"line": line, "column": column},
        }
        if position.count > 1:
            facts["manifests_found"] = position.count
        if position.kind == "reference" and position.count == 1:
            return _remote(position.url, facts)
        if position.kind == "residue":
            return _unreadable("residue", facts, str(position.end - position.start))
        if beyond := _beyond(passage.text, position, facts):
            return beyond
        encoding = str(item.facts.get("encoding"))
        data = item.data
        if encoding.startswith(("utf-16", "utf-32")):
            facts["transcoded"], data = encoding, passage.text.encode("utf-8")
        try:
            assessed = assess(embedded(data, MEDIA_TYPES[position.method]), self._lists)
        except Unreadable as error:
            return _unreadable("unreadable", facts, str(error))
        codes = assessed.state.codes
        if not assessed.store.get("manifests") and not SEVERAL & set(codes):
            return _unreadable("unreadable", facts | {"codes": codes}, codes[0] if codes else "?")
        if position.count == 1:
            behind = position.method == "A.8" and bool(passage.text[position.end :].strip())
            read = partial(embedded, media_type=MEDIA_TYPES[position.method])
            facts |= _changed(item, codes, read, behind=behind)
        return self._found(assessed, facts)

    def _beside(self, item: Item, sidecar: Sidecar) -> Signal:
        """Assess the sidecar; where it may belong to another file, a failing one says nothing."""
        facts: dict[str, Any] = {"method": "sidecar", "sidecar": sidecar.name}
        try:
            store = sidecar.read()
            if over := jumbf.excess(store):
                return _unverified(over, store, facts)
            assessed = assess(detached(item.data, store), self._lists)
        except CannotAssess as fault:
            return _signal(fault.outcome, fault.reason, {"state": "unreadable"} | facts)
        except Unreadable as error:
            return _unreadable("unreadable", facts, str(error))
        broken = sorted(MISMATCHES & set(assessed.state.codes))
        if sidecar.shared and broken:
            told = {"state": "absent", "sidecar_codes": broken} | facts
            reason = Reason("text_credentials.sidecar_of_another", {"sidecar": sidecar.name})
            return _signal(Outcome.CLEAR, reason, told)
        read = partial(detached, sidecar=store)
        facts |= _changed(item, assessed.state.codes, read, behind=False)
        return self._found(assessed, facts)

    def _found(self, assessed: Assessed, more: dict[str, Any]) -> Signal:
        """Return the signal of a manifest that could be read."""
        said = declared(assessed.store)
        facts = account(assessed, said) | more
        if assessed.listed:
            facts["trust_list"] = self._described(assessed.listed)
        else:
            facts["lists_in_use"] = [self._described(row) for row in self._lists.signers]
        label = assessed.store.get("active_manifest")
        return _signal(
            Outcome.FINDING,
            _reason(assessed, said, facts),
            facts,
            claim=claim(assessed, said),
            source=f"c2pa:{str(label)[:200]}" if label else None,
        )

    def _described(self, row: Signers) -> dict[str, Any]:
        return row.told(self._today or datetime.now(UTC).date())


def _reason(assessed: Assessed, said: Declaration, facts: dict[str, Any]) -> Reason:
    """Return why: by the state, then by what is declared and who stands behind it."""
    state = assessed.state
    signer = facts.get("signer", {})
    names = (signer.get(name) for name in ("issuer", "common_name", "issued_by"))
    args: dict[str, Any] = {"signer": next((name for name in names if name), "?")}
    args["by"] = (said.evidence.agent if said.evidence else None) or facts.get("generator") or "?"
    if state.name == "distrusted":
        return Reason("text_credentials.distrusted", args | also(said))
    if state.integrity != "holds":
        return _fault(state, facts, args | also(said))
    if state.uncovered:
        return Reason("text_credentials.uncovered", args | also(said))
    kind = DECLARED[claim(assessed, said)]
    args |= disclosed(said)
    if state.name == "trusted":
        args |= {"list": facts["trust_list"]["name"], "date": facts["trust_list"]["date"]}
        return Reason(f"text_credentials.{kind}", args)
    standing = "unlisted" if state.name == "valid" else "expired"
    return Reason(f"text_credentials.{kind}_{standing}", args)


def _fault(state: State, facts: dict[str, Any], args: dict[str, Any]) -> Reason:
    """Return why a manifest does not hold."""
    count = facts.get("manifests_found", 1)
    if SEVERAL & set(state.codes) or count > 1:
        return Reason("text_credentials.several", {"count": max(count, 2)})
    if "change" in facts:
        return Reason(f"text_credentials.changed.{facts['change']}", args)
    if state.integrity == "broken":
        code = next(code for code in state.codes if code in MISMATCHES)
        return Reason("text_credentials.tampered", args | {"code": code})
    return Reason("text_credentials.invalid", args | {"code": [*facts["codes"], "?"][0]})


def _too_much(position: Position) -> str:
    """Return what makes a position more than is verified, or nothing."""
    if position.method == "A.8" and position.end - position.start > LONGEST_RUN:
        return f"{position.end - position.start} selectors"
    return f"{position.count} manifests or more" if position.count >= MOST else ""


def _changed(
    item: Item, codes: list[str], read: Callable[[bytes], Read], *, behind: bool
) -> dict[str, str]:
    """Return what was changed in a text that is not as it was signed, as far as it can be told.

    A binding that points elsewhere (`malformed`) may be a fault of its writer: then only a change
    of form, which was undone and held, is told.
    """
    if not UNBOUND & set(codes) or len(item.data) > LONGEST_TRIED:
        return {}
    mark = "\ufeff" if item.facts.get("encoding") == "utf-8-sig" else ""
    what = change(mark + item.passage.text, read, behind=behind)
    return {"change": what} if MISMATCH in codes or what not in ("appended", "edited") else {}


def _inside(data: bytes) -> Signal:
    """Tell whether a document, whose bytes are no text, has the member for a manifest."""
    if MEMBER in data:
        return _unreadable("member", {"method": "ZIP"}, MEMBER.decode())
    return _signal(Outcome.CLEAR, Reason("text_credentials.document"), {"state": "absent"})


def _unopened(data: bytes, reason: CannotAssess) -> Signal:
    """Tell whether a text that is not decoded has any sign of a manifest."""
    if any(sign in data for sign in SIGNS):
        return _signal(reason.outcome, reason.reason, {"state": "unreadable"})
    return _signal(Outcome.CLEAR, Reason("text_credentials.absent"), {"state": "absent"})


def _remote(url: str, facts: dict[str, Any]) -> Signal:
    """Return the signal of a reference, which is never followed."""
    codes = [REFERENCE] if facts["method"] == "A.9" else []
    told = {"state": "remote", "remote_url": url, "codes": codes} | facts
    return _signal(Outcome.NOT_ASSESSED, Reason("text_credentials.remote", {"url": url}), told)


def _beyond(text: str, position: Position, facts: dict[str, Any]) -> Signal | None:
    """Return the signal of a position that holds more than is verified, or None."""
    if too_much := _too_much(position):
        return _unreadable("unreadable", facts, too_much)
    store = stored(text, position)
    over = jumbf.excess(store)
    return _unverified(over, store, facts) if over else None


def _unverified(over: jumbf.Excess, store: bytes, more: dict[str, Any]) -> Signal:
    """Return the signal of a manifest that is not verified, with what its active one declares."""
    said = declared(jumbf.active(store))
    told = {"state": "unreadable", "ai": said.ai, "verified": False} | more
    by = (said.evidence and said.evidence.agent) or "?"
    reason = Reason("text_credentials.over_limit", over.args() | {"by": by} | also(said))
    return _signal(Outcome.NOT_ASSESSED, reason, told)


def _unreadable(code: str, facts: dict[str, Any], detail: str) -> Signal:
    """Return the signal of something that claims to be a manifest and cannot be read."""
    told = {"state": "unreadable", "detail": detail} | facts
    reason = Reason(f"text_credentials.{code}", {"detail": detail})
    return _signal(Outcome.NOT_ASSESSED, reason, told)


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
        detector="text_credentials",
        tier=Tier.CREDENTIAL,
        outcome=outcome,
        claim=claim,
        source=source,
        reason=reason,
        facts=facts,
    )
