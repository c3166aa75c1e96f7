"""The second verifier, encypher-c2pa, which only cross-checks: c2pa-python decides."""

import os
from typing import Any, Final

from detectors.c2pa.store import rows, text
from detectors.c2pa.validation import MISMATCHES, counts, integrity

QUIET: Final = {"ENCYPHER_C2PA_TELEMETRY": "off"}
"""Without it the library asks the user about telemetry on a terminal."""


def cross_check(data: bytes, media_type: str, sidecar: bytes | None, ours: str) -> dict[str, Any]:
    """Return what the second verifier says of the integrity of a file that has a manifest.

    It gets no trust list: who is trusted is decided elsewhere, and parsing the lists anew for each
    file would cost more than the check itself.

    Args:
        data: the file.
        media_type: of the file.
        sidecar: a store that lies beside it.
        ours: the integrity that c2pa-python found.

    Returns:
        verifier, read (whether it could), integrity, agrees, codes (its failures).
    """
    os.environ.update(QUIET)
    os.environ.pop("ENCYPHER_C2PA_ONLINE", None)
    import encypher_c2pa

    told: dict[str, Any] = {"verifier": "encypher-c2pa"}
    try:
        said = encypher_c2pa.verify(
            data,
            media_type,
            manifest_store=sidecar,
            no_default_trust=True,
            telemetry=None,
            online=False,
        )
    except (ValueError, RuntimeError, OSError) as error:
        return told | {"read": False, "agrees": None, "detail": text(str(error), 200) or ""}
    if not said.get("present"):
        return told | {"read": False, "agrees": None}
    results = said.get("validation_results") or {}
    codes = [str(row.get("code")) for row in rows(results.get("failure"))]
    kept = [code for code in dict.fromkeys(codes) if counts(code)]
    theirs = integrity(MISMATCHES & set(kept), kept)
    return told | {"read": True, "integrity": theirs, "agrees": theirs == ours, "codes": kept}
