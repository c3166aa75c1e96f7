"""How likely an innocent picture comes as near to a bank as this one did."""

import math
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from detectors.bank.chance.tail import Tail

if TYPE_CHECKING:
    from detectors.bank.matching.verify import Agreement

HOME: Final = Path(__file__).parent
HARDEST: Final = "ai_face"
"""Kind whose table stands in for kinds without one of their own."""
GRAPHIC: Final = "graphic"
"""What stands for the class in the tables of flat graphics, whose places are of hash and colour."""
TENTHS: Final = 10
"""Units of a place on the scale of agreement, to one natural log odds."""
BEST: Final = 60.0
"""Log odds at which that scale begins."""
MOST_PLACES: Final = 30
"""Places of close agreement that count: nobody else's picture came to half as many."""
WORST: Final = -20.0
PLACES: Final = round(TENTHS * (BEST - WORST)) + 1
"""Places of that scale, from certain agreement to none."""


class Chance(msgspec.Struct, frozen=True):
    """Probability that an unrelated picture gives such a match somewhere in the bank."""

    point: float
    """From the fitted tail."""
    upper: float
    """Upper end of its 95 % interval."""

    def anywhere(self, comparisons: int) -> "Chance":
        """Return the chance in so many comparisons, as if all were independent."""
        return Chance(_any_of(self.point, comparisons), _any_of(self.upper, comparisons))


class Local(msgspec.Struct, frozen=True, kw_only=True):
    """How agreement of features and pixels is made one number, and how often it comes by chance."""

    entries: int
    """Size of the bank that it was measured on."""
    intercept: float
    weights: dict[str, float]
    """Of `places`, `correlation`, `tiles` and `asked`, as `scaled` makes them."""
    tail: Tail
    copies: int = 0
    """Right candidates that the weights were fitted on."""

    def place(self, agreed: "Agreement", asked: int) -> int:
        """Return how far a candidate is from certain agreement, in tenths of a natural log odds.

        Args:
            agreed: how well the picture lies over it.
            asked: features of the picture.
        """
        values = scaled(agreed, asked)
        odds = self.intercept + sum(self.weights[name] * values[name] for name in values)
        return round(TENTHS * (BEST - min(BEST, max(WORST, odds))))


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of chance matches: in general, or of one bank."""

    kinds: dict[str, Tail]
    """`table` of class and hash → tail of the differing bits."""
    local: Local | None = None

    def by_hash(self, bits: int, kind: str, algorithm: str) -> Chance:
        """Return the chance that one hash of one unrelated picture differs in at most so many bits.

        Args:
            bits: of 256.
            kind: the class of the bank's entry; one without a table is read by that of aligned
                AI faces, the hardest that was measured.
            algorithm: of the hash.
        """
        name, known = table(kind, algorithm), shipped().kinds
        tail = self.kinds.get(name) or known.get(name) or known[table(HARDEST, algorithm)]
        return Chance(*tail.share(bits))

    def of_graphic(self, bits: int, levels: int, algorithm: str) -> Chance:
        """Return the chance that one comparison of flat graphics is as near in hash and colour."""
        from detectors.bank.matching.graphics import place

        tail = shipped().kinds[table(GRAPHIC, algorithm)]
        return Chance(*tail.share(place(bits, levels)))

    def by_features(self, agreed: "Agreement", asked: int) -> Chance:
        """Return the chance that one candidate, brought up by its features, agrees as well.

        Args:
            agreed: how well the picture lies over it.
            asked: features of the picture.
        """
        local = self._local()
        return Chance(*local.tail.share(local.place(agreed, asked)))

    def measured_entries(self) -> int:
        """Return the size of the bank that `by_features` was measured on."""
        return self._local().entries

    def _local(self) -> Local:
        found = self.local or shipped().local
        assert found is not None  # noqa: S101 - the shipped table has one
        return found


def table(kind: str, algorithm: str) -> str:
    """Return the name of the table for a class of entries and a hash."""
    return f"{kind} {algorithm}"


def scaled(agreed: "Agreement", asked: int) -> dict[str, float]:
    """Return what the agreement of a candidate is judged by, each on a scale that suits a sum."""
    return {
        "places": min(agreed.tight, MOST_PLACES),
        "correlation": -math.log(max(0.01, 1 - max(0.0, agreed.correlation))),
        "tiles": math.log1p(agreed.tiles),
        "asked": math.log1p(asked),
    }


@cache
def shipped() -> Tables:
    """Load the tables that come with the program."""
    read: Any = tomllib.loads((HOME / "impostors.toml").read_text("utf-8"))
    return msgspec.convert(read, Tables, strict=False)


def _any_of(one: float, comparisons: int) -> float:
    """Return 1 - (1 - one) ** comparisons, exact for small shares."""
    return 1.0 if one >= 1 else -math.expm1(comparisons * math.log1p(-one))
