"""What chance matches look like in a user's own bank, measured on pictures that are not in it.

It does not grow stale by new entries, since a tail is a share of comparisons, of which a larger
bank makes more.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from detectors.bank.chance.file import BankCalibration
from detectors.bank.chance.tables import BINS, Tables, shipped, table
from detectors.bank.chance.tail_fit import TAIL_PAIRS, TailFit, TooFew, fit_tail
from detectors.bank.entry import PERCEPTUAL, Entry, Status
from detectors.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detectors.bank.matching.search import Searcher
    from detectors.decode.picture import Picture
    from detectors.hashing.views import PictureHashes

LEAST_NEGATIVES: Final = 60
"""Pictures under which nothing is fitted: with none of them near, 3 / n = 5 % is all one knows."""
LEAST_ENTRIES: Final = 20
"""Entries of a class under which its hashes are not fitted."""
LEAST_CHECKS: Final = 300
"""Candidates under which the tail of local features is not fitted."""
SAME: Final = 16
"""Bits within which a negative is a picture of the bank: it is left out, and named."""
BITS: Final = 256
EVEN: Final = 2
"""Two hashes of as many ones as zeros, cut at their medians, differ in an even number of bits."""


class Compared:
    """Distances of many comparisons: all counted, the near ones kept."""

    def __init__(self, bins: int, step: int = 1) -> None:
        """Begin with none.

        Args:
            bins: one more than the largest distance.
            step: 2 where distances are even.
        """
        import numpy as np

        self.counts = np.zeros(bins, np.int64)
        self._step = step
        self._near: list[NDArray[np.int64]] = []

    def add(self, asking: int, asked: "NDArray[np.int64]", bins: "NDArray[np.int64]") -> None:
        """Take the comparisons of one picture.

        Args:
            asking: its number.
            asked: (n,): numbers of the entries it was compared with.
            bins: (n,): how far they are.
        """
        import numpy as np

        self.counts += np.bincount(bins, minlength=len(self.counts))
        reach = int(np.searchsorted(np.cumsum(self.counts), TAIL_PAIRS))
        kept = bins <= reach
        who = np.full(int(kept.sum()), asking)
        self._near.append(np.stack([who, asked[kept], bins[kept]], axis=1).astype(np.int64))

    def tail(self, what: str) -> TailFit:
        """Fit the tail.

        Raises:
            TooFew: there is none.
        """
        import numpy as np

        near = np.concatenate([np.zeros((0, 3), np.int64), *self._near])
        return fit_tail(near, self.counts, what, self._step)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a measurement."""

    calibration: BankCalibration
    same: list[int]
    """Numbers of the pictures that were left out, because the bank has them."""
    unfitted: dict[str, str]
    """Class, or `local` → what the sample had, where that was too little for a tail."""


def measured(searcher: "Searcher", pictures: "Iterable[Picture]", *, now: str) -> Measured:
    """Measure a bank on pictures that are not in it.

    Args:
        searcher: the bank.
        pictures: negatives, the more like the bank's the better; plain ones are passed over.
        now: RFC 3339.

    Raises:
        ConfigError: the pictures are too few.
    """
    from detectors.hashing.views import hash_views

    banked = _tables(searcher)
    sums = {name: Compared(BITS + 1, EVEN) for name in banked}
    local, same, used = Compared(BINS), [], 0
    for number, picture in enumerate(pictures):
        seen = hash_views(picture)
        if seen.low_detail:
            continue
        found = {name: rows.compared(seen) for name, rows in banked.items()}
        if any(bins.min(initial=BITS) <= SAME for _, bins in found.values()):
            same.append(number)
            continue
        used += 1
        for name, (owners, bins) in found.items():
            sums[name].add(number, owners, bins)
        _checked(searcher, picture, seen, number, local)
    if used < LEAST_NEGATIVES:
        raise ConfigError(
            f"{used} pictures that are not in the bank: too few for any statement; at least "
            f"{LEAST_NEGATIVES} are needed, and a few hundred for a useful one"
        )
    made, unfitted = _fit_all(searcher, sums, banked, local)
    if not made.kinds and made.local is None:
        told = "; ".join(f"{name}: {why}" for name, why in unfitted.items())
        raise ConfigError(f"{searcher.bank.path}: nothing could be fitted ({told})")
    calibration = BankCalibration(
        made=now, negatives=used, entries=len(searcher.index), tables=made
    )
    return Measured(calibration=calibration, same=same, unfitted=unfitted)


