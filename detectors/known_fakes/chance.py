"""How likely an innocent picture comes as near to a bank as this one did."""

import math
import tomllib
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec

HOME: Final = Path(__file__).parent
HARDEST: Final = "ai_face"
SURE: Final = 0.95
"""Level of the upper bound."""
STEEP: Final = (31, 40)
"""Bits between which the slope of the tail is taken: the lowest range with 7 and more pairs."""


class Chance(msgspec.Struct, frozen=True):
    """Probability that an unrelated picture gives such a match somewhere in the bank."""

    point: float
    """From the fitted tail."""
    upper: float
    """Upper end of its 95 % interval."""

    def anywhere(self, comparisons: int) -> "Chance":
        """Give the chance in so many comparisons, as if all were independent."""
        return Chance(_any_of(self.point, comparisons), _any_of(self.upper, comparisons))


def by_hash(bits: int, kind: str) -> Chance:
    """Give the chance that one view of one unrelated entry differs in at most so many bits.

    The tail is linear in log10 between the measured places and goes on at their slope below the
    lowest that has enough pairs; the bound there is that of no pair seen.

    Args:
        bits: of 256.
        kind: the class of the bank's entry.
    """
    table = _tables().get(kind) or _tables()[HARDEST]
    pairs: int = table["pairs"]
    places = [(row["bits"], row["pairs"]) for row in table["at_most"]]
    known = [(at, math.log10(count / pairs)) for at, count in places if at >= STEEP[0]]
    point = 10 ** min(0.0, _along(bits, known))
    seen = next((count for at, count in places if at >= bits), pairs)
    return Chance(point, max(point, min(1.0, _upper_count(seen) / pairs)))


def by_features(correlation: float, places: int) -> Chance:
    """Give the chance that one candidate, brought up by its features, agrees as well by accident.

    The product of two fitted tails, raised for their dependence: agreement falls off as a power of
    what is missing to a full correlation, and by a constant ratio a place.

    Args:
        correlation: median of the tiles', -1..1.
        places: where features agree closely.
    """
    table = _tables()["local"]
    checks, by, at = table["checks"], table["correlation"], table["places"]
    missing = max(0.0, 1 - correlation) / (1 - by["at"])
    alike = min(1.0, by["pairs"] / checks * missing ** by["power"])
    steps = min(places, at["most"]) - at["at"]
    agreeing = min(1.0, at["pairs"] / checks * at["ratio"] ** steps)
    point = min(1.0, table["together"] * alike * agreeing)
    return Chance(point, max(point, _upper_count(0) / checks))


def measured_entries() -> int:
    """Give the size of the bank that `by_features` was measured on."""
    entries: int = _tables()["local"]["entries"]
    return entries


def _along(bits: int, known: list[tuple[int, float]]) -> float:
    """Give log10 of the share at this distance: between its neighbours, or on the line beyond."""
    (low, first), (high, last) = (next(row for row in known if row[0] == at) for at in STEEP)
    if bits < low:
        return first + (bits - low) * (last - first) / (high - low)
    for (left, here), (right, there) in pairwise(known):
        if bits <= right:
            return here + (bits - left) * (there - here) / (right - left)
    return 0.0


@cache
def _upper_count(seen: int) -> float:
    """Give the largest mean of a Poisson count that is this low in 1 of 20 cases (exact)."""
    if seen > 500:  # noqa: PLR2004 - the normal limit is within 1 % from here
        return seen + 1.645 * math.sqrt(seen) + 1
    low, high = float(seen), seen + 10 * math.sqrt(seen + 1) + 10
    for _ in range(60):
        middle = (low + high) / 2
        logs = (n * math.log(middle) - middle - math.lgamma(n + 1) for n in range(seen + 1))
        low, high = (middle, high) if sum(map(math.exp, logs)) > 1 - SURE else (low, middle)
    return high


@cache
def _tables() -> dict[str, dict[str, Any]]:
    return tomllib.loads((HOME / "impostors.toml").read_text("utf-8"))


def _any_of(one: float, comparisons: int) -> float:
    """Give 1 - (1 - one) ** comparisons, exact for small shares."""
    return 1.0 if one >= 1 else -math.expm1(comparisons * math.log1p(-one))
