"""The facts of a credential: what is told of a manifest beside state and claim.

Every string comes from the file and is bounded; names are unverified unless the state is `trusted`.
"""

from typing import Any, Final

from detectors.c2pa.declaration import Action, Declaration
from detectors.c2pa.soft_bindings import soft_bindings
from detectors.c2pa.store import rows, text
from detectors.c2pa.trust.products import forbidden, products
from detectors.c2pa.validation import State, unlisted
from detectors.credentials.reader import Found
from detectors.decode.untrusted import mapping

MOST: Final = 50
"""Rows kept of one list."""
MOST_TOLD: Final = 50
"""Manifests whose ingredients are told."""


def account(found: Found, said: Declaration, state: State) -> dict[str, Any]:
    """Return the facts of a manifest that was read."""
    active = _active(found.store)
    facts = {
        "state": state.name,
        "integrity": state.integrity,
        "uncovered": state.uncovered,
        "ai": said.ai,
        "ai_path": evidence(said.evidence) if said.evidence else None,
        "captured": said.captured,
        "edited": said.edited,
        "may_contain_ai": said.may_contain_ai,
        "codes": every_code(state),
        "notes": state.notes,
        "ingredients": ingredients(found.store, said, state),
        "ingredient_failures": state.ingredient_failures[:MOST],
        "laundering": state.laundering[:MOST],
        "product_conflict": product_conflict(found, said),
        "generator": generator(active),
        "signer": signer(found, active),
        "time_stamp": time_stamp(found, active),
        "title": text(active.get("title")),
        "claim_version": active.get("claim_version"),
        "actions": [_action(action) for action in said.actions[:MOST]],
        "source_types": sorted({a.source_type for a in said.actions if a.source_type}),
        "assertions": _labels(active),
        "cawg": cawg(active, state),
        "soft_bindings": soft_bindings(active),
        "watermark": any(a.action.startswith("c2pa.watermarked") for a in said.actions),
        "ai_disclosure": said.disclosed,
        "remote_url": found.remote_url,
    }
    return {key: value for key, value in facts.items() if value not in (None, [], {}, False)} | {
        key: facts[key] for key in ("state", "integrity", "ai", "codes")
    }


def every_code(state: State) -> list[str]:
    """Return the failures of the active manifest and of its ingredients, new and recorded."""
    inner = [row["codes"] for row in state.ingredient_failures + state.recorded]
    return list(dict.fromkeys([*state.codes, *(code for codes in inner for code in codes)]))[:MOST]


def evidence(action: Action) -> dict[str, Any]:
    """Return where an AI declaration stands and whether the signer vouches for it."""
    return _action(action) | {
        "manifest": action.manifest,
        "path": action.links or "active manifest",
    }


def _action(action: Action) -> dict[str, Any]:
    """Describe an action in the words of the specification, without what it does not say.

    `gathered`: the signer carries the statement without vouching for it.
    """
    told = {
        "action": action.action,
        "digitalSourceType": action.source_type,
        "softwareAgent": action.agent,
        "when": action.when,
        "description": action.description,
        "through": action.links or None,
        "gathered": action.vouched is False,
    }
    return {key: value for key, value in told.items() if value}


def ingredients(store: dict[str, Any], said: Declaration, state: State) -> list[dict[str, Any]]:
    """Return the ingredients of the active manifest, each with what it declares and what failed.

    Those of an ingredient stand below it, the first time that its manifest is met.
    """
    manifests = mapping(store.get("manifests"))
    failed: dict[str, list[str]] = {}
    unknown = unlisted(store)
    for row in state.ingredient_failures + state.recorded:
        failed.setdefault(row["ingredient"], []).extend(row["codes"])
    met = {store.get("active_manifest")}

    def below(manifest: dict[str, Any], failed: dict[str, list[str]]) -> list[dict[str, Any]]:
        told = []
        named = [(_title(row), row) for row in rows(manifest.get("ingredients"), MOST)]
        others = {title: failed[title] for title in failed.keys() - {title for title, _ in named}}
        for title, row in named:
            label = row.get("active_manifest")
            inner = mapping(manifests.get(label)) if isinstance(label, str) else {}
            entry: dict[str, Any] = {
                "title": title,
                "manifest": text(label) or "",
                "relationship": text(row.get("relationship"), 40),
                "generator": generator(inner),
                "issuer": text(mapping(inner.get("signature_info")).get("issuer")),
                "codes": list(dict.fromkeys(failed.get(title, ()))),
                "declares_ai": bool(said.evidence and label == said.evidence.manifest),
                "listed": bool(inner) and label not in unknown,
            }
            if inner and label not in met and len(met) < MOST_TOLD:
                met.add(label)
                entry["ingredients"] = below(inner, others)  # failures are told by title alone
            told.append({key: entry[key] for key in entry if entry[key] or key == "manifest"})
        return told

    return below(_active(store), failed)


