"""Pictures of posts and accounts as the engine's workers see them, each file once."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from detectors.catalog import catalog
from detectors.item import Kind
from detectors.signal import CredentialFacts, Outcome, Signal, Tier, facts_of
from provenance.coordination.posts import LEAST_QUALITY, Posts, picture_name
from provenance.engine.check import FINGERPRINTS
from provenance.engine.config import RunConfig, configure
from provenance.engine.ordered import Crew, in_order
from provenance.intake.files import Sidecars
from provenance.intake.posts import inside, medium_of
from provenance.record import Record

Workers: TypeAlias = Callable[[RunConfig], AbstractContextManager[Crew]]
"""Provides workers for a configuration."""
FACES: Final = ("portrait",)
"""The detector that tells where the eyes of a portrait lie."""
VENDORS: Final = (
    "adobe", "amazon", "black forest labs", "bria", "bytedance", "canva", "elevenlabs", "google",
    "ideogram", "leonardo", "meta platforms", "microsoft", "midjourney", "nvidia", "openai",
    "openart", "runway", "shutterstock", "stability", "tiktok", "truepic", "x.ai", "xai",
)  # fmt: skip
"""Words of names whose certificates sign for all their users: they tie nobody to anybody."""


class Picture(NamedTuple):
    """What is known of a file."""

    name: str
    """`picture_name`; "" where the file could not be read as a picture."""
    signer: str
    """End-entity certificate of its credential, where neither a trust list vouches for it nor a
    vendor signs with it for everybody; "" for none."""
    eyes: tuple[float, ...]
    """Places of both eyes in parts of the picture; empty where there is no face."""
    fault: str
    """Why it could not be looked at; "" where it was."""


def look_at_media(posts: Posts, workers: Workers) -> dict[int, str]:
    """Add the pictures in files to those of the posts; return the signers by number of file.

    Those that cannot be read are counted in `posts.skipped`.
    """
    names = list(posts.files.names)
    if not names:
        return {}
    signers = dict[int, str]()
    seen = list[str]()
    for number, picture in enumerate(looked_at(names, _looks(), workers)):
        seen.append(picture.name)
        if picture.fault:
            posts.skip("unreadable_media", f"{names[number].partition(chr(0))[2]}: {picture.fault}")
        if picture.signer:
            signers[number] = picture.signer
    for post, number in zip(posts.files.post, posts.files.thing, strict=True):
        if seen[number]:
            posts.images.add(post, seen[number])
    return signers


def _looks() -> tuple[str, ...]:
    """Return what looks at media: whoever reads credentials of pictures, and what hashes them."""
    reading = (each for each in catalog() if each.tier is Tier.CREDENTIAL)
    return (*(each.name for each in reading if Kind.IMAGE in each.kinds), FINGERPRINTS)


def looked_at(names: Iterable[str], looks: Collection[str], workers: Workers) -> Iterator[Picture]:
    """Yield what is known of files.

    Args:
        names: folder and path below it, NUL between them.
        looks: detectors, and `FINGERPRINTS`.
        workers: provides those that look.
    """
    config = configure(
        catalog(), only=[look for look in looks if look != FINGERPRINTS],
        today=f"{datetime.now(UTC):%Y-%m-%d}", fingerprints=FINGERPRINTS in looks,
    )  # fmt: skip
    sidecars = Sidecars()
    split = (name.partition("\0")[::2] for name in names)
    items = (inside(path, partial(medium_of, root, sidecars)) for root, path in split)
    with workers(config) as crew:
        yield from map(_picture, in_order(items, crew.submit, crew))


def _picture(record: Record) -> Picture:
    fault = next((s.reason.code for s in record.signals if s.outcome is Outcome.FAILED), "")
    prints = record.item.fingerprints
    good = int(prints.get("pdq_quality", 0)) >= LEAST_QUALITY
    name = picture_name(record.item.sha256, prints.get("pdq") if good else None)
    return Picture(name, _signer(record.signals), _eyes(record.signals), fault)


def _signer(signals: Iterable[Signal]) -> str:
    """Return the certificate that signed, where it is one of few."""
    for signal in signals:
        if signal.tier is Tier.CREDENTIAL and signal.outcome is Outcome.FINDING:
            told = facts_of(signal, CredentialFacts).signer or {}
            names = f"{told.get('subject')} {told.get('issuer')}".casefold()
            if told.get("serial") and not (
                told.get("verified") or any(vendor in names for vendor in VENDORS)
            ):
                by = told.get("issued_by") or {}
                return f"{told['serial']} {by.get('CN', '')} {by.get('O', '')}".strip()
    return ""


def _eyes(signals: Iterable[Signal]) -> tuple[float, ...]:
    for signal in signals:
        if isinstance(eyes := signal.facts.get("eyes"), list):
            return tuple(map(float, eyes))
    return ()
