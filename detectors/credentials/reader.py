"""The only module that uses c2pa-python: no type of it is returned.

Nothing is fetched: remote manifests and OCSP are off, and so is every network host, because the
identity check of the library would otherwise resolve `did:web` names that a file chooses.
"""

import io
import json
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from detectors.c2pa.store import rows, text
from detectors.c2pa.trust import EXTENDED_KEY_USAGES, InUse, Signers
from detectors.c2pa.validation import TRUSTED

if TYPE_CHECKING:
    from c2pa import Context, Reader  # type: ignore[import-untyped]

SETTINGS: Final[dict[str, Any]] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_reading": True},
    "core": {"allowed_network_hosts": []},
}
MOST_THUMBNAIL: Final = 1 << 20
"""Bytes of a thumbnail that is compared; writers keep to some tens of thousands."""
URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://\S+")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest store that could be read."""

    store: dict[str, Any]
    """As `Reader.json()` gives it."""
    certificates: dict[str, Any]
    """Certificates of the active manifest: certificateInfo and timeStampInfo of
    `Reader.crjson()`."""
    listed: Signers | None
    """The list in use that makes the signer trusted."""
    distrusted: bool
    """The signer, or a CA above it, is on a list of those not believed."""
    thumbnail: bytes | None
    remote_url: str | None


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no store to judge."""

    state: Literal["absent", "remote", "unreadable"]
    detail: str
    """The URL of a remote manifest, else what the library says."""


class Verifier:
    """Reads manifest stores under the lists in use."""

    def __init__(self, lists: InUse) -> None:
        """Keep the lists; the library is imported by the first read."""
        self._lists = lists

    def read(self, data: bytes, media_type: str, sidecar: bytes | None = None) -> Found | Missing:
        """Read the store of a file, verified.

        Args:
            data: the file.
            media_type: of the file.
            sidecar: a store that lies beside it; an embedded one is then not looked at.
        """
        from c2pa import C2paError

        try:
            with self._open(data, media_type, sidecar, self._all) as reader:
                store = json.loads(reader.json())
                found = Found(
                    store=store,
                    certificates=_certificates(reader),
                    listed=self._listed(data, media_type, sidecar, store),
                    distrusted=self._distrusted(data, media_type, sidecar),
                    thumbnail=_thumbnail(reader, store),
                    remote_url=text(reader.get_remote_url()),
                )
        except C2paError as error:
            return _missing(error)
        except (ValueError, RecursionError) as error:
            return Missing(state="unreadable", detail=str(error)[:200])
        return found

    @cached_property
    def _all(self) -> "Context":
        """Every list in use at once, those of time stamps too."""
        anchors = [row.anchors for row in self._lists.signers]
        entities = [row.end_entities for row in self._lists.signers]
        return _context([*anchors, self._lists.time_stamps], entities)

    @cached_property
    def _each(self) -> list[tuple[Signers, "Context"]]:
        """Each list of signers alone."""
        return [(row, _context([row.anchors], [row.end_entities])) for row in self._lists.signers]

    @cached_property
    def _refused(self) -> "Context":
        """The distrusted certificates, as if they were a list to trust."""
        return _context([self._lists.distrusted], [self._lists.distrusted])

    def _open(
        self, data: bytes, media_type: str, sidecar: bytes | None, context: "Context"
    ) -> "Reader":
        from c2pa import Reader

        return Reader(media_type, io.BytesIO(data), sidecar, context=context)

    def _listed(
        self, data: bytes, media_type: str, sidecar: bytes | None, store: dict[str, Any]
    ) -> Signers | None:
        """Return the list that makes the signer trusted.

        Asked of each list alone, because the library has one bag of anchors for signers and time
        stamps: a signer under the CA of a time stamp authority is not trusted.
        """
        if not _is_trusted(store):
            return None
        for row, context in self._each:
            with self._open(data, media_type, sidecar, context) as reader:
                if _is_trusted(json.loads(reader.json())):
                    return row
        return None

    def _distrusted(self, data: bytes, media_type: str, sidecar: bytes | None) -> bool:
        """Tell whether the signer would be trusted if the distrusted certificates were anchors."""
        if not self._lists.distrusted:
            return False
        with self._open(data, media_type, sidecar, self._refused) as reader:
            return _is_trusted(json.loads(reader.json()))


def _context(anchors: list[str], end_entities: list[str]) -> "Context":
    """Return a context of the library for these certificates, PEM.

    Single signers stand inside an entry of `anchors`: beside it the library drops them in silence.
    The kind of an entry does not keep signers and time stamps apart, so all are of one kind.
    """
    from c2pa import Context

    entry = {
        "trust_kind": "manifest",
        "trust_anchors": "\n".join(anchors).strip(),
        "trust_config": EXTENDED_KEY_USAGES,
    }
    if pem := "\n".join(end_entities).strip():
        entry["allowed_list"] = pem
    trust = {"trust_config": EXTENDED_KEY_USAGES, "anchors": [entry]}
    return Context.from_dict(SETTINGS | {"trust": trust})


def _is_trusted(store: dict[str, Any]) -> bool:
    """Tell whether the library found the active manifest's signer under its anchors."""
    results = store.get("validation_results") or {}
    active = results.get("activeManifest") or {}
    return any(row.get("code") == TRUSTED for row in rows(active.get("success")))


def _certificates(reader: "Reader") -> dict[str, Any]:
    """Return the signature of the active manifest, which is the first in this report."""
    report = json.loads(reader.crjson())
    first = next(iter(rows(report.get("manifests"), 1)), {})
    signature = first.get("signature")
    return signature if isinstance(signature, dict) else {}


def _thumbnail(reader: "Reader", store: dict[str, Any]) -> bytes | None:
    """Return the picture that the active manifest carries of its asset."""
    from c2pa import C2paError

    active = (store.get("manifests") or {}).get(store.get("active_manifest")) or {}
    named = active.get("thumbnail")
    identifier = named.get("identifier") if isinstance(named, dict) else None
    if not isinstance(identifier, str):
        return None
    out = io.BytesIO()
    try:
        reader.resource_to_stream(identifier, out)
    except C2paError:
        return None
    return out.getvalue() if 0 < out.tell() <= MOST_THUMBNAIL else None


def _missing(error: Exception) -> Missing:
    """Return what an error of the library means.

    Files of a format without a place for a manifest, and those without one, are `absent`; a
    reference is `remote`; everything else claims to be a manifest and is not.
    """
    said = str(error)
    if said.startswith(("ManifestNotFound", "NotSupported")) or "no JUMBF data found" in said:
        return Missing(state="absent", detail=text(said, 200) or "")
    if "must fetch remote manifests" in said or said.startswith("RemoteManifest"):
        url = URL.search(said)
        return Missing(state="remote", detail=text(url.group(0) if url else said, 500) or "")
    return Missing(state="unreadable", detail=text(said, 200) or "")
