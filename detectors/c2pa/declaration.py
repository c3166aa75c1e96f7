"""What a manifest store declares.

Works on the dict that `c2pa.Reader.json()` gives, for pictures and texts alike. Only manifests that
the active one links to count: a store as a whole is not signed, so anyone can add a manifest to it.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from detectors.c2pa.store import MOST_ROWS, LinkPath, onward, rows, text, walk
from detectors.decode.untrusted import mapping
from detectors.signal import Claim

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


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something a manifest says was done."""

    manifest: str
    path: LinkPath
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


def declared(store: Mapping[str, Any]) -> Declaration:
    """Return what the active manifest and everything it links to declare.

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


def _actions(manifest: dict[str, Any], label: str, path: LinkPath, links: str) -> list[Action]:
    """Return what one manifest says was done: actions, and source types stated elsewhere in it."""
    second = manifest.get("claim_version") == 2  # claim v2
    said: list[Action] = []

    def add(
        row: dict[str, Any], name: Any, *, vouched: bool, where: LinkPath = path, agent: Any = None
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
    """Return the agent that an action names by its number in the assertion's list."""
    agents, index = data.get("softwareAgents"), row.get("softwareAgentIndex")
    if isinstance(agents, list) and isinstance(index, int) and 0 <= index < len(agents):
        return agents[index]
    return None


def source_type(uri: Any) -> str | None:
    """Return the last part of a digital source type, whatever scheme, blanks and slashes it has."""
    if not isinstance(uri, str):
        return None
    return text(re.split(r"[/:#]", uri.strip().rstrip("/"))[-1], 100)


def _agent(agent: Any) -> str | None:
    """Return the name of a software agent, which is a string (v1) or a mapping (v2)."""
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
    """Return the strongest claim, or `captured` where the active manifest denies an AI history."""
    denied = evidence is not None and evidence.path == "self" and evidence.links
    captures = [a for a in own if a.action == "c2pa.created" and a.source_type in CAPTURED]
    if ai and denied and any(a.manifest == active for a in captures):
        return Claim.CAPTURED
    if ai:
        return Claim.AI_GENERATED if ai == "generated" else Claim.AI_EDITED
    if edited:
        return Claim.EDITED
    return Claim.CAPTURED if captures else None
