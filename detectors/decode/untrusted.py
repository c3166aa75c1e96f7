"""JSON of others, read without trust in its shape.

Apart from `errors`, so that a command's help loads no decoder.
"""

from typing import Any

import msgspec

MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises where JSON is broken, of another form, or nested too deep."""


def mapping(value: Any) -> dict[str, Any]:
    """Return a mapping that a file supplied; of anything else, an empty one."""
    return value if isinstance(value, dict) else {}
