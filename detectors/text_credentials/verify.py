"""The two verifiers for texts: no type of theirs is returned, and nothing is fetched.

encypher-c2pa reads manifests in texts; c2pa-python reads those beside them, which the first
refuses, while it cannot read wrappers itself.
"""

import io
import json
import os
from collections.abc import Callable
from typing import Any, Final

import msgspec

from detectors.c2pa.store import rows
from detectors.c2pa.trust import EXTENDED_KEY_USAGES, InUse, Signers
from detectors.c2pa.validation import TRUSTED, State, state

QUIET: Final = {"ENCYPHER_C2PA_TELEMETRY": "off"}
"""Without it the library asks the user about telemetry on a terminal."""
SETTINGS: Final[dict[str, Any]] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_reading": True},
    "core": {"allowed_network_hosts": []},
}


class Anchors(msgspec.Struct, frozen=True, kw_only=True):
    """Certificates that a verifier is to believe, PEM; empty for none."""

    signers: str = ""
    end_entities: str = ""
    time_stamps: str = ""


class Unreadable(Exception):  # noqa: N818 - a state of the manifest
    """Bytes that claim to be a manifest and are none."""


Read = Callable[[Anchors], dict[str, Any]]
"""Returns the store, verified under these anchors; raises `Unreadable`."""


class Assessed(msgspec.Struct, frozen=True, kw_only=True):
    """A store and what its codes mean under the lists in use."""

    store: dict[str, Any]
    """As c2pa-python's `Reader.json()` gives it."""
    state: State
    listed: Signers | None
    """The list that makes the signer trusted."""


def embedded(data: bytes, media_type: str) -> Read:
    """Return a reader for the manifest inside a text.

    Args:
        data: the text, UTF-8.
        media_type: by which the verifier chooses the method.
    """

    def read(anchors: Anchors) -> dict[str, Any]:
        os.environ.update(QUIET)
        os.environ.pop("ENCYPHER_C2PA_ONLINE", None)
        import encypher_c2pa

        try:
            said = encypher_c2pa.verify(
                data,
                media_type,
                trust_pem=anchors.signers or None,
                tsa_trust_pem=anchors.time_stamps or None,
                allowed_list_pem=anchors.end_entities or None,
                no_default_trust=True,
                telemetry=None,
                online=False,
            )
        except (ValueError, RuntimeError, OSError) as error:
            raise Unreadable(str(error)[:200]) from error
        store = dict(said.get("manifest_report") or {})
        for row in (store.get("manifests") or {}).values():
            signature = row.get("signature_info") or {}
            if "issuer" in signature:  # of the certificate; c2pa-python names the signer so
                signature["issued_by"] = signature.pop("issuer")
        return store | {"validation_results": {"activeManifest": said.get("validation_results")}}

    return read


def detached(data: bytes, sidecar: bytes) -> Read:
    """Return a reader for the manifest beside a text.

    Args:
        data: the text, as it lies: the whole of it is bound.
        sidecar: the store.
    """

    def read(anchors: Anchors) -> dict[str, Any]:
        from c2pa import C2paError, Context, Reader  # type: ignore[import-untyped]

        trust = {"trust_config": EXTENDED_KEY_USAGES}
        if pem := "\n".join(part for part in (anchors.signers, anchors.time_stamps) if part):
            trust["trust_anchors"] = pem
        if anchors.end_entities:
            trust["allowed_list"] = anchors.end_entities
        context = Context.from_dict(SETTINGS | {"trust": trust})
        try:
            with Reader("text/plain", io.BytesIO(data), sidecar, context=context) as reader:
                store: dict[str, Any] = json.loads(reader.json())
        except (C2paError, ValueError, RecursionError) as error:
            raise Unreadable(str(error)[:200]) from error
        return store

    return read


def assess(read: Read, lists: InUse) -> Assessed:
    """Return the store and its state under the lists in use.

    Which list trusts the signer is asked of each alone, and the distrusted certificates are asked
    as if they were a list to trust.

    Raises:
        Unreadable: there is no manifest that could be judged.
    """
    everybody = Anchors(
        signers="\n".join(row.anchors for row in lists.signers).strip(),
        end_entities="\n".join(row.end_entities for row in lists.signers).strip(),
        time_stamps=lists.time_stamps.strip(),
    )
    store = read(everybody)
    found = state(store)
    listed = None
    if _is_trusted(store):
        alone = (
            (row, Anchors(signers=row.anchors, end_entities=row.end_entities))
            for row in lists.signers
        )
        listed = next((row for row, anchors in alone if _is_trusted(read(anchors))), None)
    if found.name == "trusted" and listed is None:
        found = msgspec.structs.replace(found, name="valid")
    if lists.distrusted:
        refused = Anchors(signers=lists.distrusted, end_entities=lists.distrusted)
        if _is_trusted(read(refused)):
            found = msgspec.structs.replace(found, name="distrusted")
    return Assessed(store=store, state=found, listed=listed)


def holds(read: Read) -> bool:
    """Tell whether signature and binding hold, whoever signed."""
    try:
        store = read(Anchors())
    except Unreadable:
        return False
    return bool(store.get("manifests")) and state(store).integrity == "holds"


def _is_trusted(store: dict[str, Any]) -> bool:
    """Tell whether the verifier found the active manifest's signer under its anchors."""
    active = (store.get("validation_results") or {}).get("activeManifest") or {}
    return any(row.get("code") == TRUSTED for row in rows(active.get("success")))
