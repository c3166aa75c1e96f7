"""How likely an innocent picture comes as near to a bank as this one did."""

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.bank.chance.tail_fit import TailFit

HOME: Final = Path(__file__).parent
HARDEST: Final = "ai_face"
"""Kind whose table stands in for kinds without one of their own."""
GRAPHIC: Final = "graphic"
"""What stands for the class in the tables of flat graphics, whose bins are of hash and colour."""
TENTHS: Final = 10
"""Bins to one natural log odds, on the scale of geometric verification."""
BEST: Final = 60.0
"""Log odds at which that scale begins."""
WORST: Final = -20.0
BIT: Final = 2
"""Levels of colour that one differing bit of a hash counts as."""
UNITS: Final = 40
"""Bins to one natural log, of flat graphics."""
FARTHEST: Final = 300
"""Bin of what is beyond the reach of a hash: more than any two graphics within it differ."""
BINS: Final = round(TENTHS * (BEST - WORST)) + 1
"""Bins of that scale, from certain agreement to none."""


class FalseMatchRate(msgspec.Struct, frozen=True):
    """Probability that an unrelated picture gives such a match somewhere in the bank."""

    point: float
    """From the fitted tail."""
    upper: float
    """Upper end of its 95 % interval."""

    def bank_wide(self, comparisons: int) -> "FalseMatchRate":
        """Return the chance in so many comparisons, as if all were independent."""
        return FalseMatchRate(_any_of(self.point, comparisons), _any_of(self.upper, comparisons))


class Local(msgspec.Struct, frozen=True, kw_only=True):
    """How agreement of features and pixels is made one number, and how often it comes by chance."""

    entries: int
    """Size of the bank that it was measured on."""
    intercept: float
    weights: dict[str, float]
    """Weights of `places`, `correlation`, `tiles` and `asked`, as `scaled` makes them."""
    tail: TailFit
    copies: int = 0
    """Right candidates that the weights were fitted on."""

    def bin(self, values: Mapping[str, float]) -> int:
        """Return how far a candidate is from certain agreement, in tenths of a natural log odds.

        Args:
            values: what its geometric verification gave, as `matching.verify.scaled` makes it.
        """
        odds = self.intercept + sum(self.weights[name] * values[name] for name in values)
        return round(TENTHS * (BEST - min(BEST, max(WORST, odds))))


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of chance matches: in general, or of one bank."""

    kinds: dict[str, TailFit]
    """`table` of class and hash → tail of the differing bits."""
    local: Local | None = None

    def by_hash(self, bits: int, kind: str, algorithm: str) -> FalseMatchRate:
        """Return the chance that one hash of one unrelated picture differs in at most so many bits.

        Args:
            bits: of 256.
            kind: the class of the bank's entry; one without a table is read by that of aligned
                AI faces, the hardest that was measured.
            algorithm: of the hash.
        """
        name, known = table(kind, algorithm), shipped().kinds
        tail = self.kinds.get(name) or known.get(name) or known[table(HARDEST, algorithm)]
        return FalseMatchRate(*tail.share(bits))

    def of_graphic(self, bits: int, levels: int, algorithm: str) -> FalseMatchRate:
        """Return the chance that one comparison of flat graphics is as near in hash and colour."""
        tail = shipped().kinds[table(GRAPHIC, algorithm)]
        return FalseMatchRate(*tail.share(graphic_bin(bits, levels)))

    def by_features(self, values: Mapping[str, float]) -> FalseMatchRate:
        """Return the chance that one candidate, brought up by its features, agrees as well.

        Args:
            values: what its geometric verification gave, as `matching.verify.scaled` makes it.
        """
        local = self._local()
        return FalseMatchRate(*local.tail.share(local.bin(values)))

    def measured_entries(self) -> int:
        """Return the size of the bank that `by_features` was measured on."""
        return self._local().entries

    def _local(self) -> Local:
        found = self.local or shipped().local
        assert found is not None  # noqa: S101 - the shipped table has one
        return found


def graphic_bin(bits: int, levels: int) -> int:
    """Return how far a graphic is from an entry, hash and colour together, on a log scale.

    On that scale the low end of such distances is a straight line: a power law near zero.
    """
    return round(UNITS * math.log1p(BIT * bits + levels))


def table(kind: str, algorithm: str) -> str:
    """Return the name of the table for a class of entries and a hash."""
    return f"{kind} {algorithm}"


@cache
def shipped() -> Tables:
    """Load the tables that come with the program."""
    read: Any = tomllib.loads((HOME / "impostors.toml").read_text("utf-8"))
    return msgspec.convert(read, Tables, strict=False)


def _any_of(one: float, comparisons: int) -> float:
    """Return 1 - (1 - one) ** comparisons, exact for small shares."""
    return 1.0 if one >= 1 else -math.expm1(comparisons * math.log1p(-one))
