"""The facts of a manifest in or beside a text.

Every string comes from the file and is bounded; names are unverified unless the state is `trusted`.
"""

from typing import Any

from detectors.c2pa.declaration import Declaration
from detectors.c2pa.store import text
from detectors.decode.untrusted import mapping
from detectors.signal import Claim
from detectors.text_credentials.verify import Assessed

MOST = 50
"""Rows kept of one list."""


def claim(assessed: Assessed, said: Declaration) -> Claim | None:
    """Return the claim that the state allows."""
    if assessed.state.name == "distrusted":
        return None
    if assessed.state.integrity == "broken":
        return Claim.TAMPERED
    if assessed.state.integrity != "holds":
        return None
    return said.claim


def account(assessed: Assessed, said: Declaration) -> dict[str, Any]:
    """Return the facts; of those that may be missing, only what is there."""
    state, active = assessed.state, _active(assessed.store)
    inner = [row["codes"] for row in state.ingredient_failures + state.recorded]
    codes = dict.fromkeys([*state.codes, *(code for row in inner for code in row)])
    signature = active.get("signature_info")
    signed = signature if isinstance(signature, dict) else {}
    names = {
        "issuer": "issuer", "common_name": "common_name", "issued_by": "issued_by", "alg": "alg",
        "time": "time", "cert_serial_number": "serial",
    }  # fmt: skip
    more = {
        "generator": generator(active),
        "signer": {to: value for name, to in names.items() if (value := text(signed.get(name)))},
        "title": text(active.get("title")),
        "ai_disclosure": said.disclosed,
        "uncovered": state.uncovered,
        "source_types": sorted({row.source_type for row in said.actions if row.source_type}),
        "ingredient_failures": state.ingredient_failures[:MOST],
        "laundering": state.laundering[:MOST],
        "cawg": state.cawg[:MOST],
        "notes": state.notes[:MOST],
    }
    return {
        "state": state.name,
        "integrity": state.integrity,
        "ai": said.ai,
        "codes": list(codes)[:MOST],
    } | {name: value for name, value in more.items() if value}


def generator(active: dict[str, Any]) -> str | None:
    """Return the program that made the manifest."""
    info = active.get("claim_generator_info")
    first = info[0] if isinstance(info, list) and info else info
    if isinstance(first, dict):
        return text(first.get("name"))
    return text(active.get("claim_generator"))


def _active(store: dict[str, Any]) -> dict[str, Any]:
    """Return the active manifest."""
    return mapping(mapping(store.get("manifests")).get(str(store.get("active_manifest"))))
