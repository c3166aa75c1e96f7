"""From a picture to an entry of a bank."""

from typing import TYPE_CHECKING

from detectors.known_fakes.bank.entry import Entry, Hash

if TYPE_CHECKING:
    from detectors.item import Item


def enrolled(item: "Item", template: Entry) -> tuple[Entry, bytes | None]:
    """Give the entry of a picture, and its local features.

    A picture with too little detail to be told from others keeps its SHA-256 alone.

    Args:
        item: the picture.
        template: id, class, source and the like; its hashes are replaced.

    Raises:
        CannotAssess: the picture cannot be decoded.
    """
    import msgspec

    from detectors.fingerprint import dhash, phash
    from detectors.known_fakes.features import entry_block
    from detectors.known_fakes.views import looks

    picture = item.picture
    seen = looks(picture, gallery=True)
    hashes: dict[str, tuple[Hash, ...]] = {"sha256": (Hash(item.sha256),)}
    if seen.plain:
        return msgspec.structs.replace(template, hashes=hashes), None
    hashes["pdq"] = (Hash(seen.pdq.tobytes().hex(), quality=seen.quality),)
    hashes["pdq64.v1"] = tuple(
        Hash(row[0].tobytes().hex(), view)
        for view, row in zip(seen.names, seen.stable, strict=True)
    )
    hashes["phash"] = (Hash(phash(picture.grey)),)
    hashes["dhash"] = (Hash(dhash(picture.grey)),)
    return msgspec.structs.replace(template, hashes=hashes), entry_block(picture.grey)
