"""Why: the reason code of a manifest that was read, and the arguments of its sentence."""

from typing import Any, Final

from detectors.c2pa.declaration import AI_TYPES, BEGINNINGS, Action, Declaration, also, disclosed
from detectors.c2pa.validation import MISMATCHES, State
from detectors.signal import Claim, Reason

DECLARED: Final = {
    Claim.AI_GENERATED: "credential.ai_declared",
    Claim.AI_EDITED: "credential.ai_edited",
    Claim.EDITED: "credential.edited",
    Claim.CAPTURED: "credential.captured",
    None: "credential.no_claim",
}
"""Reason of a manifest that holds, by its claim; the standing of its signer is appended."""


def reason_of(said: Declaration, standing: State, facts: dict[str, Any]) -> Reason:
    """Return why: by the state, then by what is declared and who stands behind it.

    Args:
        said: what is declared, as far as it counts.
        standing: the state.
        facts: of the same manifest.
    """
    args: dict[str, Any] = {"signer": _signer(facts)} | _declares(said, facts)
    if standing.name == "distrusted":
        return Reason("credential.distrusted", args | also(said))
    if standing.integrity == "broken":
        code = next(code for code in standing.codes if code in MISMATCHES)
        return Reason("credential.tampered", args | {"code": code} | also(said))
    if standing.integrity == "unknown" and standing.codes:
        return Reason("credential.invalid", args | {"code": standing.codes[0]} | also(said))
    if standing.integrity == "unknown":
        failed = standing.ingredient_failures[0]
        args |= {"ingredient": failed["ingredient"], "code": failed["codes"][0]}
        return Reason("credential.ingredient_invalid", args | also(said))
    if standing.name == "trusted":
        args |= {"list": facts["trust_list"]["name"], "date": facts["trust_list"]["date"]}
    return Reason(_code(said) + _suffix(said, standing, facts), args | disclosed(said))


def _code(said: Declaration) -> str:
    """Return the code of what is declared."""
    if said.claim is None and said.captured and not said.edited:
        return "credential.passed_on"
    if said.claim is None and said.may_contain_ai:
        fed = any(a.path == "input" and a.source_type in AI_TYPES for a in said.actions)
        return "credential.ai_input" if fed else "credential.may_contain_ai"
    if said.claim is Claim.EDITED and said.may_contain_ai:
        return "credential.edited_open"
    return DECLARED[said.claim]


def _suffix(said: Declaration, standing: State, facts: dict[str, Any]) -> str:
    """Return what the code says of the signer, and of the time of a trusted capture."""
    if standing.uncovered:
        return "_uncovered"
    if standing.name != "trusted":
        return "_unlisted" if standing.name == "valid" else "_expired"
    stamped = facts.get("time_stamp", {}).get("trust") == "trusted"
    return "_undated" if said.claim is Claim.CAPTURED and not stamped else ""


def _signer(facts: dict[str, Any]) -> str:
    """Return the name in the signer's certificate."""
    signer = facts.get("signer", {})
    return str(signer.get("issuer") or signer.get("common_name") or "?")


def _declares(said: Declaration, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what made it, how the manifest says that, and when."""
    decided = _beginning(said) if said.claim is Claim.CAPTURED else said.evidence
    decided = decided or _beginning(said)
    made = facts.get("generator") or "?"
    how = "?"
    if decided:
        inner = [row for row in facts.get("ingredients", ()) if row["manifest"] == decided.manifest]
        made = decided.agent or (inner[0].get("generator") if inner else None) or made
        how = decided.source_type or decided.description or decided.action
    return {"by": made, "how": how, "time": facts.get("time_stamp", {}).get("time") or "?"}


def _beginning(said: Declaration) -> Action | None:
    """Return the action that says how a picture without AI began, where that is what is claimed."""
    if said.claim is Claim.EDITED:
        return None
    own = [a for a in said.actions if a.path == "self" and a.source_type and a.action in BEGINNINGS]
    return own[0] if own else None
