"""A decoder of watermarks that the user holds: reads bits, and compares them with an identifier.

A decoder reads bits from every picture. What they are worth is told by pictures without its mark:
until `provenance calibrate watermarks` has read some, all it says is what it read. An identifier
says which credential or owner a picture belongs to, never that it was generated: no claim is made.
"""

import math
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from detectors.c2pa import jumbf
from detectors.c2pa.soft_bindings import soft_bindings
from detectors.decode.containers import may_hold_manifest, store_bytes
from detectors.decode.containers import walk as pieces_of
from detectors.decode.memory import loading
from detectors.decode.untrusted import mapping
from detectors.errors import CannotAssess, ConfigError
from detectors.item import Item
from detectors.models import external
from detectors.models.onnx_runtime import open_onnx
from detectors.models.preprocessing import preprocess
from detectors.signal import Outcome, Reason, Signal, Tier, phrase
from detectors.watermarks.decoders.codewords import BITS, decoded, encoded
from detectors.watermarks.decoders.sidecar import (
    NAME,
    RULE,
    DecoderSidecar,
    Unmarked,
    load_decoder,
    onnx_file,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Read = Callable[[NDArray[np.uint8]], str]
    """Returns the bits of a picture (height, width, 3), zeros and ones."""

GATE: Final = 1e-6
"""Highest chance that random bits agree as well with an identifier, for it to be there."""


class Decoder:
    """A decoder in an ONNX file, and what was measured of it."""

    def __init__(self, path: Path) -> None:
        """Look at the decoder's files, not yet at its weights.

        Raises:
            ConfigError: they cannot be used.
        """
        self._file = onnx_file(path)
        self._said = load_decoder(self._file)
        self._unmarked = external.load_sidecar(self._file.parent, NAME, RULE, Unmarked)

    @cached_property
    def _digests(self) -> tuple[str, str]:
        return digests(self._file)

    @cached_property
    def identity(self) -> str:
        """SHA-256 of the decoder, of how it is read and of what was measured, hex."""
        return external.identity(*self._digests, self._unmarked)

    @cached_property
    def _read(self) -> "Read | CannotAssess":
        """Reads pictures; or why it cannot, found out once."""
        known, (sha256, settings) = self._unmarked, self._digests
        if known is not None and known.weights_sha256 != sha256:
            return CannotAssess(Outcome.FAILED, Reason("watermarks.other_weights"))
        if known is not None and known.settings_sha256 != settings:
            return CannotAssess(Outcome.FAILED, Reason("watermarks.other_settings"))
        try:
            with loading():
                return reader(self._file, self._said, sha256)
        except ConfigError as error:
            return _unusable(error)

    def look(self, item: Item) -> Signal:
        """Return what the decoder reads in a picture, as one signal without a claim.

        Raises:
            CannotAssess: the decoder cannot be asked, or is not the one that was measured.
        """
        if isinstance(self._read, CannotAssess):
            raise self._read
        try:
            bits = self._read(item.picture.rgb)
        except ConfigError as error:
            raise _unusable(error) from error
        facts: dict[str, Any] = {"family": "decoder", "scheme": self._said.algorithm, "read": bits}
        facts["model"] = {"layout": RULE, "sha256": self._digests[0]}
        if self._unmarked is None:
            args = {"algorithm": self._said.algorithm}
            return self._signal(Outcome.NOT_ASSESSED, Reason("watermarks.unmeasured", args), facts)
        facts["unmarked"] = len(self._unmarked.reads)
        by, wanted = self._wanted(item, len(bits))
        if wanted:
            return self._compared(bits, wanted, by, self._unmarked, facts)
        return self._word(bits, self._unmarked, facts)

    def _wanted(self, item: Item, length: int) -> tuple[str, dict[str, str]]:
        """Return who names identifiers, and these with their bits as they stand in a picture."""
        named = [row.get("value", "") for row in bindings(item) if self._names(row)]
        found = {value: bits for value in named if (bits := self._bits(value, length))}
        if found or self._said.message is None or len(self._said.message) != length:
            return "credential", found
        return "decoder", {self._said.message: self._said.message}

    def _names(self, row: dict[str, str]) -> bool:
        """Tell whether a soft binding is of this decoder, and of the whole picture."""
        return row["algorithm"] == self._said.algorithm and "scope" not in row

    def _bits(self, value: str, length: int) -> str | None:
        """Return the bits of an identifier as a soft binding has it."""
        if self._said.code == "trustmark":
            return encoded(value) if length == BITS else None
        return value if len(value) == length and not set(value) - set("01") else None

    def _compared(
        self,
        bits: str,
        wanted: dict[str, str],
        by: str,
        unmarked: Unmarked,
        facts: dict[str, Any],
    ) -> Signal:
        """Return whether the pixels hold one of the identifiers that are named."""
        matching, named = max((_matching(bits, each), name) for name, each in wanted.items())
        length = len(wanted[named])
        as_near = sum(_matching(read, wanted[named]) >= matching for read in unmarked.reads)
        chance = _chance(matching, length)
        facts |= {
            "named": named,
            "matching_bits": matching,
            "bits": length,
            "p_value": float(f"{chance:.2g}"),
            "as_near": as_near,
        }
        args = {"algorithm": self._said.algorithm, "matching": matching, "bits": length,
                "by": phrase(f"watermarks.by.{by}")}  # fmt: skip
        if chance <= GATE and not as_near:
            return self._signal(Outcome.FINDING, Reason("watermarks.held", args), facts)
        return self._signal(Outcome.CLEAR, Reason("watermarks.not_held", args), facts)

    def _word(self, bits: str, unmarked: Unmarked, facts: dict[str, Any]) -> Signal:
        """Return the identifier that stands in the bits, where errors can be corrected."""
        args: dict[str, Any] = {"algorithm": self._said.algorithm}
        if self._said.code is None:
            return self._signal(Outcome.NOT_ASSESSED, Reason("watermarks.none_named", args), facts)
        word = decoded(bits) if len(bits) == BITS else None
        if word is None:
            return self._signal(Outcome.CLEAR, Reason("watermarks.no_word", args), facts)
        facts |= {"identifier": word.identifier, "corrected_bits": word.corrected}
        args |= {"identifier": word.identifier, "corrected": word.corrected}
        if false := unmarked.false_words.get(word.identifier.partition("*")[0], 0):
            args |= {"false": false, "unmarked": len(unmarked.reads)}
            return self._signal(Outcome.NOT_ASSESSED, Reason("watermarks.false_words", args), facts)
        return self._signal(Outcome.FINDING, Reason("watermarks.word", args), facts)

    def _signal(self, outcome: Outcome, reason: Reason, facts: dict[str, Any]) -> Signal:
        return Signal(
            detector=NAME,
            tier=Tier.METADATA,
            outcome=outcome,
            source=f"metadata:{self._said.algorithm}",
            reason=reason,
            facts=facts,
        )


def bindings(item: Item) -> list[dict[str, str]]:
    """Return the soft bindings of an item's active manifest; nothing is verified here.

    Whether the credential holds is said by `credentials`.
    """
    media_type = item.media_type or ""
    store = b""
    if may_hold_manifest(item.data, media_type):
        store = store_bytes(item.data, media_type, pieces_of(item.data, media_type))
    elif item.sidecar is not None:
        store = item.sidecar.read()
    if not store or jumbf.excess(store):
        return []
    manifests = mapping(jumbf.active(store).get("manifests"))
    return [row for manifest in manifests.values() for row in soft_bindings(manifest)]


def digests(file: Path) -> tuple[str, str]:
    """Return the SHA-256 of a decoder and of what says how it is read, hex."""
    return external.digest([file]), external.digest([file.with_suffix(".json")])


def reader(file: Path, said: DecoderSidecar, sha256: str) -> "Read":
    """Return what reads the bits of a picture.

    Args:
        file: the decoder.
        said: what stands beside it.
        sha256: of the file, hex.

    Raises:
        ConfigError: it is not the file that is described, or onnxruntime cannot load it; and, when
            a picture is read, that it cannot run it or that its output has another form.
    """
    if sha256 != said.sha256.lower():
        raise ConfigError(f"{file}: its sha256 is {sha256}; the file beside it names another")
    session, faults = open_onnx(file, "cpu")

    def read(rgb: "NDArray[np.uint8]") -> str:
        try:
            (numbers,) = session.run([said.output], {said.input: preprocess(rgb, said)})
        except faults as error:
            raise ConfigError(f"{file}: onnxruntime cannot run it: {error}") from None
        if numbers.ndim != 2 or len(numbers) != 1 or not numbers.size:
            raise ConfigError(f"{file}: gives numbers of shape {numbers.shape}, not (1, bits)")
        return "".join("1" if number > 0 else "0" for number in numbers[0].tolist())

    return read


def _matching(bits: str, wanted: str) -> int:
    """Return the bits that agree with an identifier, which may be shorter than what was read."""
    return sum(bit == other for bit, other in zip(bits, wanted, strict=False))


def _chance(matching: int, length: int) -> float:
    """Return the chance that so many of some random bits agree, or more."""
    return float(sum(math.comb(length, n) for n in range(matching, length + 1)) / 2**length)


def _unusable(error: ConfigError) -> CannotAssess:
    """Return the fault of a decoder that cannot be asked."""
    told = str(error).encode("utf-8", "backslashreplace").decode()
    return CannotAssess(Outcome.FAILED, Reason("watermarks.unusable", {"error": told}))
