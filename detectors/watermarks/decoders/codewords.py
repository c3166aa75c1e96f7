"""The words of TrustMark: an identifier, bits that correct errors, and the number of the schema.

A word has 100 bits. Four at its end number the schema: how many of the other 96 are identifier, and
how many errors the rest, a BCH code over GF(128), corrects. The identifier is filled up with zeros
to whole bytes before the code is taken of it.

Source: T. Bui et al., "TrustMark: Universal Watermarking for Arbitrary Resolution Images" (2023),
and adobe/trustmark, python/trustmark/datalayer.py.
"""

from functools import cache, reduce
from operator import xor
from typing import Final, NamedTuple

BITS: Final = 100
SCHEMA: Final = 4
"""Bits that number the schema."""
SCHEMAS: Final = {0: (40, 8), 1: (61, 5), 2: (68, 4), 3: (75, 3)}
"""Number → bits of the identifier, errors that are corrected."""
DEGREE: Final = 7
ORDER: Final = 2**DEGREE - 1
POLYNOMIAL: Final = 137
"""x^7 + x^3 + 1, by which GF(128) is made."""


class Word(NamedTuple):
    """What a word says."""

    identifier: str
    """As a soft binding has it: `SCHEMA*BITS`."""
    corrected: int
    """Bits that were read wrongly."""


def encoded(identifier: str) -> str | None:
    """Return the 96 bits of an identifier as they stand in a picture; None where it is none.

    Args:
        identifier: `SCHEMA*BITS`, as soft bindings have it.
    """
    number, _, data = identifier.partition("*")
    schema = int(number) if number in map(str, SCHEMAS) else None
    if schema is None or len(data) != SCHEMAS[schema][0] or set(data) - set("01"):
        return None
    return _filled(data, SCHEMAS[schema][1])


def decoded(bits: str) -> Word | None:
    """Return what 100 bits say after errors are corrected; None where they are no word.

    Args:
        bits: zeros and ones, as they were read.
    """
    schema = int(bits[-SCHEMA:], 2)
    if schema not in SCHEMAS:
        return None
    size, errors = SCHEMAS[schema]
    read = bits[:-SCHEMA]
    pad = -size % 8
    degrees = [*range(len(read) + pad - 1, len(read) + pad - 1 - size, -1)]
    degrees += range(len(read) - size - 1, -1, -1)
    wrong = _wrong([d for d, bit in zip(degrees, read, strict=True) if bit == "1"], errors)
    if wrong is None or not wrong <= set(degrees):
        return None
    mended = "".join(str(int(bit) ^ (d in wrong)) for d, bit in zip(degrees, read, strict=True))
    if _filled(mended[:size], errors) != mended:
        return None
    return Word(f"{schema}*{mended[:size]}", len(wrong))


def _filled(data: str, errors: int) -> str:
    """Return an identifier with the bits that correct errors: the rest of a division."""
    generator = _generator(errors)
    checks = generator.bit_length() - 1
    rest = int(data, 2) << (-len(data) % 8 + checks)
    while (over := rest.bit_length() - generator.bit_length()) >= 0:
        rest ^= generator << over
    return f"{data}{rest:0{checks}b}"


@cache
def _powers() -> tuple[list[int], dict[int, int]]:
    """Return the powers of the primitive element of GF(128), and their logarithms."""
    powers, value = [], 1
    for _ in range(ORDER):
        powers.append(value)
        value <<= 1
        value ^= POLYNOMIAL if value > ORDER else 0
    return powers, {power: at for at, power in enumerate(powers)}


def _times(one: int, other: int) -> int:
    """Return a product in GF(128)."""
    powers, logs = _powers()
    return powers[(logs[one] + logs[other]) % ORDER] if one and other else 0


def _over(one: int, other: int) -> int:
    """Return a quotient in GF(128)."""
    powers, logs = _powers()
    return powers[(logs[one] - logs[other]) % ORDER] if one else 0


@cache
def _generator(errors: int) -> int:
    """Return the generator of the code as bits.

    Its roots are the powers 1, 3 … of the primitive element, and what is conjugate to them.
    """
    roots = {odd * 2**turn % ORDER for odd in range(1, 2 * errors, 2) for turn in range(DEGREE)}
    found = [1]
    for root in sorted(roots):
        scaled = [_times(value, _powers()[0][root]) for value in found]
        found = [a ^ b for a, b in zip([0, *found], [*scaled, 0], strict=True)]
    return sum(bit << at for at, bit in enumerate(found))


def _wrong(ones: list[int], errors: int) -> set[int] | None:
    """Return the degrees that are wrong in a word; None where they are too many.

    Args:
        ones: degrees of the bits that are 1.
        errors: how many are corrected.
    """
    powers = _powers()[0]
    syndromes = [
        reduce(xor, (powers[at * degree % ORDER] for degree in ones), 0)
        for at in range(1, 2 * errors + 1)
    ]
    locator = _locator(syndromes)
    wrong = {
        degree
        for degree in range(ORDER)
        if not reduce(
            xor, (_times(value, powers[-degree * at % ORDER]) for at, value in enumerate(locator))
        )
    }
    return wrong if len(wrong) == len(locator) - 1 <= errors else None


def _locator(syndromes: list[int]) -> list[int]:
    """Return the polynomial whose roots tell the errors, its constant first (Berlekamp, Massey)."""
    found, before, length, shift, last = [1], [1], 0, 1, 1
    for at, syndrome in enumerate(syndromes):
        known = (
            _times(found[i], syndromes[at - i]) for i in range(1, min(length, len(found) - 1) + 1)
        )
        off = reduce(xor, known, syndrome)
        if not off:
            shift += 1
            continue
        moved = [0] * shift + [_times(_over(off, last), value) for value in before]
        size = max(len(found), len(moved))
        updated = [
            (found[i] if i < len(found) else 0) ^ (moved[i] if i < len(moved) else 0)
            for i in range(size)
        ]
        if 2 * length <= at:
            before, length, last, shift = found, at + 1 - length, off, 1
        else:
            shift += 1
        found = updated
    while len(found) > 1 and not found[-1]:
        found.pop()
    return found
