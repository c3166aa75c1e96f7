"""What a manifest store declares, and what its validation codes mean.

Works on the dict that `c2pa.Reader.json()` gives, for pictures and texts alike. Only manifests that
the active one links to count: a store as a whole is not signed, so anyone can add a manifest to it.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from detectors.signal import Claim
from detectors.store import MOST_ROWS, Path, codes_of, mapping, onward, rows, text, walk

__all__ = [
    "Action",
    "Declaration",
    "State",
    "declared",
    "rows",
    "state",
    "text",
    "unlisted",
    "walk",
]

Ai = Literal["generated", "edited"]

MOST_ACTIONS = 1000
# What source types mean: c2pa-org/conformance-public, asset-rubric-signals-local.yml (2026-08-06).
GENERATED = "trainedAlgorithmicMedia"
COMPOSITE = "compositeWithTrainedAlgorithmicMedia"
PARTLY = {
    COMPOSITE,
    "compositedWithTrainedAlgorithmicMedia",  # the misspelling of some guides
    "compositeSynthetic",
}
AI_TYPES = PARTLY | {GENERATED}
BLANK = "empty"
CAPTURED = {"digitalCapture", "computationalCapture", "compositeCapture"}
MAY_CONTAIN = {"composite", "screenCapture", "digitalArt", "trainedAlgorithmicData"}
BEGINNINGS = {"c2pa.created", "c2pa.opened"}
STATED = "metadata"
"""Stands for an action where a signed metadata assertion states the source type."""
STATED_IN = ("digitalSourceType", "metadata", "data_types")
"""Keys of an ingredient that may state how it came about."""
DISCLOSURES = ("c2pa.ai-disclosure", "c2pa.ai_generated_content")
"""Assertions by which a model was used, whatever the actions say: that of C2PA 2.4, 18.28, and that
of the API of Black Forest Labs."""
DEEPEST = 6
"""Levels of parameters, changes and metadata in which a source type is looked for."""
NOT_EDITORIAL = BEGINNINGS | {
    STATED, "c2pa.converted", "c2pa.published", "c2pa.repackaged", "c2pa.transcoded",
    "c2pa.resized.proportional", "c2pa.enhanced", "c2pa.edited.metadata", "c2pa.watermarked",
    "c2pa.watermarked.bound", "c2pa.watermarked.unbound", "c2pa.redacted",
}  # fmt: skip
DESCRIBED_AS_AI = "AI Generated Image"
AGENTS_OF_2024 = {
    "Image Creator from Designer",
    "Image Creator from Microsoft Designer",
    "Bing Image Creator",
    "Microsoft Designer",
}
"""Microsoft's habit of 2024: `c2pa.created` with that description and no digital source type."""

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


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something a manifest says was done."""

    manifest: str
    path: Path
    """How the manifest was reached: `self` (the asset or what it was derived from), `component`
    (placed into it) or `input` (fed to a process)."""
    links: str
    """The relationships from the active manifest to this one, as `parentOf/componentOf`."""
    action: str
    source_type: str | None
    """Last part of the digital source type."""
    vouched: bool | None
    """Claim v2: the signer vouches for it (created) or merely carries it (gathered); v1: None."""
    agent: str | None
    when: str | None
    description: str | None


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """What a store declares, whatever its state."""

    ai: Ai | None
    evidence: Action | None
    """The action (or assertion) that decided `ai`."""
    captured: bool
    """A capture is declared for the asset itself or for what it was derived from."""
    edited: bool
    """Something changed the content after it began."""
    may_contain_ai: bool
    """A source type that leaves it open (`composite`, `screenCapture` …), a model that is disclosed
    of a capture, or AI among what was fed in; and no AI declared of the asset."""
    disclosed: dict[str, str] | None
    """What a `c2pa.ai-disclosure` says of the model that was used; None: there is none."""
    claim: Claim | None
    """The strongest of these. `captured` beside an `ai` says that the two exclude each other."""
    actions: list[Action]


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


def declared(store: Mapping[str, Any]) -> Declaration:
    """Give what the active manifest and everything it links to declare.

    Args:
        store: what `Reader.json()` gives, parsed; may be malformed in any way that JSON allows.
    """
    actions: list[Action] = []
    derived = placed = False
    for label, path, links, manifest in walk(store):
        actions += _actions(manifest, label, path, links)[: MOST_ACTIONS - len(actions)]
        if path == "self":
            kinds = [row.get("relationship") for row in rows(manifest.get("ingredients"))]
            derived = derived or "parentOf" in kinds
            placed = placed or "componentOf" in kinds
    own = [action for action in actions if action.path == "self"]
    captured = any(a.action == "c2pa.created" and a.source_type in CAPTURED for a in own)
    edited = placed or any(a.action not in NOT_EDITORIAL for a in own)
    ai, evidence = _ai(actions)
    disclosed = disclosure(store)
    if ai is None and disclosed is not None and not captured:
        opened = derived or any(action.action == "c2pa.opened" for action in own)
        ai = "edited" if opened or edited else "generated"
    active = store.get("active_manifest")
    open_types = MAY_CONTAIN | AI_TYPES
    return Declaration(
        ai=ai,
        evidence=evidence,
        captured=captured,
        edited=edited,
        may_contain_ai=ai is None
        and (disclosed is not None or any(a.source_type in open_types for a in actions)),
        disclosed=disclosed,
        claim=_claim(own, evidence, ai, active, edited),
        actions=actions,
    )


def disclosure(store: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the flat values of the active manifest's disclosure of a model, None without one."""
    active = mapping(mapping(store.get("manifests")).get(str(store.get("active_manifest"))))
    for assertion in rows(active.get("assertions")):
        if str(assertion.get("label")).startswith(DISCLOSURES):
            values = list(mapping(assertion.get("data")).items())[:50]
            return {text(key) or "": text(value) or "" for key, value in values if text(value)}
    return None


