"""The watermark of green lists, as `transformers` and its authors' code write it.

Kirchenbauer, Geiping, Wen, Katz, Miers, Goldstein: A Watermark for Large Language Models (ICML
2023), and On the Reliability of Watermarks (ICLR 2024). Green lists equal those of
`transformers.WatermarkLogitsProcessor`, which draws them by `torch.randperm`; on a CPU that is a
Mersenne Twister and the shuffle of Fisher and Yates, so torch is not needed to repeat it.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from detectors.text_marks.watermarks.chance import log10_tail
from detectors.text_marks.watermarks.score import Score
from detectors.text_marks.watermarks.settings import Kgw

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TABLE = 1_000_003
"""Entries of the table by which `selfhash` scatters token ids."""
SEEDS = 2**64 - 1
"""Seeds are taken modulo this number."""

Drawn = Callable[[int, list[int]], Iterable[bool]]
"""Returns for a seed and tokens whether each is on the seed's green list."""


class GreenLists:
    """Scores texts under one key."""

    def __init__(self, settings: Kgw, key: int) -> None:
        """Keep what was set.

        Args:
            settings: checked.
            key: the hashing key, 1 to 2**63 - 1.
        """
        self._settings = settings
        self._key = key
        self._size = int(settings.vocab_size * settings.greenlist_ratio)

    def score(self, ids: Sequence[int]) -> Score:
        """Return how a text stands.

        A token is green or not by its seed and itself, so both together count once, however often
        a text repeats them. Under a random key a token is then green with the share of the list
        for its chance; tokens of one seed exclude each other a little, which only makes high
        counts rarer than the binomial distribution says.

        Args:
            ids: the text's tokens, without any that a tokenizer adds.
        """
        chance = self._size / self._settings.vocab_size
        if self._settings.device == "cuda":
            found = self._green(ids, drawn_on("cuda", self._settings.vocab_size, self._size))
        else:
            found = self._green(ids, drawn_by_numpy(self._settings.vocab_size, self._size))
        greens, tokens = sum(found), len(found)
        log10_p = log10_tail({1: tokens}, chance, greens) if tokens else 0.0
        share = round(greens / tokens, 3) if tokens else None
        facts = {"green_share": share, "expected_share": round(chance, 3)}
        return Score(tokens=tokens, log10_p=log10_p, facts=facts)

    def _green(self, ids: Sequence[int], drawn: Drawn) -> list[bool]:
        """Tell whether it is green for every seed with its token, each once."""
        wanted: dict[int, dict[int, None]] = {}
        for seed, token in zip(*self._seeded(ids), strict=True):
            wanted.setdefault(seed, {})[token] = None
        return [green for seed, tokens in wanted.items() for green in drawn(seed, list(tokens))]

    def _seeded(self, ids: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return the seed under which each scored token was chosen, and the tokens."""
        width = self._settings.context_width
        if self._settings.seeding_scheme == "lefthash":
            seeds = [self._key * before % SEEDS for before in ids[width - 1 : -1]]
            return seeds, list(ids[width:])
        import numpy as np

        if len(ids) < width:
            return [], []
        made_by = self._key if self._settings.table_seed is None else self._settings.table_seed
        spread = _table(made_by, self._settings.device)[np.asarray(ids) % TABLE] + 1
        windows = np.lib.stride_tricks.sliding_window_view(spread, width)
        products = np.int64(self._key) * windows * windows[:, -1:]  # wraps around, as torch does
        return [int(seed) % SEEDS for seed in products.min(axis=1)], list(ids[width - 1 :])


def drawn_by_numpy(vocabulary: int, size: int) -> Drawn:
    """Build the lists that torch draws on a CPU, without torch.

    Args:
        vocabulary: token ids, 0 to this number less 1.
        size: of a list, less than the vocabulary.
    """
    import numpy as np

    steps = np.arange(size)

    def drawn(seed: int, tokens: list[int]) -> list[bool]:
        swaps = steps + words(seed, size) % (vocabulary - steps)
        return [_reaches(swaps, token) for token in tokens]

    return drawn


def words(seed: int, count: int) -> "NDArray[np.int64]":
    """Return the first 32-bit words that a CPU generator of torch draws under a seed."""
    import numpy as np

    source = np.random.RandomState(seed & 0xFFFFFFFF)
    return source.randint(0, 2**32, size=count, dtype=np.uint32).astype(np.int64)


def _reaches(swaps: "NDArray[np.int64]", token: int) -> bool:
    """Tell whether a token is among the first of a shuffle.

    Step i of the shuffle swaps position i with a position at or behind it and never touches
    position i again. So the token is followed alone: it stays where it is until a step draws its
    position, and then it is on the list; or until its own position is filled by another, and then
    it moves there.

    Args:
        swaps: the position with which each step swaps its own, as many steps as the list is long.
        token: whose position is its number before the first step.
    """
    first, position = 0, token
    while True:
        if (swaps[first : position + 1] == position).any():
            return True
        if position >= len(swaps):
            return False
        first, position = position + 1, int(swaps[position])


def drawn_on(device: str, vocabulary: int, size: int) -> Drawn:
    """Build the lists that torch draws on a device.

    Args:
        device: `cuda`, or `cpu`.
        vocabulary: token ids, 0 to this number less 1.
        size: of a list, less than the vocabulary.
    """
    import torch

    source = torch.Generator(device=device)

    def drawn(seed: int, tokens: list[int]) -> list[bool]:
        source.manual_seed(seed)
        green = torch.randperm(vocabulary, generator=source, device=device)[:size]
        held: list[bool] = torch.isin(torch.tensor(tokens, device=device), green).tolist()
        return held

    return drawn


@lru_cache(4)
def _table(seed: int, device: str) -> "NDArray[np.int64]":
    """Return the permutation by which `selfhash` scatters token ids."""
    import numpy as np

    if device == "cuda":
        import torch

        source = torch.Generator(device=device).manual_seed(seed)
        drawn = torch.randperm(TABLE, generator=source, device=device)
        made: NDArray[np.int64] = drawn.cpu().numpy()
        return made
    swaps = np.arange(TABLE - 1) + words(seed, TABLE - 1) % (TABLE - np.arange(TABLE - 1))
    numbers = list(range(TABLE))
    for here, there in enumerate(swaps.tolist()):
        numbers[here], numbers[there] = numbers[there], numbers[here]
    return np.array(numbers)
