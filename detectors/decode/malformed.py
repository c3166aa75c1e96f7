"""What decoding JSON raises, apart from `errors` so that a command's help loads no decoder."""

import msgspec

MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Where it is broken, of another form, or nested too deep."""