def _title(ingredient: dict[str, Any]) -> str:
    return text(ingredient.get("title")) or text(ingredient.get("label")) or ""


def generator(manifest: dict[str, Any]) -> str | None:
    """Return the product that wrote a claim, with its version; unverified text."""
    info = manifest.get("claim_generator_info")
    first = info if isinstance(info, dict) else next(iter(rows(info, 1)), {})
    if name := text(first.get("name"), 200):
        version = text(first.get("version"), 60)
        return f"{name} {version}" if version else name
    return text(manifest.get("claim_generator"), 200)


def signer(found: Found, active: dict[str, Any]) -> dict[str, Any]:
    """Return who signed, by its certificate; verified only where a list in use vouches for it."""
    info = mapping(active.get("signature_info"))
    certificate = mapping(found.certificates.get("certificateInfo"))
    validity = mapping(certificate.get("validity"))
    told = {
        "issuer": text(info.get("issuer")),
        "common_name": text(info.get("common_name")),
        "verified": found.listed is not None,
        "subject": _name(certificate.get("subject")),
        "issued_by": _name(certificate.get("issuer")),
        "serial": text(info.get("cert_serial_number"), 80),
        "not_before": text(validity.get("notBefore"), 40),
        "not_after": text(validity.get("notAfter"), 40),
        "algorithm": text(info.get("alg"), 20),
    }
    return {key: value for key, value in told.items() if value not in (None, {})}


def time_stamp(found: Found, active: dict[str, Any]) -> dict[str, Any] | None:
    """Return the time of signing and who vouches for it, or None where there is no time stamp."""
    time = text(mapping(active.get("signature_info")).get("time"), 40)
    if time is None:
        return None
    results = mapping(mapping(found.store.get("validation_results")).get("activeManifest"))
    said = [row for row in rows(results.get("success")) if row.get("code") == "timeStamp.trusted"]
    legacy = any(str(row.get("explanation")).startswith("legacy") for row in said)
    info = mapping(mapping(found.certificates.get("timeStampInfo")).get("certificateInfo"))
    authority = _name(info.get("subject")).get("CN")
    trust = "not_checked" if legacy else "trusted" if said else "untrusted"
    return {"time": time, "trust": trust} | ({"authority": authority} if authority else {})


def product_conflict(found: Found, said: Declaration) -> dict[str, Any] | None:
    """Return the claim that the signer's product may not make, or None.

    The name is compared even where no list vouches for it: then either the claim or the name is
    not what it says it is.
    """
    subject = mapping(mapping(found.certificates.get("certificateInfo")).get("subject"))
    active = found.store.get("active_manifest")
    for action in said.actions:
        if action.manifest != active or action.action != "c2pa.created":
            continue
        if signal := forbidden(subject, action.source_type):
            return {
                "product": text(subject.get("CN")),
                "signal": signal,
                "digitalSourceType": action.source_type,
                "list_date": products().issued,
                "verified": found.listed is not None,
            }
    return None


def cawg(active: dict[str, Any], state: State) -> dict[str, Any]:
    """Return what CAWG assertions say: who stands behind the asset, and what is allowed."""
    told: dict[str, Any] = {}
    if state.cawg:
        told["codes"] = state.cawg[:MOST]
    for assertion in rows(active.get("assertions")):
        label, data = str(assertion.get("label")), mapping(assertion.get("data"))
        if label.startswith("cawg.identity"):
            people = rows(data.get("verifiedIdentities") or data.get("verified_identities"), MOST)
            names = [text(row.get("name") or row.get("username")) for row in people]
            told["identities"] = told.get("identities", []) + [name for name in names if name]
        elif label.startswith(("cawg.training-mining", "c2pa.training-mining")):
            entries = list(mapping(data.get("entries")).items())[:MOST]
            told["training_mining"] = {
                text(name, 80) or "": text(mapping(entry).get("use"), 40) for name, entry in entries
            }
    return told


def _labels(active: dict[str, Any]) -> list[str]:
    """Return the labels of the assertions, in their order."""
    labels = [text(row.get("label"), 100) for row in rows(active.get("assertions"), MOST)]
    return [label for label in labels if label]


def _name(value: Any) -> dict[str, Any]:
    """Return the parts of a distinguished name that people read."""
    name = mapping(value)
    return {part: said for part in ("CN", "O", "OU", "C") if (said := text(name.get(part)))}


def _active(store: dict[str, Any]) -> dict[str, Any]:
    """Return the active manifest."""
    return mapping(mapping(store.get("manifests")).get(str(store.get("active_manifest"))))
