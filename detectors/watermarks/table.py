"""The table of marks."""

from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TABLE: Final = Path(__file__).parent / "marks.toml"


class Message(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A message that programs embed."""

    name: str
    input: Literal["bytes", "float"]
    share: float
    moved: bool
    writer: str
    source: str
    bits: str = ""
    text: str = ""

    @property
    def is_text(self) -> bool:
        """Whether it is letters."""
        return bool(self.text)

    @cached_property
    def signs(self) -> "NDArray[np.float64]":
        """(L,): 1 for a 1, -1 for a 0."""
        import numpy as np

        bits = self.bits or "".join(f"{byte:08b}" for byte in self.text.encode())
        return np.array([1.0 if bit == "1" else -1.0 for bit in bits])


class Marks(msgspec.Struct, forbid_unknown_fields=True):
    """All marks."""

    message: list[Message]


@lru_cache(maxsize=1)
def marks() -> Marks:
    """Return the table."""
    return msgspec.toml.decode(TABLE.read_bytes(), type=Marks)
