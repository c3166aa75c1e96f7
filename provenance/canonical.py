"""Canonical JSON (RFC 8785): equal values give equal bytes, in every language that has a library.

`json.dumps` with sorted keys does all but two things: it writes some numbers otherwise than
ECMAScript does, and it sorts keys by code points, not by UTF-16 code units. Numbers are therefore
put into the text as strings that nobody can guess, and taken out of their quotation marks.
"""

import json
import math
import re
import secrets
from decimal import Decimal
from typing import Any, Final

import msgspec

MARK: Final = secrets.token_hex(16)
"""Begins a string that stands for a number; made anew in each process."""
_NUMBER: Final = re.compile(f'"{MARK}([^"]*)"')
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
"""Characters of two UTF-16 code units: only where there is one can the orders of keys differ."""
_ENCODE: Final = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode
_IN_ORDER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
EXPONENT_FROM: Final = 1e21
SAME_FROM: Final = 1e-4
"""Numbers from here on Python writes as ECMAScript does, but for whole ones."""
PLAIN_FROM: Final = 1e-6
"""Numbers from here up to `EXPONENT_FROM` are written without an exponent: ECMA-262,
Number::toString."""


def canonical(value: Any) -> bytes:
    """Return a value as canonical JSON.

    Args:
        value: of JSON types.

    Raises:
        TypeError: the value is no JSON.
        ValueError: a number is not finite, or a text has lone surrogates.

    Example:
        >>> canonical({"b": 1.0, "a": [0.00001, 1e-7, 1e21]})
        b'{"a":[0.00001,1e-7,1e+21],"b":1}'
    """
    return canonical_json(_ENCODE(value).encode())


def canonical_json(data: bytes) -> bytes:
    """Return JSON as canonical JSON. A whole number keeps all its digits, however many.

    Raises:
        msgspec.DecodeError: it is no JSON.
    """
    value = _DECODER.decode(data)
    text = _ENCODE(value)
    if not text.isascii() and _ASTRAL.search(text):
        text = _IN_ORDER(_by_code_units(value))
    return (_NUMBER.sub(r"\1", text) if MARK in text else text).encode()


def _number(text: str) -> int | float | str:
    """Return a number with a fraction or an exponent as something that is written as it should be.

    Raises:
        ValueError: it is beyond what a double holds.
    """
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is not finite")
    if number.is_integer() and abs(number) < EXPONENT_FROM:
        return int(Decimal(repr(number)))  # its shortest digits, then zeros
    size = abs(number)
    if size >= SAME_FROM:
        return number
    digits, _, exponent = repr(number).partition("e")
    if size >= PLAIN_FROM:
        sign, digits = ("-", digits[1:]) if number < 0 else ("", digits)
        zeros = "0" * (-int(exponent) - 1)
        return f"{MARK}{sign}0.{zeros}{digits.replace('.', '')}"
    return f"{MARK}{digits}e{int(exponent)}"


_DECODER: Final = msgspec.json.Decoder(float_hook=_number)


def _by_code_units(value: Any) -> Any:
    """Return a value with the keys of its objects in the order of UTF-16 code units."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return {key: _by_code_units(value[key]) for key in keys}
    return [_by_code_units(each) for each in value] if isinstance(value, list) else value