def also(said: Declaration) -> dict[str, Any]:
    """Return the argument by which a sentence on a failing credential tells what it declares."""
    return {"also": [f"credential.also.{said.claim}"]} if said.claim else disclosed(said)


def disclosed(said: Declaration) -> dict[str, Any]:
    """Return the arguments by which a sentence tells of a model that a disclosure names."""
    if said.disclosed is None:
        return {}
    model = said.disclosed.get("modelName") or said.disclosed.get("modelIdentifier") or "?"
    return {"also": ["credential.also.disclosed"], "model": model}


def _actions(manifest: dict[str, Any], label: str, path: Path, links: str) -> list[Action]:
    """Give what one manifest says was done: actions, and source types stated elsewhere in it."""
    second = manifest.get("claim_version") == 2  # noqa: PLR2004 - claim v2
    said: list[Action] = []

    def add(
        row: dict[str, Any], name: Any, *, vouched: bool, where: Path = path, agent: Any = None
    ) -> None:
        said.append(
            Action(
                manifest=text(label) or "",
                path=where,
                links=links,
                action=text(name, 100) or "",
                source_type=source_type(row.get("digitalSourceType")),
                vouched=vouched if second else None,
                agent=_agent(row.get("softwareAgent", agent)),
                when=text(row.get("when"), 40),
                description=text(row.get("description")),
            )
        )

    for assertion in rows(manifest.get("assertions")):
        name, data = str(assertion.get("label")), assertion.get("data")
        if not isinstance(data, dict):
            continue
        vouched = assertion.get("created") is True
        if name.startswith("c2pa.actions"):
            templates = rows(data.get("templates"))
            for row in rows(data.get("actions")):
                filled, agent = _filled(row, templates), _indexed(row, data)
                add(filled, row.get("action"), vouched=vouched, agent=agent)
        else:
            for stated in stated_types(data):
                add({"digitalSourceType": stated}, STATED, vouched=vouched)
    for row in rows(manifest.get("ingredients")):
        for stated in stated_types({key: row.get(key) for key in STATED_IN}):  # C2PA 2.4
            where = onward(path, row.get("relationship"))
            add({"digitalSourceType": stated}, "c2pa.opened", vouched=True, where=where)
    return said


def stated_types(value: Any, depth: int = DEEPEST) -> list[str]:
    """Return the digital source types that stand anywhere in a value, by whatever prefix.

    Writers put them into the parameters of an action (`com.adobe.digitalSourceType`), its changes,
    metadata assertions (`Iptc4xmpExt:DigitalSourceType`, or the name as a URI) and ingredients.

    Args:
        value: of a manifest; may be malformed in any way that JSON allows.
        depth: levels that are looked into.
    """
    found: list[str] = []
    if depth and isinstance(value, dict):
        for key, inner in list(value.items())[:MOST_ROWS]:
            name = re.split(r"[:./#]", str(key))[-1].replace("_", "")
            if name.lower() == "digitalsourcetype":
                found += [said for said in _strings(inner) if said]
            else:
                found += stated_types(inner, depth - 1)
    elif depth and isinstance(value, list):
        for inner in value[:MOST_ROWS]:
            found += stated_types(inner, depth - 1)
    return found[:MOST_ROWS]


