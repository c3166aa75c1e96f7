"""Every detector, tried on a small item of its kind: `doctor` believes no version number."""

import math
import struct
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from detectors.catalog import BUILT_IN
from detectors.errors import ConfigError, Error, NotLoadedError
from detectors.item import Item, Kind
from detectors.signal import MatchFacts, Outcome, Reason, Signal, Tier, facts_of
from detectors.spec import Spec
from provenance.engine.check import Engine
from provenance.engine.config import RunConfig

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE: Final = 160
"""Pixels of the picture's sides: enough for local features and for the face detector."""
TEXT: Final = (
    "The library on the corner opens at nine, and on Saturdays there is a queue of children in"
    " front of it. My neighbour reads to them for an hour. She began when her own were small, and"
    " she has not stopped since; the youngest of that time now bring theirs. Last week she read"
    " about a whale that could not sing. Nobody spoke on the way home. In the evening one of them"
    " rang her bell and asked whether the whale was well again."
)
STORE: Final = struct.pack(
    ">I4sI4s16sB5s",
    38,
    b"jumb",
    30,
    b"jumd",
    b"c2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9bq",
    3,
    b"c2pa\0",
)
"""A manifest store without a manifest: the libraries have to be asked what is in it."""


def tried(spec: Spec, config: RunConfig) -> tuple[bool, str]:
    """Return whether a detector looks at an item, and its version or what stopped it.

    Args:
        spec: of the detector.
        config: as `check` would use it.
    """
    try:
        if spec in BUILT_IN and "banks" in spec.takes:
            _matched(spec, config)
        version = spec.load(config.options.get(spec.name, {})).version
    except (Error, NotLoadedError) as error:
        return False, str(error)
    item = _item(spec)
    if item is None:
        return True, version
    signals = _signals(spec, config, item)
    failed = [signal for signal in signals if signal.outcome is Outcome.FAILED]
    return not failed, _words(failed[0].reason) if failed else version


def _signals(spec: Spec, config: RunConfig, item: Item) -> list[Signal]:
    """Return what a detector alone says of an item, as `check` would have it."""
    alone = msgspec.structs.replace(config, specs=(spec,))
    return Engine(alone).check(item).signals


def _words(reason: Reason) -> str:
    from provenance.messages import say

    return say(reason)


def _item(spec: Spec) -> Item | None:
    """Return an item for a detector; None where it looks at neither pictures nor texts."""
    signed = STORE if spec.tier is Tier.CREDENTIAL else b""
    made: dict[Kind, Callable[[], bytes]] = {
        Kind.IMAGE: lambda: picture(store=signed),
        Kind.TEXT: lambda: text(signed).encode(),
    }
    kind = next((kind for kind in spec.kinds if kind in made), None)
    return Item("trial", made[kind], kind=kind) if kind else None


def text(store: bytes = b"") -> str:
    """Return a text that carries a manifest store in hidden characters (C2PA 2.4, A.8)."""
    if not store:
        return TEXT
    hidden = struct.pack(">8sBI", b"C2PATXT\0", 1, len(store)) + store
    shown = (chr(b + (0xFE00 if b < 16 else 0xE0100 - 16)) for b in hidden)
    return f"{TEXT}\ufeff{''.join(shown)}"


def _matched(spec: Spec, config: RunConfig) -> None:
    """Put the picture into a bank of its own, and find it again by its look.

    Raises:
        ConfigError: it is not found.
    """
    from provenance.banking.add import add_pictures

    with tempfile.TemporaryDirectory(prefix="provenance-") as folder:
        file, bank = Path(folder, "known.png"), Path(folder, "trial.bank")
        file.write_bytes(picture())
        add_pictures(bank, [file])
        other = Item("trial", lambda: picture(brighter=8), kind=Kind.IMAGE)
        options = {**config.options, spec.name: {"banks": [str(bank)]}}
        found = _signals(spec, msgspec.structs.replace(config, options=options), other)
        if not any(facts_of(signal, MatchFacts).entry == "known" for signal in found):
            raise ConfigError("a picture that was put into a bank is not found again")


def picture(brighter: int = 0, store: bytes = b"") -> bytes:
    """Return a picture with some detail, as PNG, made without a library that may be missing."""
    rows = b"".join(
        b"\0" + bytes(channel for x in range(SIDE) for channel in _pixel(x, y, brighter))
        for y in range(SIDE)
    )
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    parts[1:1] = [(b"caBX", store)] if store else []
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _pixel(x: int, y: int, brighter: int) -> tuple[int, int, int]:
    """Return red, green and blue of a pattern of blots of many sizes."""
    wave = math.sin(x / 9 + math.sin(y / 13) * 2) + math.cos(y / 7 - math.sin(x / 17) * 3)
    blot = 40 if (x // 23 + y // 19) % 3 == 0 else 0
    value = min(255, int(90 + 35 * wave) + blot + brighter)
    return value, value * 3 // 4 + 20, value // 2 + 60
