"""Checkpoints: how many lines a log has, and their root, signed.

The form is that of C2SP tlog-checkpoint and signed-note.

```
example.org/moderation
4711
uOYO6qFzDYbu5YIRfmYm1S7uWL4QV+OBHYqmEhVNnvY=

— example.org/moderation Az3grl…
```
"""

import base64
from typing import Final, NamedTuple

from provenance.audit.keys import ID, PrivateKey, PublicKey

DASH: Final = "\N{EM DASH}"
MOST: Final = 1 << 16
"""Bytes of a note: one is some 300."""


class Checkpoint(NamedTuple):
    """What a checkpoint states."""

    origin: str
    """Name of the log."""
    size: int
    """Lines."""
    root: bytes
    """RFC 6962 root hash, 32 bytes."""

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class Signature(NamedTuple):
    """A signature line of a note."""

    name: str
    key_id: bytes
    value: bytes


def signed(checkpoint: Checkpoint, key: PrivateKey) -> bytes:
    """Return a checkpoint as a signed note."""
    blob = key.public.id + key.sign(checkpoint.text.encode())
    line = f"{DASH} {key.public.name} {base64.b64encode(blob).decode()}\n"
    return f"{checkpoint.text}\n{line}".encode()


def signatures(note: bytes) -> list[Signature]:
    """Return the signature lines of a note; what is none is passed over."""
    found = list[Signature]()
    _, _, lines = note[:MOST].decode("utf-8", "replace").rpartition("\n\n")
    for line in lines.splitlines():
        dash, _, rest = line.partition(" ")
        name, _, packed = rest.partition(" ")
        try:
            blob = base64.b64decode(packed, validate=True)
        except ValueError:
            continue
        if dash == DASH and name and len(blob) > ID:
            found.append(Signature(name, blob[:ID], blob[ID:]))
    return found


def opened(note: bytes, key: PublicKey) -> Checkpoint | None:
    """Return what a note states, None where it is not signed by this key or no checkpoint."""
    text, gap, _ = note.rpartition(b"\n\n")
    message = text + b"\n"
    own = [s for s in signatures(note) if (s.name, s.key_id) == (key.name, key.id)]
    if not gap or len(note) > MOST or not any(key.verifies(s.value, message) for s in own):
        return None
    rows = message.decode("utf-8", "replace").split("\n")
    try:
        root = base64.b64decode(rows[2], validate=True)
        found = Checkpoint(rows[0], int(rows[1]), root)
    except (IndexError, ValueError):
        return None
    return found if found.text.encode() == message and len(root) == 32 else None
