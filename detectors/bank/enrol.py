"""From a picture to an entry of a bank."""

from typing import TYPE_CHECKING

from detectors.bank.entry import Entry, Hash, hash_fault

if TYPE_CHECKING:
    from detectors.item import Item


def enrolled(item: "Item", template: Entry) -> tuple[Entry, bytes | None]:
    """Return the entry of a picture, and its local features.

    A picture with too little detail to be told from others keeps its SHA-256 alone. A hash that
    many pictures share (brightness that only falls makes a dHash of zeros) is left out.

    Args:
        item: the picture.
        template: id, class, source and the like; its hashes are replaced.

    Raises:
        CannotAssess: the picture cannot be decoded.
    """
    import msgspec

    from detectors.bank.matching.graphics import entry_look
    from detectors.hashing.picture import dhash, phash
    from detectors.hashing.views import hash_views

    picture = item.picture
    seen = hash_views(picture, gallery=True)
    hashes: dict[str, tuple[Hash, ...]] = {"sha256": (Hash(item.sha256),)}
    if seen.low_detail:
        return msgspec.structs.replace(template, hashes=hashes), None
    looked = {
        "pdq": [Hash(seen.pdq.tobytes().hex(), quality=seen.quality)],
        "pdq64.v1": [
            Hash(row[0].tobytes().hex(), view)
            for view, row in zip(seen.names, seen.stable, strict=True)
        ],
        "phash": [Hash(phash(picture.grey))],
        "dhash": [Hash(dhash(picture.grey))],
    }
    for name, made in looked.items():
        if sound := tuple(each for each in made if not hash_fault(name, each.value)):
            hashes[name] = sound
    return msgspec.structs.replace(template, hashes=hashes), entry_look(picture)
