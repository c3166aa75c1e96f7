"""A decoder as it lies on a user's disk: how it is read, what it reads where there is no mark."""

from pathlib import Path
from typing import Final, Literal

import msgspec

from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError
from detectors.models.external import Sidecar
from detectors.models.preprocessing import Preprocessing

NAME: Final = "watermarks"
RULE: Final = "onnx"


class DecoderSidecar(Preprocessing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`NAME.json` beside `NAME.onnx`: how the decoder is read."""

    sha256: str
    """SHA-256 of the ONNX file, hex."""
    input: str
    """Name of the input, (1, 3, size, size)."""
    output: str
    """Name of the output, (1, bits): a bit is 1 where its number is above 0."""
    algorithm: str
    """Name in the C2PA list of soft binding algorithms, `com.adobe.trustmark.P`, or any other."""
    code: Literal["trustmark"] | None = None
    """How errors are corrected; None: not at all."""
    message: str | None = None
    """Zeros and ones that are looked for, where a decoder is of one mark alone."""

    def __post_init__(self) -> None:
        """Refuse what is no message.

        Raises:
            ValueError: msgspec turns it into a ValidationError with the path.
        """
        super().__post_init__()
        if self.message is not None and set(self.message) != {"0", "1"}:
            raise ValueError("message is zeros and ones")


class Unmarked(Sidecar, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`provenance.json`: what the decoder read in pictures that hold no mark of it."""

    reads: tuple[str, ...]
    """The bits of each picture, zeros and ones."""
    false_words: dict[str, int]
    """Schema → pictures in which a word was read, with errors corrected."""


def onnx_file(path: Path) -> Path:
    """Return the ONNX file at a path: itself, or the one of a folder.

    Raises:
        ConfigError: there is not one.
    """
    found = [path] if path.suffix == ".onnx" and path.is_file() else sorted(path.glob("*.onnx"))
    if len(found) != 1:
        listed = ", ".join(file.name for file in found) or "none"
        raise ConfigError(f"{path}: one ONNX file is wanted; there are {listed}")
    return found[0]


def load_decoder(file: Path) -> DecoderSidecar:
    """Load what stands beside a decoder.

    Raises:
        ConfigError: nothing does, or it does not say how the decoder is read.
    """
    path = file.with_suffix(".json")
    try:
        return msgspec.json.decode(path.read_bytes(), type=DecoderSidecar)
    except (OSError, *MALFORMED) as error:
        keys = ", ".join(DecoderSidecar.__struct_fields__)
        raise ConfigError(
            f"{path}: {error}; NAME.json beside NAME.onnx says how a decoder is read: {keys}"
            " (docs/pixel-marks.md)"
        ) from None
