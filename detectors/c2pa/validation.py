"""What the validation codes of a manifest store mean.

Works on the dict that `c2pa.Reader.json()` gives, for pictures and texts alike. Codes are those of
the C2PA specification 2.2, 15.2, and of `cawg.*` for identity assertions.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from detectors.c2pa.store import codes_of, rows, text, walk
from detectors.decode.untrusted import mapping

UNTRUSTED = "signingCredential.untrusted"
TRUSTED = "signingCredential.trusted"
REVOKED = {"signingCredential.revoked", "signingCredential.ocsp.revoked"}
EXPIRED = {"signingCredential.expired", "claimSignature.outsideValidity"}
EXCLUDED, MATCH = "assertion.dataHash.mismatch", "assertion.dataHash.match"
POSITION = "exclusion does not match the manifest location"
UNSUPPORTED = "not supported"
NOT_COMPARED = ("could not parse signature", "unsupported signature format")
MISMATCHES = {
    "assertion.dataHash.mismatch", "assertion.bmffHash.mismatch", "assertion.boxesHash.mismatch",
    "assertion.hashedURI.mismatch", "claimSignature.mismatch",
}  # fmt: skip
NO_FAILURE = (
    ".validated", ".match", ".trusted", ".insideValidity", ".notRevoked", ".skipped", ".accessible",
    ".unknownProvenance", ".additionalExclusionsPresent",
)  # fmt: skip
"""Endings of success and informational codes, which old ingredients list beside failures."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What the validation codes of a store mean, by the contract's vocabulary."""

    name: Literal["trusted", "valid", "invalid", "distrusted"]
    integrity: Literal["holds", "broken", "unknown"]
    uncovered: Literal["header"] | None
    """What the binding leaves out though the content matches: the hash excludes more than the place
    of the manifest, so that the bytes before it are not covered."""
    codes: list[str]
    """Failures of the active manifest that count: no `cawg.*`, not the untrusted signer."""
    ingredient_failures: list[dict[str, Any]]
    """Failures in ingredients that their signer did not record: {ingredient, codes}."""
    laundering: list[dict[str, Any]]
    """Failures in ingredients that the next signer recorded and signed over, expiry apart."""
    recorded: list[dict[str, Any]]
    """All recorded failures, expiry too: {ingredient, codes}."""
    cawg: list[str]
    """Codes of identity checks; they never change the state."""
    notes: list[str]
    """Informational codes of the active manifest."""


def state(store: Mapping[str, Any]) -> State:
    """Return the state of a store from its validation codes.

    `validation_state` of the library is not used: a failed identity check makes it Invalid.
    Order of the rules: (1) revoked, (2) failures of the active manifest, (3) new failures of
    ingredients, (4) a signer on a list in use.
    """
    results = mapping(store.get("validation_results"))
    active = mapping(results.get("activeManifest"))
    parts = ("failure", "informational", "success")
    failures, notes, fine = (codes_of(active.get(part)) for part in parts)
    codes = [code for code in failures if counts(code)]
    changed = changes(active)
    left_out = uncovered(codes, changed) if MATCH in fine else None
    deltas = [_delta(store, row) for row in rows(results.get("ingredientDeltas"))]
    new = [row for row in deltas if row["codes"]]
    recorded = list(_recorded(store))
    every = [*codes, *(code for row in new for code in row["codes"])]
    name: Literal["trusted", "valid", "invalid", "distrusted"]
    if REVOKED & set(codes):  # (1)
        name = "distrusted"
    elif every:  # (2), (3)
        name = "invalid"
    else:  # (4)
        name = "trusted" if TRUSTED in fine else "valid"
    return State(
        name=name,
        integrity=integrity(changed, every, left_out),
        uncovered=left_out,
        codes=codes,
        ingredient_failures=new,
        laundering=[row for row in recorded if set(row["codes"]) - EXPIRED],
        recorded=recorded,
        cawg=[code for code in failures + notes + fine if code.startswith("cawg.")],
        notes=[code for code in notes if not code.startswith("cawg.")],
    )


def counts(code: str) -> bool:
    """Tell whether a failure code changes the state: identity checks and lists are told apart."""
    return code != UNTRUSTED and not code.startswith("cawg.")