def _strings(value: Any) -> list[str]:
    """Return the strings of a value, of a list of values, or of one in the form of JSON-LD."""
    if isinstance(value, dict):
        value = value.get("@id") or value.get("@value")
    if isinstance(value, list):
        return [said for inner in value[:MOST_ROWS] for said in _strings(inner)]
    return [value] if isinstance(value, str) else []


def _filled(row: dict[str, Any], templates: list[dict[str, Any]]) -> dict[str, Any]:
    """Return an action with a source type: its own, one of its parameters, or its template's.

    Of what stands in its changes alone, a part of the asset is meant.
    """
    own = source_type(row.get("digitalSourceType"))
    inner = [source_type(said) for said in stated_types(mapping(row.get("parameters")))]
    parts = [source_type(said) for said in stated_types(row.get("changes"))]
    if own not in AI_TYPES:
        if found := [said for said in inner if said in AI_TYPES]:
            return row | {"digitalSourceType": found[0]}
        if AI_TYPES & set(parts):
            return row | {"digitalSourceType": COMPOSITE}
    if own is None and inner:
        return row | {"digitalSourceType": inner[0]}
    if "digitalSourceType" in row:
        return row
    kinds = (row.get("action"), "*")
    fitting = [t for t in templates if t.get("action") in kinds and "digitalSourceType" in t]
    return row | {"digitalSourceType": fitting[0]["digitalSourceType"]} if fitting else row


def _indexed(row: dict[str, Any], data: dict[str, Any]) -> Any:
    """Give the agent that an action names by its number in the assertion's list."""
    agents, index = data.get("softwareAgents"), row.get("softwareAgentIndex")
    if isinstance(agents, list) and isinstance(index, int) and 0 <= index < len(agents):
        return agents[index]
    return None


def source_type(uri: Any) -> str | None:
    """Give the last part of a digital source type, whatever scheme, blanks and slashes it has."""
    if not isinstance(uri, str):
        return None
    return text(re.split(r"[/:#]", uri.strip().rstrip("/"))[-1], 100)


def _agent(agent: Any) -> str | None:
    """Give the name of a software agent, which is a string (v1) or a mapping (v2)."""
    return text(agent.get("name") if isinstance(agent, dict) else agent)


def _ai(actions: list[Action]) -> tuple[Ai | None, Action | None]:
    """Return the strongest AI declaration and what made it.

    Args:
        actions: nearest manifest first.
    """
    edited: Action | None = None
    for action in actions:
        if (meant := _meaning(action)) == "generated":
            return "generated", action
        if meant and edited is None:
            edited = action
    return ("edited", edited) if edited else (None, None)


def _meaning(action: Action) -> Ai | None:
    """Return what one action says about the asset: made by a model only where it begins it."""
    if action.path == "input":
        return None
    begins = action.action in BEGINNINGS or action.action == STATED
    habit = action.description == DESCRIBED_AS_AI and action.agent in AGENTS_OF_2024
    if action.source_type == GENERATED or (habit and action.action == "c2pa.created"):
        return "generated" if action.path == "self" and begins else "edited"
    return "edited" if action.source_type in PARTLY else None


def _claim(
    own: list[Action], evidence: Action | None, ai: Ai | None, active: Any, edited: bool
) -> Claim | None:
    """Give the strongest claim, or `captured` where the active manifest denies an AI history."""
    denied = evidence is not None and evidence.path == "self" and evidence.links
    captures = [a for a in own if a.action == "c2pa.created" and a.source_type in CAPTURED]
    if ai and denied and any(a.manifest == active for a in captures):
        return Claim.CAPTURED
    if ai:
        return Claim.AI_GENERATED if ai == "generated" else Claim.AI_EDITED
    if edited:
        return Claim.EDITED
    return Claim.CAPTURED if captures else None


def state(store: Mapping[str, Any]) -> State:
    """Give the state of a store from its validation codes.

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
    """Give an ingredient and its failures that count."""
    uri = str(row.get("ingredientAssertionURI"))
    codes = _failures(mapping(row.get("validationDeltas")))
    return {"ingredient": _title(store, uri), "codes": codes}


def _title(store: Mapping[str, Any], uri: str) -> str:
    """Give the title of the ingredient that an assertion's address names, else the address."""
    parts = uri.split("/")
    for manifest in mapping(store.get("manifests")).values():
        if isinstance(manifest, dict) and manifest.get("label") in parts:
            for row in rows(manifest.get("ingredients")):
                if row.get("label") == parts[-1]:
                    return text(row.get("title")) or text(parts[-1]) or ""
    return text(uri) or ""


def _recorded(store: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the failures that signers recorded of their ingredients."""
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
    """Give the labels of ingredients' manifests whose signers no list in use vouches for.

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