def _fit_all(
    searcher: "Searcher", sums: dict[str, Compared], banked: "dict[str, Rows]", local: Compared
) -> tuple[Tables, dict[str, str]]:
    """Return the tails that could be fitted, and why the others could not."""
    unfitted: dict[str, str] = {}
    kinds = {
        name: tail
        for name, each in sums.items()
        if (tail := _tail(each, name, banked[name].entries, LEAST_ENTRIES, unfitted)) is not None
    }
    near = _tail(local, "local", int(local.counts.sum()), LEAST_CHECKS, unfitted)
    judge = shipped().local
    if near is None or judge is None:
        return Tables(kinds=kinds), unfitted
    entries = len(searcher.index)
    fused = msgspec.structs.replace(judge, tail=near, entries=entries)
    return Tables(kinds=kinds, local=fused), unfitted


class Rows:
    """The hashes of some entries as one array."""

    def __init__(self, entries: Iterable[Entry], algorithm: str) -> None:
        """Take each entry's hashes of an algorithm."""
        import numpy as np

        self._stable = algorithm != "pdq"
        pairs = [
            (number, each.value)
            for number, entry in enumerate(entries)
            for each in entry.hashes.get(algorithm, ())
        ]
        packed = np.frombuffer(bytes.fromhex("".join(value for _, value in pairs)), np.uint8)
        self._rows = packed.reshape(-1, BITS // 8)
        self._owners = np.array([number for number, _ in pairs], np.int64)
        self.entries = len(set(self._owners.tolist()))

    def compared(self, seen: "PictureHashes") -> tuple["NDArray[np.int64]", "NDArray[np.int64]"]:
        """Return entry and differing bits of every comparison with one picture."""
        import numpy as np

        from detectors.hashing.picture import distances

        asked = (seen.stable if self._stable else seen.turned).reshape(-1, BITS // 8)
        apart = distances(asked, self._rows)
        return np.tile(self._owners, len(asked)), apart.astype(np.int64).ravel()


def _tables(searcher: "Searcher") -> dict[str, Rows]:
    """Return the hashes of the entries that can match by look, by class and algorithm."""
    groups: dict[str, tuple[str, list[Entry]]] = {}
    for entry in searcher.bank.entries.values():
        if entry.status is not Status.WITHDRAWN:
            for algorithm in PERCEPTUAL:
                if algorithm in entry.hashes:
                    name = table(entry.kind.value, algorithm)
                    groups.setdefault(name, (algorithm, []))[1].append(entry)
    return {name: Rows(entries, algorithm) for name, (algorithm, entries) in groups.items()}


def _checked(
    searcher: "Searcher", picture: "Picture", seen: "PictureHashes", number: int, local: Compared
) -> None:
    """Note how well the picture lies over the candidates that its features bring up."""
    import numpy as np

    judge = shipped().local
    if judge is None:
        return
    from detectors.bank.matching.search import UPRIGHT
    from detectors.bank.matching.verify import scaled

    checks = list(searcher.checks(picture, searcher.index.nearest(seen, UPRIGHT)))
    bins = [judge.bin(scaled(each.verified, each.asked)) for each in checks]
    owners = [each.ordinal for each in checks]
    local.add(number, np.array(owners, np.int64), np.array(bins, np.int64))


def _tail(
    compared: Compared, name: str, have: int, need: int, unfitted: dict[str, str]
) -> TailFit | None:
    """Return the tail, or None after noting why there is none."""
    if have < need:
        what = "candidates" if name == "local" else "entries"
        unfitted[name] = f"{have} {what}, and {need} are needed"
        return None
    try:
        return compared.tail("the bank's entries against the pictures given")
    except TooFew as few:
        unfitted[name] = str(few)
        return None