def changes(results: Mapping[str, Any]) -> set[str]:
    """Return the mismatches of a manifest that say that something was changed.

    A code alone can mean two things: the position of the exclusion does not fit while the hash
    matches, the kind of hash or signature is not supported, or the signature could not be read.
    Explanations are those of c2pa-rs 0.91 (`claim.rs`, `crypto/cose`).

    Args:
        results: `success` and `failure` of one manifest's validation.
    """
    failures = rows(results.get("failure"))
    matched = {row.get("url") for row in rows(results.get("success")) if row.get("code") == MATCH}
    unread = any(_unread(row) for row in failures)
    found = set()
    for row in failures:
        code, said = text(row.get("code"), 100) or "", text(row.get("explanation")) or ""
        elsewhere = code == EXCLUDED and POSITION in said and row.get("url") in matched
        unsigned = code == "claimSignature.mismatch" and unread
        if code in MISMATCHES and not elsewhere and not unsigned and UNSUPPORTED not in said:
            found.add(code)
    return found


def _unread(row: Mapping[str, Any]) -> bool:
    """Tell whether a failure says that the signature was not compared at all."""
    said = text(row.get("explanation")) or ""
    return row.get("code") == "algorithm.unsupported" or said.startswith(NOT_COMPARED)


def uncovered(codes: Iterable[str], changed: Collection[str]) -> Literal["header"] | None:
    """Return what a binding leaves out though the content matches, None where nothing is."""
    return "header" if EXCLUDED in codes and not changed else None


def integrity(
    changed: Collection[str], every: Iterable[str], left_out: Literal["header"] | None = None
) -> Literal["holds", "broken", "unknown"]:
    """Tell whether the asset is as it was signed.

    Args:
        changed: mismatches of the active manifest; only they can say that the asset was changed.
        every: its failures and the new ones of ingredients.
        left_out: what the binding does not cover, from `uncovered`.
    """
    if changed:
        return "broken"
    harmless = EXPIRED | REVOKED | ({EXCLUDED} if left_out else set())
    return "holds" if set(every) <= harmless else "unknown"


def _failures(results: Mapping[str, Any]) -> list[str]:
    """Return the failures of an ingredient's validation that count."""
    codes = [code for code in codes_of(results.get("failure")) if counts(code)]
    positioned = MATCH in codes_of(results.get("success")) and EXCLUDED not in changes(results)
    return [code for code in codes if code != EXCLUDED or not positioned]


def _delta(store: Mapping[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """Return an ingredient and its failures that count."""
    uri = str(row.get("ingredientAssertionURI"))
    codes = _failures(mapping(row.get("validationDeltas")))
    return {"ingredient": _title(store, uri), "codes": codes}


def _title(store: Mapping[str, Any], uri: str) -> str:
    """Return the title of the ingredient that an assertion's address names, else the address."""
    parts = uri.split("/")
    for manifest in mapping(store.get("manifests")).values():
        if isinstance(manifest, dict) and manifest.get("label") in parts:
            for row in rows(manifest.get("ingredients")):
                if row.get("label") == parts[-1]:
                    return text(row.get("title")) or text(parts[-1]) or ""
    return text(uri) or ""


def _recorded(store: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the failures that signers recorded of their ingredients."""
    for _, _, _, manifest in walk(store):
        for row in rows(manifest.get("ingredients")):
            results = mapping(row.get("validation_results"))
            codes = _failures(mapping(results.get("activeManifest")))
            for delta in rows(results.get("ingredientDeltas")):
                codes += _failures(mapping(delta.get("validationDeltas")))
            codes += [code for code in codes_of(row.get("validation_status")) if _fails(code)]
            kept = [code for code in dict.fromkeys(codes) if counts(code)]
            if kept:
                name = text(row.get("title")) or text(row.get("label")) or ""
                yield {"ingredient": name, "codes": kept}


def _fails(code: str) -> bool:
    """Tell a failure from what old ingredients list beside it; time stamps alone fail nothing."""
    return not code.endswith(NO_FAILURE) and not code.startswith("timeStamp.")


def unlisted(store: Mapping[str, Any]) -> set[str]:
    """Return the labels of ingredients' manifests whose signers no list in use vouches for.

    What their signer recorded holds unless the validation of today differs.
    """
    results = mapping(store.get("validation_results"))
    deltas: dict[str, Any] = {}
    for row in rows(results.get("ingredientDeltas")):
        deltas[str(row.get("ingredientAssertionURI"))] = mapping(row.get("validationDeltas"))
    found = set()
    for label, _, _, manifest in walk(store):
        for row in rows(manifest.get("ingredients")):
            recorded = mapping(mapping(row.get("validation_results")).get("activeManifest"))
            ending = f"/{label}/c2pa.assertions/{row.get('label')}"
            now = [delta for uri, delta in deltas.items() if uri.endswith(ending)]
            good = [code for said in [recorded, *now] for code in codes_of(said.get("success"))]
            bad = [code for said in now for code in codes_of(said.get("failure"))]
            if TRUSTED not in good or UNTRUSTED in bad:
                found.add(str(row.get("active_manifest")))
    return found
